"""Contradictions between a tenant's facts and its tier or ring, and the waivers that excuse them for a time."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from spec.problems import Problem, either, shown, suggestion
from spec.recommend import RULES, Demand, contradictions
from spec.tenant import TenantSpec, Waiver
from spec.vocabulary import TenantState

LONGEST_WAIVER_DAYS: Final = 366
"""A waiver that is needed for longer than a year is renewed, by somebody who looks at it again."""


def check_waivers(tenant: TenantSpec, today: date) -> Iterator[Problem]:
    """Yield what is wrong between a tenant's facts, its choices and its waivers, as of ``today``.

    A purged tenant has nothing left that could contradict.
    """
    if tenant.state is TenantState.PURGED:
        return
    broken = {demand.rule: demand for demand in contradictions(tenant)}
    excused: set[str] = set()
    for place, waiver in enumerate(tenant.waivers):
        problem = _waiver_problem(tenant, waiver, place, broken, excused, today)
        if problem:
            yield problem
        excused.add(waiver.rule)
    for demand in broken.values():
        if demand.rule not in excused:
            yield _contradiction(tenant, demand)


def _waiver_problem(  # noqa: PLR0917 - the six things that a waiver is held against
    tenant: TenantSpec,
    waiver: Waiver,
    place: int,
    broken: dict[str, Demand],
    excused: set[str],
    today: date,
) -> Problem | None:
    file, at = f"tenants/{tenant.id}.yaml", f"waivers[{place}]"
    if waiver.rule not in RULES:
        return Problem(
            file=file,
            field=f"{at}.rule",
            value=shown(waiver.rule),
            message="is not a rule that a tenant's file can waive",
            allowed=either(RULES),
            fix=suggestion(waiver.rule, RULES, "remove the waiver"),
        )
    if waiver.rule in excused:
        message, fix = "is waived twice", "keep one of the two"
        return Problem(file=file, field=f"{at}.rule", value=shown(waiver.rule), message=message, fix=fix)
    if waiver.rule not in broken:
        message = "is not broken by this tenant, so the waiver is not needed"
        fix = "remove the waiver: one that is forgotten excuses what nobody meant to excuse"
        return Problem(file=file, field=f"{at}.rule", value=shown(waiver.rule), message=message, fix=fix)
    demand, days = broken[waiver.rule], (waiver.expires - today).days
    if days < 0:
        ago = f"{-days} day{'s' if days < -1 else ''} ago"
        return Problem(
            file=file,
            field=f"{at}.expires",
            value=shown(str(waiver.expires)),
            message=f"the waiver of {waiver.rule} expired {ago}",
            allowed=f"{today} or later, at most {LONGEST_WAIVER_DAYS} days ahead",
            fix=f"{_way_out(demand)}, or have {waiver.owner} renew it",
        )
    if days > LONGEST_WAIVER_DAYS:
        return Problem(
            file=file,
            field=f"{at}.expires",
            value=shown(str(waiver.expires)),
            message=f"the waiver of {waiver.rule} runs for {days} days, which is as good as for ever",
            allowed=f"at most {LONGEST_WAIVER_DAYS} days ahead",
            fix="write a nearer day, and renew it then if it is still needed",
        )
    return None


def _contradiction(tenant: TenantSpec, demand: Demand) -> Problem:
    chosen = tenant.tier.value if demand.field == "tier" else int(tenant.ring)
    return Problem(
        file=f"tenants/{tenant.id}.yaml",
        field=demand.field,
        value=shown(chosen),
        message=f"contradicts the rule {demand.rule}: {demand.sentence[:1].lower()}{demand.sentence[1:-1]}",
        allowed=f"{_at_least(demand)}; or this with a dated waiver",
        fix=f"{_way_out(demand)}, or add a waiver of {demand.rule} with owner, reason and expires",
    )


def _at_least(demand: Demand) -> str:
    if demand.field == "ring":
        return f"ring {int(demand.least)}" + ("" if int(demand.least) == 3 else " or later")  # noqa: PLR2004
    return str(demand.least.value) + ("" if demand.least.value == "dedicated" else " or dedicated")


def _way_out(demand: Demand) -> str:
    return f"write {demand.field}: {demand.least.value}"
