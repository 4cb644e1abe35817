"""The manifest of a logical backup: what was taken, from when it is, and by which hashes it is told to be whole."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime  # noqa: TC003 - pydantic needs it at run time
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from recovery.trouble import NotWhole
from spec.model import SpecModel

FORMAT: Final = 1
_HEX: Final = r"^[0-9a-f]{64}$"
Sha256 = Annotated[str, Field(pattern=_HEX)]
Size = Annotated[int, Field(ge=0)]
Kind = Literal["backup", "checkpoint"]


class Table(SpecModel):
    """A table as the snapshot had it."""

    name: str
    rows: Size
    max_id: int | None = None


class Part(SpecModel):
    """One file of the dump: plain, and sealed as it is stored."""

    name: str
    sha256: Sha256
    size: Size
    stored_sha256: Sha256
    stored_size: Size
    version: str | None = None


class File(SpecModel):
    """One file of the filestore, by the name that the database knows it by."""

    name: str
    sha256: Sha256
    size: Size
    stored_sha256: Sha256
    stored_size: Size
    version: str | None = None
    sent_by: str | None = None
    """The backup that sent it, which is part of its key; None in manifests of before keys said so."""


class Attachment(SpecModel):
    """A file that the snapshot needs, as the database describes it."""

    name: str
    """Path below the filestore of the database: Odoo's ``store_fname``."""
    sha1: str | None
    """Odoo's own ``checksum``."""


class Facts(SpecModel):
    """What the snapshot says about itself."""

    snapshot_at: datetime
    postgres: int
    """Version of the server as a number, such as 150018."""
    odoo: str | None
    """Version of the module base; None where it is not installed."""
    tables: tuple[Table, ...]
    unfinished_modules: Size
    """Modules that an update left half way (`state LIKE 'to %'`)."""


class Manifest(SpecModel):
    """A backup that was read back before this was written; nothing else makes a backup one."""

    format: Literal[1] = FORMAT
    id: str
    tenant: str
    database: str
    kind: Kind
    release: str | None
    image: str | None
    """Digest of the image of the tenant's processes."""
    facts: Facts
    recipients: tuple[str, ...]
    """The public keys to which everything is sealed."""
    dump: tuple[Part, ...]
    files: tuple[File, ...]
    from_earlier: tuple[str, ...] = ()
    """Files that were gone or damaged in the filestore, and are taken from an earlier backup: same content."""
    accepted_missing: tuple[str, ...] = ()
    """Files that were lost before, which whoever took the backup accepted by name."""
    finished_at: datetime
    expires_at: datetime
    """Until then every object above is kept, and locked where the bucket locks."""

    @property
    def stored_size(self) -> int:
        """Bytes in the store, files that other backups need as well included."""
        return sum(part.stored_size for part in self.dump) + sum(file.stored_size for file in self.files)

    def text(self) -> bytes:
        """Return the object that is stored: the manifest and its digest, as JSON."""
        return json.dumps({"digest": self.digest, "manifest": self._body}, indent=1, sort_keys=True).encode()

    @property
    def digest(self) -> str:
        """``sha256:`` and the hash of the manifest's canonical JSON: what a tenant's file records."""
        canonical = json.dumps(self._body, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    @property
    def _body(self) -> dict[str, Any]:
        body = self.model_dump(mode="json")
        for file in body[
            "files"
        ]:  # what is not there is not said: digests that were recorded stay what they are
            if file["sent_by"] is None:
                del file["sent_by"]
        return body


def parse(text: bytes, where: str) -> Manifest:
    """Read a stored manifest.

    Raises:
        NotWhole: it is no manifest, or not the one that was written.

    """
    try:
        found = json.loads(text)
        read = Manifest.model_validate_json(json.dumps(found["manifest"]))
        digest = found["digest"]
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise NotWhole(f"{where} is no manifest that this version reads ({type(error).__name__})") from None
    if digest != read.digest:
        raise NotWhole(f"{where} was changed after it was written: its digest does not match")
    return read
