"""The commands about calendars: they read files alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from cli.engine.installation import LOCAL
from cli.moments import instant
from cli.output import clear_errors, console
from local.state import ROOT
from release.freezes import Room, timeline
from release.judge import closed_sentence
from spec.calendar_files import load_calendars
from spec.fleet import load_fleet

app = typer.Typer(help="Say when releases may start, by the files of `calendars/`.", no_args_is_help=True)

_SHOWN = timedelta(days=60)


def now() -> datetime:
    """Return the current instant, in UTC, to the minute."""
    return datetime.now(tz=UTC).replace(second=0, microsecond=0)


@app.command(name="list")
def list_(
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="as of this time in UTC; now unless stated")
    ] = None,
) -> None:
    """Check every calendar, and list whether it is open and when it is next."""
    with clear_errors():
        moment = instant(at, "--at", now())
        table = Table("calendar", "title", "clocks", "open", "next opening (UTC)", box=None)
        for calendar in load_calendars(ROOT).values():
            times = timeline(calendar, moment)
            opening = times.opening(moment)
            starts = "none in 400 days" if opening is None else f"{opening.starts:%a %Y-%m-%d %H:%M}"
            is_open = opening is not None and opening.starts == moment
            table.add_row(calendar.id, calendar.title, calendar.time_zone, "yes" if is_open else "no", starts)
        console.print(table)


@app.command()
def explain(
    tenant_id: Annotated[str, typer.Argument(metavar="TENANT", help="the tenant")],
    *,
    env: Annotated[str, typer.Option("--env", help="the environment")] = LOCAL,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="as of this time in UTC; now unless stated")
    ] = None,
    hours: Annotated[
        int, typer.Option(metavar="N", help="hours without a freeze that are needed after the start")
    ] = 0,
) -> None:
    """Say whether a release of a tenant may start, if not until when and why, and what closes the coming weeks."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        tenant = fleet.tenant(tenant_id)
        moment = instant(at, "--at", now())
        if tenant.calendar is None:
            _tell(f"{tenant.id} has no calendar: a release may start at any time.")
            return
        calendar = fleet.calendars[tenant.calendar]
        times = timeline(calendar, moment)
        answer = times.answer(moment, Room(calm=timedelta(hours=hours)))
        opening = times.opening(moment, Room(calm=timedelta(hours=hours)))
        if answer.may_start and opening is not None:
            _tell(f"A release of {tenant.id} may start now, until {opening.latest:%Y-%m-%d %H:%M} UTC.")
        else:
            _tell(f"{closed_sentence(tenant.id, tenant.calendar, moment, answer)}.")
        zone = ZoneInfo(calendar.time_zone)
        _tell("", f"Closed in the next {_SHOWN.days} days, on the clocks of {calendar.time_zone}")
        for each in times.closures:
            if each.freeze and each.begins < moment + _SHOWN:
                begins, ends = each.begins.astimezone(zone), each.ends.astimezone(zone)
                origin = "" if each.calendar == calendar.id else f" (calendars/{each.calendar}.yaml)"
                _tell(f"  {begins:%a %Y-%m-%d %H:%M} to {ends:%a %Y-%m-%d %H:%M}  {each.name}{origin}")
        for window in calendar.maintenance:
            _tell(f"Open at other times only: {window.starts} to {window.ends}, {window.name}")


def _tell(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
