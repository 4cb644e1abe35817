"""The commands about tenant files: they need no engine, no cluster and no network."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from cli.engine.installation import LOCAL
from cli.output import clear_errors, console
from components.tenancy.plan import plan_tenant
from local.state import ROOT
from spec.fleet import load_fleet

app = typer.Typer(help="Check, list and show the tenants of `tenants/`.", no_args_is_help=True)

Environment = Annotated[str, typer.Option("--env", help="the environment whose cells and rules count")]


@app.command()
def validate(env: Environment = LOCAL) -> None:
    """Check every tenant file and say, for each mistake, where it is and how to mend it."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        console.print(f"{len(fleet.tenants)} tenants in {len(fleet.environment.cells)} cells: all valid.")


@app.command(name="list")
def list_(env: Environment = LOCAL) -> None:
    """List the tenants with their tier, cell, ring and state."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        table = Table("tenant", "name", "country", "tier", "cell", "ring", "state", "orders a day", box=None)
        for t in fleet.tenants:
            row = (t.id, t.display_name, t.country, t.tier, t.cell, str(int(t.ring)), t.state)
            table.add_row(*row, f"{t.orders_per_day:,}")
        console.print(table)


@app.command()
def show(tenant: str, env: Environment = LOCAL) -> None:
    """Show what a tenant gets and why: every object, from the plan."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        spec = fleet.tenant(tenant)
        plan = plan_tenant(spec, fleet.environment)
        console.print(f"{spec.display_name} ({spec.id}), namespace {plan.namespace}", markup=False)
        for reason in plan.reasons:
            console.print(f"  {reason}", markup=False, soft_wrap=True)
        table = Table("object", "name", "why", box=None)
        for item in plan.objects:
            table.add_row(item.kind, item.meta.name, item.why)
        console.print(table)
