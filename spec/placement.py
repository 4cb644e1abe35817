"""Where a new tenant's database goes. Asked once, by whoever writes the tenant's file; the answer stays there."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from spec.capacity import Load, capacity_of, preset_load, total
from spec.environment import EnvironmentSpec
from spec.problems import Problem, SpecError
from spec.tenant import TenantSpec
from spec.tiers import TierPreset
from spec.vocabulary import Jurisdiction, Tier


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The cell for a new tenant, and why it is this one."""

    cell: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    cell: str
    after: Load
    capacity: Load

    @property
    def order(self) -> tuple[Decimal, str]:
        return self.after.share_of(self.capacity), self.cell


def place(
    environment: EnvironmentSpec,
    tenants: Sequence[TenantSpec],
    tier: Tier,
    residency: Jurisdiction,
    preset: TierPreset,
) -> Placement:
    """Choose the cell of a new tenant: of its tier and jurisdiction, with room, and then the emptiest.

    The emptiest is the one that is least full, in its scarcest resource, once the tenant is in it; the first
    by name among equals. Nobody else is moved, whatever the answer.

    Raises:
        SpecError: no cell has room. The message gives each cell's numbers and the lines that add one.

    """
    fitting: list[_Candidate] = []
    full: list[str] = []
    for name, cell in sorted(environment.cells.items()):
        if cell.tier is not tier or cell.jurisdiction is not residency:
            continue
        members = [tenant for tenant in tenants if tenant.cell == name]
        after, capacity = total(members, cell).plus(preset_load(preset, cell)), capacity_of(cell)
        if after.within(capacity):
            fitting.append(_Candidate(cell=name, after=after, capacity=capacity))
        else:
            full.append(f"{name} would need {', '.join(after.beyond(capacity))}")
    if not fitting:
        raise SpecError([_no_room(environment, tier, residency, full)])
    best = min(fitting, key=lambda each: each.order)
    percent = round(best.order[0] * 100)
    kind = f"{tier.value} cell in {residency.value}"
    others = f"the emptiest of {len(fitting)}" if len(fitting) > 1 else "the only one"
    reason = f"Cell {best.cell}, a {kind}, is {others} with room; it is {percent} % full with this tenant"
    return Placement(cell=best.cell, reason=reason)


def _no_room(
    environment: EnvironmentSpec, tier: Tier, residency: Jurisdiction, full: Sequence[str]
) -> Problem:
    name = f"{residency.value}-{tier.value}-1"
    number = 1
    while name in environment.cells:
        number += 1
        name = f"{residency.value}-{tier.value}-{number}"
    found = "; ".join(full) if full else f"there is no {tier.value} cell in {residency.value} yet"
    return Problem(
        file=f"stacks/Pulumi.{environment.name}.yaml",
        field="cells",
        message=f"no {tier.value} cell in {residency.value} has room: {found}",
        fix=f"add a cell: {name}: {{tier: {tier.value}, jurisdiction: {residency.value}}}",
    )
