"""Remove what the plan of retention says, in its order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recovery import catalogue
from recovery.retention.plan import RetentionPlan, plan_retention
from recovery.store import keys

if TYPE_CHECKING:
    from local.progress import Progress
    from recovery.store.objects import Store


def planned(store: Store, tenant: str) -> RetentionPlan:
    """Plan the retention of what is in the store now."""
    # Listed before the manifests are read: a file that a newer backup sends meanwhile is not among them.
    existing = [*store.keys(keys.logical(tenant)), *store.keys(keys.files(tenant))]
    return plan_retention(tenant, catalogue.listed(store, tenant), existing, datetime.now(UTC))


def apply(store: Store, tenant: str, plan: RetentionPlan, progress: Progress) -> None:
    """Remove what is planned; in a bucket with locks each version stays until its own time has come."""
    with progress.step(f"{tenant}: remove what has expired") as step:
        for number, key in enumerate(plan.remove, 1):
            step.note = f"{number} of {len(plan.remove)}"
            store.remove(key)
        step.result = f"{len(plan.remove)} objects" if plan.remove else "nothing has expired"
