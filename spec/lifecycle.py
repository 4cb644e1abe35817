"""What the files ask for, against what was last applied: only known steps, and nobody disappears.

The platform does not trust a missing file: deleting one is a slip more often than a decision. What exists is
read from the cluster (the namespaces of tenants with their labels), not from a list that somebody keeps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from spec.fleet import Fleet
from spec.loader import located
from spec.naming import tenant_namespace
from spec.offboarding import confirmation, purge_day
from spec.problems import Problem, SpecError, either, shown
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState

STEPS: Final[Mapping[TenantState, tuple[TenantState, ...]]] = MappingProxyType(
    {
        TenantState.ACTIVE: (TenantState.SUSPENDED,),
        TenantState.SUSPENDED: (TenantState.ACTIVE, TenantState.ARCHIVED),
        TenantState.ARCHIVED: (TenantState.SUSPENDED, TenantState.PURGED),
        # Between the two steps of a purge nothing is lost yet.
        TenantState.PURGED: (TenantState.ARCHIVED,),
    }
)
"""From a state to those that may follow. A tenant that does not exist may begin in any."""

_WHY: Final = {
    TenantState.ARCHIVED: "its last backup is only the last once its processes have stopped",
    TenantState.PURGED: "only what is archived, with a verified backup, is purged",
    TenantState.ACTIVE: "it comes back by way of suspended, where its data are looked at first",
    TenantState.SUSPENDED: "a tenant whose purge has begun goes back to archived first",
}


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A tenant as it was last applied to the cluster."""

    state: TenantState
    cell: str
    domains: frozenset[str] = frozenset()
    confirmed: str = ""
    """What the namespace says about its own deletion; see ``deletion_confirmed``."""
    ending: bool = False
    """Whether the namespace is being deleted already."""


AppliedTenants = Mapping[str, Applied]
"""The tenants that exist in an environment, by id."""

NONE_APPLIED: Final[AppliedTenants] = MappingProxyType({})


def check_steps(fleet: Fleet, applied: AppliedTenants, today: date, root: Path) -> None:
    """Refuse what must not happen between what exists and what the files ask for.

    Args:
        fleet: the environment and its tenants, already checked by themselves.
        applied: the tenants that exist there.
        today: the day on which this is applied, in UTC; a purge names it.
        root: the project, for the lines that messages name.

    Raises:
        SpecError: a tenant without its file, a step that is not known, a purge that nobody confirmed today.

    """
    problems = [
        _vanished(fleet, tenant_id, applied)
        for tenant_id in sorted(applied)
        if tenant_id not in fleet.ids_chosen
    ]
    for tenant in fleet.tenants:
        before = applied.get(tenant.id)
        if before is not None:
            problems += _step(tenant, before, today)
    if problems:
        raise SpecError(located(problems, root))


def deletion_confirmed(tenant: TenantSpec) -> str:
    """Return what the namespace of a purged tenant must say for anybody to be allowed to delete it.

    The form is that of the cluster's own guard: the name of the namespace, and the day. Empty for a tenant whose
    purge nobody has confirmed.
    """
    day = purge_day(tenant.purge or "")
    return confirmation(tenant_namespace(tenant.id), day) if day else ""


def removed(tenant: TenantSpec, applied: AppliedTenants) -> bool:
    """Say whether nothing of a tenant is to be there any more.

    A purge takes two runs on one day. The first closes the namespace, writes the confirmation on it and takes
    off the engine's protection; the second leaves the objects out, so the engine removes them. A purge that was
    not finished on its day is confirmed again, and begins again.
    """
    if tenant.state is not TenantState.PURGED:
        return False
    before = applied.get(tenant.id)
    if before is None or before.ending:
        return True
    return before.state is TenantState.PURGED and before.confirmed == deletion_confirmed(tenant)


def _vanished(fleet: Fleet, tenant_id: str, applied: AppliedTenants) -> Problem:
    file, environment = f"tenants/{tenant_id}.yaml", fleet.environment.name
    before = applied[tenant_id]
    there = f"the tenant exists in {environment} (cell {before.cell}, {before.state})"
    if any(each.id == tenant_id for each in fleet.left_out):
        return Problem(
            file=f"stacks/Pulumi.{environment}.yaml",
            field="tenants",
            message=f"leaves out {tenant_id}, but {there}",
            fix=f"list {tenant_id} again: what is left out would be deleted; a tenant leaves by its state",
        )
    # A renamed file keeps its domains; similar names prove nothing.
    renamed = next((each.id for each in fleet.tenants if before.domains.intersection(each.domains)), None)
    if renamed:
        fix = f"tenants/{renamed}.yaml has its domains: if it was this file, rename it back; an id never changes"
    elif before.state is TenantState.PURGED:
        fix = f"bring it back (git log -- {file}) until the next run has removed what is left"
    else:
        fix = (
            f"bring it back (git log -- {file}); to let the tenant go, write state: suspended, "
            "later archived, later purged"
        )
    return Problem(file=file, message=f"is missing, but {there}", fix=fix)


def _step(tenant: TenantSpec, before: Applied, today: date) -> Iterator[Problem]:
    file = f"tenants/{tenant.id}.yaml"
    if tenant.cell != before.cell:
        yield Problem(
            file=file,
            field="cell",
            value=shown(tenant.cell),
            message=f"the tenant's data stand in {before.cell}, and changing the line does not move them",
            allowed=before.cell,
            fix=f"write cell: {before.cell}",
        )
    allowed = (before.state, *STEPS[before.state])
    if tenant.state not in allowed:
        yield Problem(
            file=file,
            field="state",
            value=shown(tenant.state.value),
            message=f"does not follow from {before.state}: {_WHY[tenant.state]}",
            allowed=either(state.value for state in allowed),
            fix=f"write state: {_way(before.state, tenant.state).value} first, and apply it",
        )
    elif tenant.state is TenantState.PURGED and not before.ending and purge_day(tenant.purge or "") != today:
        yield Problem(
            file=file,
            field="purge",
            value=shown(tenant.purge),
            message=(
                "was not finished on the day that it names, and must be confirmed again"
                if before.state is TenantState.PURGED
                else "does not name today, so it confirms nothing today"
            ),
            allowed=confirmation(tenant.id, today),
            fix=(
                f"to purge the tenant today, write purge: {confirmation(tenant.id, today)}; "
                "to keep it, write state: archived and remove purge"
            ),
        )


def _way(start: TenantState, end: TenantState) -> TenantState:
    order = list(TenantState)
    return order[order.index(start) + (1 if order.index(end) > order.index(start) else -1)]
