"""Objects in an S3 bucket: sent whole or not at all, read back by hash, and locked for as long as they are needed."""

from __future__ import annotations

import hashlib
import io
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider
from minio.error import MinioException, S3Error
from minio.retention import Retention
from urllib3.exceptions import HTTPError

from recovery.trouble import NotWhole, StoreTrouble

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from minio.credentials.providers import Provider
    from urllib3 import BaseHTTPResponse

PART_BYTES: Final = 16 * 1024**2
"""Size of the parts of a large upload: a part that fails is sent again, not the whole. S3 takes 10,000 of them."""

_CHUNK: Final = 256 * 1024
_SUM: Final = "sha256"
_META: Final = f"x-amz-meta-{_SUM}"
_UNTIL: Final = "x-amz-object-lock-retain-until-date"
_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchVersion", "ResourceNotFound", "NotFound"})
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"}
)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One version of an object: SHA-256 and size of its bytes as stored, and until when nobody deletes it.

    `version` is None in a bucket that keeps none, `locked_until` where nothing is locked.
    """

    key: str
    sha256: str
    size: int
    version: str | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a store may be silent, and how often something is tried again."""

    connect_seconds: float = 10
    read_seconds: float = 60
    tries: int = 5
    wait_seconds: float = 0.2


class Store:
    """A bucket. Its calls may be made from several threads at once."""

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        region: str = "us-east-1",
        patience: Patience | None = None,
        credentials: Provider | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        patience = patience or Patience()
        secure = not endpoint.startswith("http://")
        self.bucket = bucket
        self.endpoint = endpoint
        self._patience = patience
        self._part_bytes = part_bytes
        self._lock_mode: str | None = None
        self._asked_lock = False
        self._client = Minio(
            endpoint.removeprefix("https://").removeprefix("http://").rstrip("/"),
            secure=secure,
            region=region,
            # In a pod: the token of its service account. By hand: what the environment or ~/.aws says.
            credentials=credentials
            or ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()]),
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=patience.connect_seconds, read=patience.read_seconds),
                maxsize=32,
                retries=urllib3.Retry(
                    total=patience.tries,
                    backoff_factor=patience.wait_seconds,
                    status_forcelist=[500, 502, 503, 504],
                ),
            ),
        )

    def put(self, key: str, source: Path | bytes, *, sha256: str, until: datetime | None = None) -> Stored:
        """Send an object: it is there as a whole, or not. A large one goes in parts.

        Args:
            key: where it goes.
            source: its bytes.
            sha256: of these bytes; kept with the object, so that whoever reads it can tell that it is whole.
            until: until when nobody may delete this version, where the bucket locks.

        Raises:
            StoreTrouble: it was not taken.

        """
        mode = self.lock_mode() if until is not None else None
        retention = Retention(mode, until) if mode and until else None
        with self._explained(f"{key} could not be stored"):
            stream: BinaryIO
            with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
                size = stream.seek(0, io.SEEK_END)
                stream.seek(0)
                done = self._client.put_object(
                    self.bucket,
                    key,
                    stream,
                    size,
                    metadata={_SUM: sha256},
                    retention=retention,
                    part_size=self._part_bytes,
                )
        return Stored(
            key=key, sha256=sha256, size=size, version=done.version_id, locked_until=until if mode else None
        )

    def find(self, key: str, version: str | None = None) -> Stored | None:
        """Return what is stored under a key; None when nothing is. What it is worth, only `check` says."""
        with self._explained(f"{key} could not be looked up"):
            try:
                found = self._client.stat_object(self.bucket, key, version_id=version)
            except S3Error as error:
                if error.code in _ABSENT:
                    return None
                raise
        headers = found.metadata or {}
        return Stored(
            key=key,
            sha256=headers.get(_META, ""),
            size=found.size or 0,
            version=found.version_id,
            locked_until=_instant(headers.get(_UNTIL)),
        )

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that begin with a prefix, in order."""
        with self._explained(f"{prefix} could not be listed"):
            found = self._client.list_objects(self.bucket, prefix=prefix, recursive=True)
            return sorted(cast("str", each.object_name) for each in found)

    def folders(self, prefix: str) -> list[str]:
        """Return what comes next in the keys below a prefix, up to the slash, in order."""
        with self._explained(f"{prefix} could not be listed"):
            found = self._client.list_objects(self.bucket, prefix=prefix)
            names = [cast("str", each.object_name) for each in found]
        return sorted(name.removeprefix(prefix).rstrip("/") for name in names if name.endswith("/"))

    def read(self, key: str, version: str | None = None) -> Iterator[bytes]:
        """Yield an object's bytes; where the connection breaks it goes on from there.

        Raises:
            NotWhole: there is no such object.
            StoreTrouble: it could not be read to its end.

        """
        done, total, failures = 0, None, 0
        while total is None or done < total:
            try:
                with (
                    self._explained(f"{key} could not be read"),
                    self._opened(key, version, done) as response,
                ):
                    if total is None:
                        total = int(response.headers.get("content-length", "0"))
                    for chunk in response.stream(_CHUNK):
                        done += len(chunk)
                        yield chunk
                    if done != total:
                        raise HTTPError(f"it ended after {done} of {total} bytes")
            except _Cut:
                failures += 1
                if failures >= self._patience.tries:
                    raise
                time.sleep(self._patience.wait_seconds * 2**failures)

    def bytes(self, key: str, version: str | None = None) -> bytes:
        """Return a whole small object."""
        return b"".join(self.read(key, version))

    def check(self, wanted: Stored) -> None:
        """Read an object to its end and compare.

        Raises:
            NotWhole: it is not there, or not what was stored.

        """
        digest, size = hashlib.sha256(), 0
        for chunk in self.read(wanted.key, wanted.version):
            digest.update(chunk)
            size += len(chunk)
        if (digest.hexdigest(), size) != (wanted.sha256, wanted.size):
            raise NotWhole(
                f"{wanted.key} is not what was stored: {size} of {wanted.size} bytes, and their SHA-256 "
                f"{'matches' if digest.hexdigest() == wanted.sha256 else 'differs'}"
            )

    def keep(self, stored: Stored, until: datetime) -> Stored:
        """Lock a version for longer where the bucket locks and its lock would end too early.

        An end is never brought forward: the store would refuse, and somebody else may rely on it.
        """
        mode = self.lock_mode()
        if mode is None or (stored.locked_until is not None and stored.locked_until >= until):
            return stored
        with self._explained(f"{stored.key} could not be locked until {until:%Y-%m-%d}"):
            self._client.set_object_retention(
                self.bucket, stored.key, Retention(mode, until), version_id=stored.version
            )
        return Stored(
            key=stored.key, sha256=stored.sha256, size=stored.size, version=stored.version, locked_until=until
        )

    def remove(self, key: str) -> None:
        """Remove an object. Where the bucket keeps versions, the version stays until its time has come."""
        with self._explained(f"{key} could not be removed"):
            self._client.remove_object(self.bucket, key)

    def lock_mode(self) -> str | None:
        """Return GOVERNANCE or COMPLIANCE where the bucket locks its objects; None where it does not."""
        if not self._asked_lock:
            with self._explained(f"the lock of bucket {self.bucket} could not be looked up"):
                try:
                    self._lock_mode = self._client.get_object_lock_config(self.bucket).mode or None
                except S3Error as error:
                    if error.code != "ObjectLockConfigurationNotFoundError":
                        raise
            self._asked_lock = True
        return self._lock_mode

    @contextmanager
    def _opened(self, key: str, version: str | None, offset: int) -> Generator[BaseHTTPResponse]:
        try:
            response = self._client.get_object(self.bucket, key, offset=offset, version_id=version)
        except S3Error as error:
            if error.code in _ABSENT:
                raise NotWhole(f"{key} is not in the store") from None
            raise
        try:
            yield response
        finally:
            response.close()
            response.release_conn()

    @contextmanager
    def _explained(self, what: str) -> Generator[None]:
        try:
            yield
        except S3Error as error:
            advice = ""
            if error.code in _EXPIRED:
                advice = ": the credentials are not valid, or no longer. Renew them and run the command again"
            elif error.code == "NoSuchBucket":
                advice = f": there is no bucket {self.bucket} at {self.endpoint}"
            elif error.code == "AccessDenied":
                advice = f": these credentials have no right to do that in {self.bucket}"
            raise StoreTrouble(f"{what}: {error.code}{advice}") from error
        except MinioException as error:
            raise StoreTrouble(f"{what}: the store at {self.endpoint} answered {error}") from error
        except HTTPError as error:
            raise _Cut(
                f"{what}: the connection to {self.endpoint} failed ({type(error).__name__})"
            ) from error
        except ParseError as error:
            raise StoreTrouble(f"{what}: the answer of {self.endpoint} was damaged on its way") from error
        except ValueError as error:  # the credentials could not be had
            raise StoreTrouble(f"{what}: {error}") from error


class _Cut(StoreTrouble):
    """The connection broke: worth another try."""


def _instant(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text).astimezone(UTC)
