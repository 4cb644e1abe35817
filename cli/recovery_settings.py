"""Where backups come from and go to: variables of the process, because a job in the cluster has nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from local.state import ROOT, state
from recovery.backup.run import Places
from recovery.database.server import Server
from recovery.store.objects import Store
from recovery.store.sealing import Identity, Recipients, identity, recipients
from spec.problems import Problem, SpecError, closest, shown
from spec.vocabulary import TenantId, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACE: Final = "the environment of this process"
STORE: Final = "STOREFLEET_STORE"
BACKUPS: Final = "STOREFLEET_BACKUPS"
EVIDENCE: Final = "STOREFLEET_EVIDENCE"
DATABASE: Final = "STOREFLEET_DATABASE"
FILESTORE: Final = "STOREFLEET_FILESTORE"
RECIPIENTS: Final = "STOREFLEET_RECIPIENTS"
IDENTITY: Final = "STOREFLEET_IDENTITY"
SCRATCH: Final = "STOREFLEET_SCRATCH"
TIER: Final = "STOREFLEET_TIER"
CELL: Final = "STOREFLEET_CELL"
METRICS: Final = "STOREFLEET_METRICS"
PUSHGATEWAY: Final = "STOREFLEET_PUSHGATEWAY"

HELP: Final[Mapping[str, str]] = {
    STORE: "address of the object store, such as https://s3.eu-central-1.amazonaws.com",
    BACKUPS: "name of the bucket of backups",
    EVIDENCE: "name of the bucket of evidence",
    DATABASE: "how the server is reached, in libpq's words without a password: host=... port=... user=...",
    FILESTORE: "folder with a folder of files for each database",
    RECIPIENTS: "public keys (age1...) to which backups are sealed, or the path of a file with them",
    IDENTITY: "path of the file with the private key that opens backups",
}
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """The variables; each is asked for only by what needs it."""

    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def text(self, name: str) -> str:
        """Return a variable; raises SpecError where it is not set."""
        value = self.variables.get(name, "").strip()
        if not value:
            raise _wrong(name, "is not set", fix=f"export {name}=...")
        return value

    def store(self, bucket_variable: str = BACKUPS) -> Store:
        """Return a bucket."""
        endpoint = self.text(STORE)
        if not endpoint.startswith(("https://", "http://")):
            raise _wrong(STORE, "is no address", endpoint, fix=f"write https://{endpoint}")
        bucket = self.text(bucket_variable)
        if not _BUCKET.match(bucket):
            raise _wrong(bucket_variable, "is no name of a bucket", bucket)
        return Store(endpoint, bucket, region=self.variables.get("AWS_REGION", "us-east-1"))

    def evidence(self) -> Store | None:
        """Return the bucket of evidence; None where none is named."""
        return self.store(EVIDENCE) if self.variables.get(EVIDENCE) else None

    def server(self) -> Server:
        """Return the server of the cell."""
        words = self.text(DATABASE)
        if "password" in words or "://" in words:
            message = "holds more than where the server is: a password would be seen in lists of processes"
            raise _wrong(DATABASE, message, fix="put the password into PGPASSWORD or a passfile")
        return Server(conninfo=words)

    def filestore(self) -> Path:
        """Return the folder of files."""
        path = Path(self.text(FILESTORE))
        if not path.is_dir():
            raise _wrong(FILESTORE, "is no folder", str(path))
        return path

    def recipients(self) -> Recipients:
        """Return the public keys."""
        return recipients(self.text(RECIPIENTS), RECIPIENTS)

    def identity(self) -> Identity:
        """Return the private key."""
        return identity(self.text(IDENTITY), IDENTITY)

    def scratch(self) -> Path:
        """Return the folder for what is on its way; in the checkout's state unless stated."""
        chosen = self.variables.get(SCRATCH)
        return Path(chosen) if chosen else state().root / "recovery" / "scratch"

    def places(self, *, jobs: int, sealing: bool = True) -> Places:
        """Return everything that a backup needs, or a restore (`sealing` False: it needs no public keys)."""
        return Places(
            server=self.server(),
            filestore=self.filestore(),
            store=self.store(),
            recipients=self.recipients() if sealing else Recipients(names=()),
            scratch=self.scratch(),
            jobs=jobs,
        )

    def tier(self) -> Tier:
        """Return the tenant's tier; unless stated the one that keeps longest and promises most."""
        chosen = self.variables.get(TIER, Tier.DEDICATED.value)
        try:
            return Tier(chosen)
        except ValueError:
            nearest = closest(chosen, [each.value for each in Tier])
            fix = f"did you mean {nearest}?" if nearest else ""
            raise _wrong(TIER, "is no tier", chosen, fix=fix) from None


def tenant_id(text: str) -> str:
    """Check the name of a tenant: its form, and where tenants' files are at hand, that there is one.

    Raises:
        SpecError: it cannot be a tenant's, or is none's.

    """
    try:
        found = TypeAdapter(TenantId).validate_python(text)
    except ValidationError as error:
        details = error.errors()[0].get("ctx", {})
        raise SpecError(
            [
                Problem(
                    file="the command line",
                    field="TENANT",
                    value=shown(text),
                    message=str(details.get("message", "is not an id")),
                    allowed=str(details.get("allowed", "")),
                    fix=str(details.get("fix", "")),
                )
            ]
        ) from None
    known = sorted(path.stem for path in (ROOT / "tenants").glob("*.yaml"))
    if known and found not in known:
        nearest = closest(found, known)
        raise SpecError(
            [
                Problem(
                    file="the command line",
                    field="TENANT",
                    value=shown(found),
                    message="no tenant has this id",
                    allowed="an id of a file in tenants/",
                    fix=f"did you mean {nearest}?" if nearest else "",
                )
            ]
        )
    return found


def _wrong(name: str, message: str, value: str = "", fix: str = "") -> SpecError:
    return SpecError(
        [
            Problem(
                file=PLACE,
                field=name,
                value=shown(value, name) if value else "",
                message=message,
                allowed=HELP.get(name, ""),
                fix=fix,
            )
        ]
    )
