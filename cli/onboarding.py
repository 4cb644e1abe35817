"""`storefleet tenant new`: ask for the facts of a tenant, choose tier, ring and cell, write its file."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.answers import ANSWERS, Answers
from cli.engine.installation import LOCAL
from cli.output import INTERRUPTED, clear_errors, console, fail
from cli.tenant_file import exists, tenant_text, write_new
from local.state import ROOT
from spec.fleet import TENANTS_FOLDER, current_day, load_fleet, with_tenant
from spec.loader import tenant_of
from spec.placement import place
from spec.recommend import recommend
from spec.tiers import TIERS
from spec.vocabulary import Tier

if TYPE_CHECKING:
    from pathlib import Path

    from spec.fleet import Fleet
    from spec.tenant import TenantSpec

_PROVISIONAL: Final = {"tier": "shared", "cell": "none-yet", "ring": 0}
"""Stand in while the facts alone are looked at: what they lead to depends on nothing else."""

Text = str | None
Texts = list[str] | None


def _option(field: str, more: str = "") -> Any:  # noqa: ANN401 - typer's own type
    return typer.Option(ANSWERS[field].flag, help=ANSWERS[field].ask + more, show_default=False)


def new(  # noqa: PLR0917 - one argument an option
    tenant_id: Annotated[str, typer.Argument(metavar="ID", help="the name of the file, and for ever the id")],
    name: Annotated[Text, _option("display_name")] = None,
    group: Annotated[Text, _option("group")] = None,
    country: Annotated[Text, _option("country")] = None,
    residency: Annotated[Text, _option("residency")] = None,
    time_zone: Annotated[Text, _option("time_zone")] = None,
    currency: Annotated[Text, _option("currency")] = None,
    domain: Annotated[Texts, _option("domains", "; may be given more than once")] = None,
    business: Annotated[Text, _option("business")] = None,
    technical: Annotated[Text, _option("technical")] = None,
    criticality: Annotated[Text, _option("criticality")] = None,
    sensitivity: Annotated[Text, _option("data_sensitivity")] = None,
    customisation: Annotated[Text, _option("customisation")] = None,
    tolerance: Annotated[Text, _option("release_tolerance")] = None,
    orders: Annotated[Text, _option("orders_per_day")] = None,
    integration: Annotated[Texts, _option("integrations", "; may be given more than once")] = None,
    tier: Annotated[Text, typer.Option(help="instead of the recommended one")] = None,
    ring: Annotated[int | None, typer.Option(help="instead of the recommended one")] = None,
    cell: Annotated[Text, typer.Option(help="instead of the emptiest one that fits")] = None,
    calendar: Annotated[Text, typer.Option(help="instead of that of its neighbours in the country")] = None,
    env: Annotated[str, typer.Option("--env", help="the environment whose cells count")] = LOCAL,
) -> None:
    """Add a tenant: asks for what no option says, and writes a commented file that is valid."""
    given: dict[str, str | list[str] | None] = {
        "display_name": name, "group": group, "country": country, "residency": residency,
        "time_zone": time_zone, "currency": currency, "domains": domain, "business": business,
        "technical": technical, "criticality": criticality, "data_sensitivity": sensitivity,
        "customisation": customisation, "release_tolerance": tolerance, "orders_per_day": orders,
        "integrations": integration,
    }  # fmt: skip
    chosen: dict[str, Any] = {"tier": tier, "ring": ring, "cell": cell, "calendar": calendar}
    with clear_errors():
        try:
            onboard(ROOT, env, tenant_id, given, chosen, interactive=_somebody_is_there())
        except typer.Abort:
            fail("\nInterrupted. Nothing was written: run the command again to begin anew.", INTERRUPTED)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def onboard(
    root: Path,
    environment: str,
    tenant_id: str,
    given: dict[str, str | list[str] | None],
    chosen: dict[str, Any],
    *,
    interactive: bool,
) -> None:
    """Write a new tenant's file, and say what comes next.

    Args:
        root: the project.
        environment: the environment whose cells count.
        tenant_id: the id.
        given: the facts that options stated, by field; None for those to ask for.
        chosen: tier, ring, cell and calendar where an option states them instead of the recommendation.
        interactive: whether to ask for what is missing. Otherwise that is refused.

    Raises:
        SpecError: what is wrong with the id, an option or the whole, or no cell has room. Nothing is written.

    """
    file = f"{TENANTS_FOLDER}/{tenant_id}.yaml"
    fleet = load_fleet(root, environment)
    path = root / TENANTS_FOLDER / f"{tenant_id}.yaml"
    answers = Answers(fleet, tenant_id)
    answers.check_id()
    if path.exists():
        raise exists(file)
    facts = answers.collect(given, interactive=interactive)
    tenant, reasons, placed = decide(fleet, tenant_id, facts, chosen)
    text = tenant_text(tenant, reasons, placed)
    # What is written is read back and checked as any other file, before it is there.
    with_tenant(fleet, tenant_of(text, tenant_id, file), today=current_day())
    write_new(path, text, file)
    console.print(f"\nWrote {file}", markup=False)
    for sentence in (*reasons, f"{placed}."):
        console.print(f"  {sentence}", markup=False, soft_wrap=True)
    if not isinstance(fleet.environment.tenants, str):
        stack = f"stacks/Pulumi.{environment}.yaml"
        console.print(
            f"{environment} chooses its tenants: add {tenant_id} to the list in {stack}.", markup=False
        )
    console.print(
        f"Next: `storefleet tenants explain {tenant_id}` shows what it will get; `storefleet preview` and "
        "`storefleet up` create it. Commit the file: it is the record.",
        markup=False,
        soft_wrap=True,
    )


def _calendar_of_neighbours(fleet: Fleet, facts: dict[str, Any]) -> str | None:
    """Return the calendar that most tenants of the same country and time zone have; None where there are none."""
    here = (facts["country"], facts["time_zone"])
    everyone = (*fleet.tenants, *fleet.left_out)
    found = Counter(
        each.calendar for each in everyone if (each.country, each.time_zone) == here and each.calendar
    )
    return found.most_common(1)[0][0] if found else None


def decide(
    fleet: Fleet, tenant_id: str, facts: dict[str, Any], chosen: dict[str, Any]
) -> tuple[TenantSpec, tuple[str, ...], str]:
    """Return the whole tenant, the reasons for its tier and ring, and why its cell is the one it is."""
    file = f"{TENANTS_FOLDER}/{tenant_id}.yaml"
    asked = recommend(tenant_of({**facts, **_PROVISIONAL}, tenant_id, file))
    own = {key: value for key, value in chosen.items() if value is not None}
    own.setdefault("calendar", _calendar_of_neighbours(fleet, facts))
    draft = tenant_of(
        {**facts, "tier": asked.tier.value, "ring": int(asked.ring), "cell": "none-yet", **own},
        tenant_id,
        file,
    )
    placed = f"Cell {draft.cell} is the one that was asked for"
    if "cell" not in own:
        spot = place(fleet.environment, fleet.tenants, draft.tier, draft.residency, TIERS[Tier(draft.tier)])
        draft, placed = draft.model_copy(update={"cell": spot.cell}), spot.reason
    return draft, asked.reasons, placed
