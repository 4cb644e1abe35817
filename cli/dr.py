"""The commands about the loss of a region: `storefleet dr plan` and `storefleet dr rebuild`."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cli.output import clear_errors, console, progress
from cli.region import Engine
from cli.region_near import Near
from cli.up import Refused
from local.state import ROOT, state
from recovery.region.near import plan_near, stands_in_for
from recovery.region.plan import plan_region
from recovery.region.run import Journal, Rebuild, RebuildStopped
from spec.fleet import load_fleet
from spec.problems import Problem, SpecError, shown
from spec.vocabulary import EnvironmentName

if TYPE_CHECKING:
    from recovery.region.plan import RegionPlan, Step
    from recovery.region.run import Entry, Performer
    from spec.fleet import Fleet

app = typer.Typer(help="Plan and run the rebuild of a lost region.", no_args_is_help=True)


@app.command()
def plan(*, as_json: Annotated[bool, typer.Option("--json", help="print the plan as JSON")] = False) -> None:
    """Say what a rebuild creates, in which order, and what must already stand outside the lost region.

    It reads files alone: no account, no cluster and no engine are asked.
    """
    with clear_errors():
        planned, _ = _planned()
        if as_json:
            console.print_json(json.dumps(planned.record()))
            return
        for line in told(planned):
            console.print(line, markup=False, soft_wrap=True)


@app.command()
def rebuild(
    *,
    lost: Annotated[str, typer.Option("--lost", metavar="REGION", help="the lost region, by name")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say which steps would be done, do none")
    ] = False,
) -> None:
    """Rebuild the lost region's environment in the second region; run again, it goes on where it ended."""
    with clear_errors():
        planned, near = _planned()
        journal = Journal(
            file=state().root / "recovery" / f"{planned.lost}-{planned.target}" / "journal.jsonl"
        )
        if dry_run:
            for step in planned.steps:
                mark = "done " if step.key in journal.done() else "to do"
                console.print(f"  {mark} {step.title}", markup=False, soft_wrap=True)
            return
        _confirm(planned, lost)
        run = Rebuild(
            plan=planned,
            journal=journal,
            performer=_performer(near, journal),
            by=getpass.getuser(),
            told=_tell,
        )
        try:
            found = run.run()
        except RebuildStopped as error:
            raise Refused(
                f"{error}\nWhat is done is kept; the same command goes on. {run.evidence_file}"
            ) from error
        console.print(
            f"Rebuilt in {planned.target} after {found['seconds'] / 60:.1f} minutes: {len(planned.cells)} cells, "
            f"{len(planned.tenants)} tenants. Evidence: {run.evidence_file}",
            markup=False,
            soft_wrap=True,
        )


def told(planned: RegionPlan) -> list[str]:
    """Return a plan as lines for people."""
    lines = [f"If {planned.lost} is lost, the stack {planned.stack} serves from {planned.target}.", ""]
    lines += ["What must already stand outside the lost region"]
    for need in planned.needs:
        lines += [f"  {need.what}", f"    {need.where}", f"    {need.why}"]
    lines += ["", "What a rebuild does, in this order"]
    for number, step in enumerate(planned.steps, 1):
        lines += [f"  {number}. {step.title}", f"     {step.why}"]
        lines += [f"       - {thing}" for thing in step.creates]
    if planned.left_behind:
        lines += ["", "Who is not rebuilt"]
        lines += [f"  {one.tenant}: {one.reason}" for one in planned.left_behind]
    return lines


def _planned() -> tuple[RegionPlan, Fleet | None]:
    """Return the plan, and the embedded environment that takes over, where this one is made for that."""
    near = load_fleet(ROOT, EnvironmentName.LOCAL)
    if stands_in_for(near) is not None:
        return plan_near(near), near
    production, second = (load_fleet(ROOT, each) for each in (EnvironmentName.PRODUCTION, EnvironmentName.DR))
    return plan_region(production, second), None


def _performer(near: Fleet | None, journal: Journal) -> Performer:
    if near is not None:
        return Near(near, progress())
    return Engine(folder=journal.file.parent, progress=progress())


def _confirm(planned: RegionPlan, lost: str) -> None:
    if lost == planned.lost:
        return
    problem = Problem(
        file="--lost",
        message="names the lost region, so that nothing is switched on by a slip of the hand",
        value=shown(lost) if lost else "",
        allowed=planned.lost,
        fix=f"storefleet dr rebuild --lost {planned.lost}",
    )
    raise SpecError([problem])


def _tell(step: Step, entry: Entry | None) -> None:
    if entry is None:
        console.print(f"  {escape(step.title)} ...")
    else:
        console.print(f"    {entry.seconds:.1f} s: {escape(entry.detail)}", soft_wrap=True)
