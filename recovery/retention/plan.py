"""Which backups of a tenant are removed, and which objects then nobody needs. Pure: a list in, a list out.

The order of removal is part of the plan: the manifest goes first, so that what is half removed is no backup.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from recovery.store import keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recovery.catalogue import Listed
    from recovery.manifest import Manifest

UNFINISHED_KEPT: Final = timedelta(days=2)
"""How long what an interrupted backup sent stays: the next run goes on with it, and somebody may look at it."""
LONGEST: Final = timedelta(days=1)
"""No backup is finished later than this after it began. Well below the time above, so that nobody takes a backup
that runs, on a machine with another clock, for one that was given up."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a backup stays or goes."""

    id: str
    keeps: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class RetentionPlan:
    """What is removed, in this order, and why each backup stays or goes."""

    reasons: tuple[Reason, ...]
    backups: tuple[str, ...]
    """Keys: manifests, then their dumps."""
    files: tuple[str, ...]
    """Keys of files that no backup needs."""
    held: str = ""
    """Why no file is removed at all this time; empty where they are."""

    @property
    def remove(self) -> tuple[str, ...]:
        """Everything that is removed."""
        return (*self.backups, *self.files)


def plan_retention(
    tenant: str, backups: Sequence[Listed], existing: Iterable[str], now: datetime
) -> RetentionPlan:
    """Plan what goes.

    Args:
        tenant: whose.
        backups: every backup that was begun, with its manifest where that is good.
        existing: every key below the tenant's ``logical/`` and ``files/``.
        now: the moment, with its time zone.

    The newest good backup stays however old it is: a tenant is never left without one. Nothing that a kept
    backup names is removed; and while a manifest cannot be read, no file is: it may be the one that needs it.

    """
    there = sorted(existing)
    good = [each for each in backups if each.manifest is not None]
    newest = good[-1].id if good else None
    reasons = [_reason(each, newest, now) for each in backups]
    going = [reason.id for reason in reasons if not reason.keeps]
    prefix = keys.logical(tenant)
    manifests = [keys.manifest(tenant, one) for one in going]
    dumps = [
        key
        for one in going
        for key in there
        if key.startswith(f"{prefix}{one}/") and key not in set(manifests)
    ]
    staying = [each for each in backups if each.id not in set(going)]
    held = _held(staying)
    needed = {
        keys.file(tenant, file.sha256, file.sent_by)
        for each in staying
        if each.manifest
        for file in each.manifest.files
    }
    files = [] if held else [key for key in there if key.startswith(keys.files(tenant)) and key not in needed]
    present = set(there)
    return RetentionPlan(
        reasons=tuple(reasons),
        backups=(*(key for key in manifests if key in present), *dumps),
        files=tuple(files),
        held=held,
    )


def needs(manifest: Manifest) -> frozenset[str]:
    """Return every key that a recovery from a backup reads."""
    dump = {keys.dump_part(manifest.tenant, manifest.id, part.name) for part in manifest.dump}
    files = {keys.file(manifest.tenant, file.sha256, file.sent_by) for file in manifest.files}
    return frozenset({keys.manifest(manifest.tenant, manifest.id), *dump, *files})


def _reason(each: Listed, newest: str | None, now: datetime) -> Reason:
    if each.manifest is None:
        age = now - keys.begun(each.id)
        if age < UNFINISHED_KEPT:
            return Reason(id=each.id, keeps=True, why="has no good manifest yet: it may still be running")
        if "changed after" in each.reason or "no manifest that" in each.reason:
            return Reason(id=each.id, keeps=True, why=f"somebody must look at it: {each.reason}")
        return Reason(id=each.id, keeps=False, why="was never finished, and nobody goes on with it any more")
    if each.manifest.expires_at > now:
        return Reason(id=each.id, keeps=True, why=f"is kept until {each.manifest.expires_at:%Y-%m-%d}")
    if each.id == newest:
        return Reason(id=each.id, keeps=True, why="has expired, and is the newest: without it there is none")
    return Reason(id=each.id, keeps=False, why=f"was kept until {each.manifest.expires_at:%Y-%m-%d}")


def _held(staying: Iterable[Listed]) -> str:
    for each in staying:
        if each.manifest is None:
            return f"no file is removed while {each.id} has no good manifest: it may need any of them"
    return ""
