"""Which backups of a tenant there are: those with a manifest that is what was written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recovery.manifest import Manifest, parse
from recovery.store import keys
from recovery.trouble import NotWhole
from spec.problems import Problem, SpecError, suggestion

if TYPE_CHECKING:
    from recovery.store.objects import Store

LATEST: Final = "latest"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What there is of one backup: its manifest, or why it does not count."""

    id: str
    manifest: Manifest | None
    reason: str = ""


def listed(store: Store, tenant: str) -> list[Listed]:
    """Return every backup that was begun, oldest first; one without a good manifest is none."""
    found: list[Listed] = []
    for backup_id in store.folders(keys.logical(tenant)):
        if not keys.is_id(backup_id):
            continue
        try:
            found.append(Listed(id=backup_id, manifest=read(store, tenant, backup_id)))
        except NotWhole as error:
            found.append(Listed(id=backup_id, manifest=None, reason=str(error)))
    return found


def read(store: Store, tenant: str, backup_id: str) -> Manifest:
    """Return a manifest.

    Raises:
        NotWhole: it is not there, was changed, or is that of something else.

    """
    key = keys.manifest(tenant, backup_id)
    found = parse(store.bytes(key), key)
    if (found.tenant, found.id) != (tenant, backup_id):
        raise NotWhole(f"{key} is the manifest of {found.tenant} {found.id}: it was moved there")
    return found


def newest(store: Store, tenant: str) -> Manifest | None:
    """Return the newest backup whose manifest is good; None where there is none."""
    for backup_id in reversed(store.folders(keys.logical(tenant))):
        try:
            return read(store, tenant, backup_id)
        except NotWhole:
            continue
    return None


def chosen(store: Store, tenant: str, wanted: str) -> Manifest:
    """Return a backup by its id, by ``latest``, or by the release that it is the checkpoint of.

    Raises:
        SpecError: the tenant has no such backup.
        NotWhole: it has, and its manifest is damaged.

    """
    if wanted == LATEST:
        found = newest(store, tenant)
        if found is not None:
            return found
    elif keys.is_id(wanted) and store.find(keys.manifest(tenant, wanted)):
        return read(store, tenant, wanted)
    elif not keys.is_id(wanted) and store.find(keys.checkpoint(tenant, wanted)):
        return checkpoint_of(store, tenant, wanted)
    there = [each.id for each in listed(store, tenant) if each.manifest]
    releases = [
        key.rpartition("/")[2].removesuffix(".json") for key in store.keys(keys.checkpoint(tenant, "")[:-5])
    ]
    raise SpecError(
        [
            Problem(
                file="the command line",
                field="--from",
                value=wanted,
                message=f"{tenant} has no such backup or checkpoint",
                allowed=", ".join([*releases, *there[-5:]]) or "none: no backup was ever finished",
                fix=suggestion(
                    wanted, [*releases, *there], "storefleet backup list " + tenant + " shows them all"
                ),
            )
        ]
    )


def checkpoint_of(store: Store, tenant: str, release: str) -> Manifest:
    """Return the checkpoint that counts for a release.

    Raises:
        NotWhole: there is none, or it is not the one that was bound.

    """
    key = keys.checkpoint(tenant, release)
    try:
        bound = json.loads(store.bytes(key))
        found = read(store, tenant, str(bound["id"]))
        digest = bound["digest"]
    except (ValueError, KeyError, TypeError):
        raise NotWhole(f"{key} is no record of a checkpoint") from None
    if found.digest != digest or found.release != release:
        raise NotWhole(f"{key} names another backup than the one that was verified for {release}")
    return found
