"""What Argo CD says of a tenant: synchronised, healthy, and at the commit that moved it, not at an older one. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from components.monitoring.check import Layer
from release.gates.verdict import Finding, Outcome
from release.reading import moment, part

CHECK: Final = "application_in_step"

HEALTH_FAILS: Final = frozenset({"Degraded"})
"""The only state of health that says no; the others (Progressing, Missing, Suspended, Unknown) say nothing yet."""


def judge_application(
    tenant: str,
    application: Mapping[str, Any] | None,
    moved: datetime | None,
    holds_move: Callable[[str], bool],
) -> Finding:
    """Return whether a tenant's Application is where the pointer commit wants it.

    Args:
        tenant: the tenant.
        application: the object of kind Application; None when there is none.
        moved: when the pointer commit was made; None when there is none.
        holds_move: says whether a revision is the pointer commit, or one after it.

    """
    outcome, why = _judged(application, moved, holds_move)
    return Finding(tenant=tenant, layer=Layer.PLATFORM, check=CHECK, outcome=outcome, why=why)


def _judged(
    application: Mapping[str, Any] | None, moved: datetime | None, holds_move: Callable[[str], bool]
) -> tuple[Outcome, str]:
    if application is None or moved is None:
        return Outcome.HOLD, "there is no Application of it" if moved else "it was not moved by any commit"
    status = part(application, "status")
    health = str(part(status, "health").get("status", "Unknown"))
    sync = part(status, "sync")
    operation = part(status, "operationState")
    phase = str(operation.get("phase", "none"))
    revision = str(sync.get("revision", ""))
    if not revision or not holds_move(revision):
        return (
            Outcome.HOLD,
            f"it is at {revision[:12] or 'no revision'}, which is before the commit that moved it",
        )
    if phase in ("Failed", "Error") or health in HEALTH_FAILS:
        return Outcome.FAIL, f"it is {health}, and its synchronisation ended with {phase}"
    finished = moment(operation.get("finishedAt"))
    if phase != "Succeeded" or finished is None or finished < moved:
        return Outcome.HOLD, f"no synchronisation has succeeded since the move (the last: {phase})"
    state = str(sync.get("status", "Unknown"))
    good = state == "Synced" and health == "Healthy"
    return (Outcome.PASS if good else Outcome.HOLD), f"it is {state} and {health} at {revision[:12]}"
