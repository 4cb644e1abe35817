"""Remove what the plan of retention says, in its order, whatever else uses the store meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recovery import catalogue
from recovery.retention.going import announce, lists, settle
from recovery.retention.plan import RetentionPlan, plan_retention
from recovery.store import keys

if TYPE_CHECKING:
    from local.progress import Progress, Step
    from recovery.store.objects import Store


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What came of removing: how many objects went, and why files stayed, where all of them did."""

    objects: int
    held: str = ""


def planned(store: Store, tenant: str) -> RetentionPlan:
    """Plan the retention of what is in the store now."""
    # Listed before the manifests are read: a file that a newer backup sends meanwhile is not among them.
    existing = [*store.keys(keys.logical(tenant)), *store.keys(keys.files(tenant))]
    return plan_retention(tenant, catalogue.listed(store, tenant), existing, datetime.now(UTC))


def apply(store: Store, tenant: str, plan: RetentionPlan, progress: Progress) -> Removed:
    """Remove what is planned; in a bucket with locks each version stays until its own time has come.

    Files go in two steps: they are announced, and then looked at again. See `recovery.retention.going`.
    """
    with progress.step(f"{tenant}: remove what has expired") as step:
        _remove(store, plan.backups, step)
        held, later = plan.held, tuple[str, ...]()
        if plan.files:
            known = lists(store, tenant)
            new = set(plan.files).difference(*(each for each in known.values() if each is not None))
            if new:
                announce(store, tenant, new, datetime.now(UTC))
            again = planned(store, tenant)
            held = again.held
            # What has expired since goes now: its manifest before the files that it alone needs.
            later = (*again.backups, *sorted({*plan.files} & {*again.files}))
            _remove(store, later, step)
        # The lists first: none is written for a file that is not there yet.
        named = lists(store, tenant)
        settle(store, named, store.keys(keys.files(tenant)), datetime.now(UTC))
        objects = len(plan.backups) + len(later)
        step.result = f"{objects} objects" if objects else held or "nothing has expired"
    return Removed(objects=objects, held=held)


def _remove(store: Store, going: tuple[str, ...], step: Step) -> None:
    for number, key in enumerate(going, 1):
        step.note = f"{number} of {len(going)}"
        store.remove(key)
