"""The commands about tenant files: they need no engine, no cluster and no network."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.engine.installation import LOCAL
from cli.onboarding import new
from cli.output import clear_errors, console
from components.tenancy.explain import explain as explanation_of
from local.state import ROOT
from spec.fleet import current_day, load_fleet

app = typer.Typer(help="Add, check, list and explain the tenants of `tenants/`.", no_args_is_help=True)
app.command(name="new")(new)

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
            row = (t.id, escape(t.display_name), t.country, t.tier, t.cell, str(int(t.ring)), t.state)
            table.add_row(*row, f"{t.orders_per_day:,}")
        console.print(table)


@app.command()
def explain(tenant: str, env: Environment = LOCAL) -> None:
    """Say why a tenant has its tier and ring, and everything that will exist for it."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        told = explanation_of(fleet.tenant(tenant), fleet, current_day())
        console.print(told.title, style="bold", markup=False)
        for heading, sentences in (
            ("Why this tier and this ring", told.reasoning),
            ("What it gets", told.guarantees),
        ):
            console.print(f"\n{heading}")
            for sentence in sentences:
                console.print(f"  {sentence}", markup=False, soft_wrap=True)
        if told.plan is None:
            return
        sizes = Table("process", "pods", "workers", "cpu", "memory", box=None)
        for kind, size in told.sizes:
            cpu, memory = (
                f"{size.cpu_request} to {size.cpu_limit}",
                f"{size.memory_request} to {size.memory_limit}",
            )
            sizes.add_row(kind.value, str(size.replicas), str(size.workers), cpu, memory)
        console.print()
        console.print(sizes)
        console.print(f"\nWhat will exist: {len(told.plan.objects)} objects, from the plan")
        objects = Table("object", "name", "why", box=None)
        for item in told.plan.objects:
            place = f"{item.meta.namespace}/{item.meta.name}" if item.meta.namespace else item.meta.name
            objects.add_row(item.kind, place, f"{item.why}{' (protected)' if item.protect else ''}")
        console.print(objects)
