"""What an environment costs, and what a change of a tenant's tier would: an estimate from a dated price file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.output import clear_errors, console
from components.cost.estimate import Estimate, Part, estimate
from components.cost.moving import with_tier
from local.state import ROOT
from spec.fleet import load_fleet
from spec.prices import FOLDER, load_prices
from spec.problems import Problem, SpecError, either, shown, suggestion
from spec.vocabulary import Tier

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from rich.console import Console

    from spec.prices import PriceFile


def cost(
    env: Annotated[
        str, typer.Argument(metavar="ENV", help="the environment: dev, staging, production or dr")
    ],
    tenant: Annotated[
        str | None, typer.Option(metavar="ID", help="show what another tier would cost for this tenant")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(metavar="TIER", help="that tier: shared, hybrid or dedicated")
    ] = None,
) -> None:
    """Estimate a month of an environment by tenant and by tier, from list prices in `prices/`."""
    with clear_errors():
        show(ROOT, env, tenant, tier, console)


def show(root: Path, env: str, tenant: str | None, tier: str | None, out: Console) -> None:
    """Print the estimate of an environment, or what a change of a tenant's tier would cost in it.

    Raises:
        SpecError: what is wrong with a file or an option, or a price is missing.

    """
    wanted = _tier(tenant, tier)
    fleet = load_fleet(root, env)
    aws = fleet.environment.aws
    if aws is None:
        out.print(f"{env} has nothing in AWS: it costs what the machine costs that it runs on.", markup=False)
        return
    prices = load_prices(root, aws.region)
    far = None if aws.dr_region is None else load_prices(root, aws.dr_region)
    now = estimate(fleet, aws, prices, far)
    if tenant is None or wanted is None:
        out.print(f"{env} in {aws.region}: {_usd(now.usd)} a month (budget: {aws.budget.monthly_usd:,})\n")
        _tenants(now, out)
        _tiers(now, out)
    else:
        moved = with_tier(fleet, aws, tenant, wanted)
        then = estimate(moved.fleet, moved.aws, prices, far)
        _change(tenant, wanted, now, then, out)
        out.print()
        for step in moved.steps:
            out.print(f"  {step}", markup=False, soft_wrap=True)
    out.print()
    _caveat(prices, far, out)


def _tier(tenant: str | None, tier: str | None) -> Tier | None:
    if (tenant is None) != (tier is None):
        missing = "--tier" if tier is None else "--tenant"
        fix = "give both: which tenant, and which tier"
        raise SpecError([Problem(file="the command line", field=missing, message="is missing", fix=fix)])
    names = [each.value for each in Tier]
    if tier is not None and tier not in names:
        raise SpecError(
            [
                Problem(
                    file="the command line",
                    field="--tier",
                    value=shown(tier),
                    message="is not a tier",
                    allowed=either(names),
                    fix=suggestion(tier, names),
                )
            ]
        )
    return None if tier is None else Tier(tier)


def _usd(amount: Decimal) -> str:
    return f"USD {amount:,.0f}"


def _tenants(now: Estimate, out: Console) -> None:
    table = Table("tenant", "tier", "cell", *(part.value for part in Part), "a month", box=None)
    for column in table.columns[3:]:
        column.justify = "right"
    for row in sorted(now.tenants, key=lambda each: (-each.usd, each.tenant)):
        parts = [f"{row.parts[part]:,.0f}" for part in Part]
        table.add_row(row.tenant, row.tier.value, row.cell, *parts, f"{row.usd:,.0f}")
    out.print(table)
    if now.idle:
        out.print(f"\nThere although no tenant lives here: {_usd(now.idle)} a month")


def _tiers(now: Estimate, out: Console) -> None:
    if not now.tenants:
        return
    table = Table("tier", "tenants", "a month", "each", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for tier, (number, usd) in now.by_tier().items():
        table.add_row(tier.value, str(number), f"{usd:,.0f}", f"{usd / number:,.0f}")
    out.print()
    out.print(table)


def _change(tenant: str, tier: Tier, now: Estimate, then: Estimate, out: Console) -> None:
    before, after = now.of(tenant), then.of(tenant)
    out.print(f"{tenant}: {before.tier.value} -> {tier.value}\n", markup=False)
    table = Table("USD a month", "now", "then", "change", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    rows = [(part.value, before.parts[part], after.parts[part]) for part in Part]
    rows += [("the tenant", before.usd, after.usd), ("the environment", now.usd, then.usd)]
    for name, old, new in rows:
        table.add_row(name, f"{old:,.0f}", f"{new:,.0f}", f"{new - old:+,.0f}")
    out.print(table)
    out.print(
        "\nThe environment is what the bill changes by; the tenant's own sum also changes because what is shared is "
        "shared out anew.",
        soft_wrap=True,
    )


def _caveat(prices: PriceFile, far: PriceFile | None, out: Console) -> None:
    files = [each for each in (prices, far) if each is not None]
    names = " and ".join(f"{FOLDER}/{each.region}.yaml" for each in files)
    oldest = min(each.oldest for each in files)
    by_hand = sum(each.unverified for each in files)
    checked = (
        f" {by_hand} figures were entered by hand and never compared with what AWS publishes."
        if by_hand
        else ""
    )
    out.print(
        f"List prices without discounts and tax, from {names}, entered on {oldest} or later.{checked} What tenants use "
        "(traffic, files, backups, memory of databases) is assumed by tier, in components/cost/usage.py, and not "
        "measured. Requests, support and data between zones are not in it.",
        markup=False,
        soft_wrap=True,
    )
