"""The commands about releases: they read files and the history, and need no cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import release_evidence, release_steps, release_story, signatures
from cli.bundle import bundle
from cli.moments import instant, now
from cli.output import MISTAKE, clear_errors, console, errors, fail
from cli.release_facts import WATCHED, Environment, Version, committed_facts, mistake, tell
from components.delivery.plan import repository_of
from components.delivery.projects import calendars_in_use, windows_by_project
from local.state import ROOT
from release.check import check_change
from release.facts import open_exemptions
from release.moving import Moving, adoption, emergency_move, promotion, rollback
from release.page import html_of, lines_of
from release.planner import plan_release
from release.pointers import ENVIRONMENTS_FOLDER, read_pointers
from release.records import plan_file
from release.repository import Repository, write_whole
from spec.fleet import load_fleet
from spec.problems import SpecError
from spec.releases import load_release

if TYPE_CHECKING:
    from release.known import Facts
    from spec.fleet import Fleet

app = typer.Typer(help="Plan releases, and move them through the rings and back.", no_args_is_help=True)
app.command()(signatures.sign)
app.command()(signatures.approve)
app.command()(signatures.emergency)
release_steps.register(app)
release_evidence.register(app)
release_story.register(app)
app.command()(bundle)

DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be committed, and do nothing")]
Segment = Annotated[
    str | None,
    typer.Option(metavar="SEGMENT", help="only these tenants, such as solvane-fr: group and country"),
]


@app.command()
def plan(
    version: Version,
    *,
    env: Environment,
    begins: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="not before this time in UTC; now unless stated"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the plan as JSON")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="write plan.json and plan.html, to be approved")
    ] = False,
) -> None:
    """Plan who gets a release in which wave, when and why, and which approvals that needs."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        release = load_release(ROOT, version)
        planned = plan_release(fleet, release, read_pointers(ROOT, env), instant(begins, "--from", now()))
        if as_json:
            console.print_json(json.dumps(planned.record()))
        else:
            tell(*lines_of(planned))
        if write:
            file = ROOT / plan_file(env, version)
            for path, text in ((file, planned.text), (file.with_suffix(".html"), html_of(planned))):
                write_whole(path, text.encode())
            tell(
                "",
                f"Wrote {plan_file(env, version)} and the page beside it. Commit them; then it is approved:",
            )
            tell(
                *(
                    f"  storefleet release approve {version} --env {env} --role {need.role} --by ... --key ..."
                    for need in planned.approvals
                )
            )


@app.command()
def promote(
    version: Version,
    *,
    env: Environment,
    wave: Annotated[int | None, typer.Option(metavar="N", help="the wave of the plan")] = None,
    segment: Segment = None,
    emergency: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="instead of a wave: the tenants of an emergency that names the release"
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="let Argo CD try once more what is there already")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Move the pointers of a wave by one commit; run again, it goes on where it ended."""
    with clear_errors():
        if (wave is None) == (emergency is None):
            raise mistake("--wave", "which tenants is not said", "give --wave N, or --emergency ID")
        facts = _facts(env)
        if emergency is not None:
            moving = emergency_move(facts, version, emergency)
        else:
            moving = promotion(facts, version, wave or 0, segment, again=again)
        _carry_out(facts, moving, dry_run=dry_run)


@app.command(name="rollback")
def roll_back(
    version: Version,
    *,
    env: Environment,
    segment: Segment = None,
    wave: Annotated[int | None, typer.Option(metavar="N", help="only the tenants of this wave")] = None,
    dry_run: DryRun = False,
) -> None:
    """Move the pointers of a segment back to what they were before a release, by one commit."""
    with clear_errors():
        if segment is None and wave is None:
            raise mistake("--segment", "which tenants is not said", "give --segment, --wave or both")
        facts = _facts(env)
        _carry_out(facts, rollback(facts, version, segment, wave), dry_run=dry_run)


@app.command()
def pointers(
    *,
    env: Environment,
    release: Annotated[
        str | None, typer.Option(metavar="VERSION", help="what tenants without a pointer begin with")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Write the pointers of new tenants, and bring what pointers repeat of the tenants' files up to date."""
    with clear_errors():
        facts = _facts(env)
        _carry_out(facts, adoption(facts, release), dry_run=dry_run)


@app.command()
def check(
    *,
    base: Annotated[
        str, typer.Option(metavar="REF", help="the branch that the change is for")
    ] = "origin/main",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="as of this time in UTC; now unless stated")
    ] = None,
) -> None:
    """Check a change: releases stay, and pointers move only as a plan, a way back or an emergency allows."""
    with clear_errors():
        repository = Repository(ROOT)
        begin = repository.base(base)
        checked = check_change(repository, begin, repository.head(), instant(at, "--at", now()))
        for warning in checked.warnings:
            tell(f"Warning: {warning}")
        ignored = repository.uncommitted(*WATCHED)
        if ignored:
            tell(f"Not looked at, since it is not committed: {', '.join(ignored[:5])}")
        if checked.problems:
            fail(str(SpecError(checked.problems)), MISTAKE)
        tell(
            f"Releases: {checked.releases}. Pointers that move since {begin[:12]}: {checked.moved}. All as they may."
        )


@app.command()
def windows(*, env: Environment) -> None:
    """Print the sync windows of each project of Argo CD that has some, as JSON: what it is told of the calendars."""
    with clear_errors():
        fleet = _facts(env, committed=False).fleet
        delivery = fleet.environment.delivery
        found = (
            {}
            if delivery is None
            else windows_by_project(fleet, repository_of(delivery, fleet), open_exemptions(fleet))
        )
        console.print_json(json.dumps(found))
        if not calendars_in_use(fleet):
            errors.print(_untold(fleet), markup=False, soft_wrap=True)


def _untold(fleet: Fleet) -> str:
    """Say why Argo CD is told of no calendar."""
    delivery = fleet.environment.delivery
    if delivery is None:
        return f"Argo CD delivers nothing in {fleet.environment.name}."
    if not delivery.freezes:
        return (
            f"Argo CD is told of no calendar: delivery.freezes is false in stacks/Pulumi.{fleet.environment.name}.yaml."
            " The planner and the check of a change hold to them all the same."
        )
    return f"No tenant of {fleet.environment.name} is under a calendar."


def _facts(env: str, *, committed: bool = True) -> Facts:
    return committed_facts(ROOT, env, now(), committed=committed)


def _carry_out(facts: Facts, moving: Moving, *, dry_run: bool) -> None:
    texts = moving.texts(facts.environment)
    repository = Repository(ROOT)
    foreign = [
        file
        for file in repository.uncommitted(f"{ENVIRONMENTS_FOLDER}/{facts.environment}")
        if not _is_ours(file, texts)
    ]
    if foreign:
        raise mistake(
            foreign[0], "was changed by hand", f"git checkout -- {foreign[0]} (or remove it, if it is new)"
        )
    if not texts:
        tell("Nothing to move: all of them are where they should be.")
        return
    tell(moving.message.rstrip())
    if moving.note:
        tell("", moving.note)
    if dry_run:
        tell("", "Nothing was committed (--dry-run).")
        return
    tell("", f"Committed {repository.write(texts, moving.message)[:12]}. Push it, and Argo CD follows.")


def _is_ours(file: str, texts: dict[str, str]) -> bool:
    """Say whether a file in the work tree is what a killed run of the same command left."""
    if Path(file).name.endswith(".partial"):
        return True
    try:
        return (ROOT / file).read_text(encoding="utf-8") == texts.get(file)
    except OSError:
        return False
