"""Where the objects of a tenant's backups are in the bucket. Everything is below the tenant's own prefix.

``<namespace>/logical/<id>/manifest.json``      the manifest: a backup is one when it is there
``<namespace>/logical/<id>/begun.json``         that a backup has begun to go through the files: none goes meanwhile
``<namespace>/logical/<id>/dump/<file>.age``    the database, as PostgreSQL's directory format has it
``<namespace>/checkpoints/<release>.json``      which checkpoint counts for a release
``<namespace>/files/<SHA-256>.<id>.age``        a file of the filestore, and which backup sent it; whoever needs it
``<namespace>/going/<id>.json``                 files that are being removed: no backup relies on them any more
``<namespace>/cell.json``                       whose this is and in which cell: what drills find tenants by
``<namespace>/drills/<id>.json``                in the evidence bucket: what a drill found
``<namespace>/restores/<id>.json``              in the evidence bucket: what a restore did
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from spec.cloud_names import object_prefix
from spec.naming import tenant_namespace

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST: Final = "manifest.json"
ID_LENGTH: Final = 23
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}\Z", re.ASCII)


def new_id(now: datetime, digits: Callable[[], str] | None = None) -> str:
    """Return the id of a backup that begins now: its second in UTC and six digits, so that ids sort by time.

    The first three digits tell parts of a second apart (1/4096); the other three are at random.
    """
    last = (
        f"{now.microsecond * 4096 // 1_000_000:03x}{secrets.token_hex(2)[:3]}" if digits is None else digits()
    )
    return f"{now.astimezone(UTC).strftime(_STAMP)}-{last}"


def is_id(text: str) -> bool:
    """Say whether a text is the id of a backup."""
    return _ID.match(text) is not None


def begun(backup_id: str) -> datetime:
    """Return when a backup began, which its id says."""
    return datetime.strptime(backup_id.partition("-")[0], _STAMP).replace(tzinfo=UTC)


EVERYBODY: Final = tenant_namespace("")
"""What the prefixes of all tenants begin with."""


def cell(namespace: str) -> str:
    """Return the key of the record that says in which cell the tenant of a namespace is."""
    return f"{object_prefix(namespace)}cell.json"


def logical(tenant: str) -> str:
    """Return the prefix of all logical backups of a tenant."""
    return f"{object_prefix(tenant_namespace(tenant))}logical/"


def files(tenant: str) -> str:
    """Return the prefix of a tenant's files."""
    return f"{object_prefix(tenant_namespace(tenant))}files/"


def manifest(tenant: str, backup_id: str) -> str:
    """Return the key of a manifest."""
    return f"{logical(tenant)}{backup_id}/{MANIFEST}"


def dump_part(tenant: str, backup_id: str, name: str) -> str:
    """Return the key of one file of a dump."""
    return f"{logical(tenant)}{backup_id}/dump/{name}.age"


def intent(tenant: str, backup_id: str) -> str:
    """Return the key of the record that a backup leaves before it decides which files it uses again."""
    return f"{logical(tenant)}{backup_id}/begun.json"


def file(tenant: str, sha256: str, sent_by: str | None) -> str:
    """Return the key of a file by the SHA-256 of its content and the backup that sent it.

    No key is ever written by two: what is being removed, or sealed anew, is never what somebody else relies on.
    Backups of before that rule have no sender in the keys of their files.
    """
    return f"{files(tenant)}{sha256}.{sent_by}.age" if sent_by else f"{files(tenant)}{sha256}.age"


def sent(key: str) -> tuple[str, str | None]:
    """Return the SHA-256 that the key of a file names, and who sent it."""
    sha256, _, sender = key.rpartition("/")[2].removesuffix(".age").partition(".")
    return sha256, sender or None


def going(tenant: str, prune_id: str = "") -> str:
    """Return the key of a list of files that are being removed; without an id, the prefix of all of them."""
    prefix = f"{object_prefix(tenant_namespace(tenant))}going/"
    return f"{prefix}{prune_id}.json" if prune_id else prefix


def checkpoint(tenant: str, release: str) -> str:
    """Return the key of the record that binds a checkpoint to a release."""
    return f"{object_prefix(tenant_namespace(tenant))}checkpoints/{release}.json"


def drill(tenant: str, drill_id: str) -> str:
    """Return the key of a drill's evidence."""
    return f"{object_prefix(tenant_namespace(tenant))}drills/{drill_id}.json"


def restore(tenant: str, restore_id: str) -> str:
    """Return the key of a restore's evidence."""
    return f"{object_prefix(tenant_namespace(tenant))}restores/{restore_id}.json"
