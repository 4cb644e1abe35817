"""The two stories: forty storefronts and a release that makes queues grow, and a large retailer with its own window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cli.story.model import Bent, ModelWorld, Trouble
from cli.story.stage import BUILDER
from local.trouble import EnvironmentTrouble
from release.driver import Driver
from release.evidence import evidence_folder
from release.gates.verdict import Outcome
from release.judge import freeze_problem
from release.ledger import Step
from release.model.effects import effect
from release.moving import promotion
from release.pointers import ENVIRONMENTS_FOLDER
from release.records import plan_file
from release.steps import Kind, next_step
from spec.problems import SpecError
from spec.releases import RollbackClass

if TYPE_CHECKING:
    from pathlib import Path

    from cli.story.stage import Stage
    from release.driver import Done
    from release.plan import Plan

MODEL: Final = (
    "The shops are a model: no Odoo, Traefik or PostgreSQL runs, rehearsals and checkpoints always succeed, and Argo "
    "CD is always in step. What those programs would expose is written into a real Prometheus, at the times of the "
    "story; it evaluates the real rules and answers the real gates. Plans, approvals, commits, judgement, scorecards "
    "and evidence are real."
)
START: Final = datetime(2026, 2, 9, 9, tzinfo=UTC)
"""A Monday of a quiet month that has passed: a Prometheus takes no figures of the future."""
BEFORE: Final = START - timedelta(days=7)
"""When the story's project begins."""
AGAIN: Final = timedelta(minutes=15)
"""After which time a gate that held is asked again."""
HEALED: Final = timedelta(minutes=30)
_DIGEST: Final = "sha256:" + "0123456789abcdef" * 4
_MOST_WAITS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a release of a story ended, and where its scorecard and evidence are."""

    plan: Plan
    kind: Kind
    at: datetime
    folder: Path


Say = Callable[[str], None]


def storefronts(stage: Stage, project: Path, say: Say) -> list[Ending]:
    """Tell of forty storefronts: a release that fails in the first cohort and goes back, then one that goes through."""
    names = sorted(path.stem for path in (project / "tenants").glob("solvane-*.yaml"))
    releases = {
        "18.0.3": _release("What runs", built=BEFORE - timedelta(days=30)),
        "18.0.4": _release(
            "Promotions are worked out for every basket line, and stock is synchronised in the background",
            built=START - timedelta(days=2),
            modules="sale_promotion",
        ),
        "18.0.5": _release(
            "Promotions are worked out once for each basket; stock is synchronised as before",
            built=START + timedelta(days=1),
            modules="sale_promotion",
        ),
    }
    _begin(stage, project, names, releases)
    say(f"\n{len(names)} storefronts run 18.0.3. 18.0.4 changes promotions and the synchronisation of stock.")
    bad = _told(stage, "18.0.4", lambda _: Bent(effects={"18.0.4": effect("promotions")}), say)
    later = bad.at.replace(hour=9, minute=0) + timedelta(days=2)
    stage.wait(max(stage.at, later))
    say("\n18.0.5 mends it, and is planned as any other release.")
    return [bad, _told(stage, "18.0.5", _troubled, say)]


def _troubled(plan: Plan) -> Bent:
    """Return what a good release meets: a scrape that is lost, and somebody who changes what runs by hand."""
    waves = [each for each in plan.waves if each.ids]
    drifting, blind = waves[min(1, len(waves) - 1)], waves[min(2, len(waves) - 1)]
    effects = {"18.0.4": effect("promotions")}
    return Bent(
        effects=effects,
        troubles=(
            Trouble(
                version=plan.release,
                tenant=drifting.ids[0],
                after=timedelta(minutes=50),
                changed=("Deployment odoo-web",),
            ),
            Trouble(
                version=plan.release,
                tenant=blind.ids[0],
                after=timedelta(minutes=25),
                lasts=timedelta(minutes=15),
                lost="database",
            ),
        ),
    )


def dedicated(stage: Stage, project: Path, say: Say) -> list[Ending]:
    """Tell of a large retailer: its own window, its integrations one after the other, the way back shown before."""
    releases = {
        "18.0.3": _release("What runs", built=BEFORE - timedelta(days=30)),
        "18.0.6": _release(
            "The warehouse picks by zones",
            built=START - timedelta(days=2),
            modules="stock_warehouse_zones",
            migration="additive",
            rollback="restore",
            integrations="[warehouse-control, carriers, marketplaces]",
        ),
    }
    _begin(stage, project, ["kaufwerk"], releases)
    say("\nKaufwerk runs 18.0.3. 18.0.6 adds columns to its database and touches three integrations.")
    stage.planned("18.0.6")
    if stage.at == START:
        say("\nSomebody tries to move it now, on a Monday morning:")
        try:
            promotion(stage.facts(), "18.0.6", 1, None)
        except SpecError as error:
            say("\n".join(f"  {line}" for line in str(error).splitlines()))
        say("\nThe release is carried out:")
    ending = _told(stage, "18.0.6", lambda _: Bent(), say)
    outside = [
        each
        for each in stage.facts().moves
        if each.after == "18.0.6"
        and freeze_problem(replace(stage.facts(), at=each.at), each.tenant, "") is not None
    ]
    moves = [each for each in stage.facts().moves if each.after == "18.0.6"]
    times = ", ".join(f"{each.at:%a %m-%d %H:%M} UTC" for each in moves)
    say(f"Moved at {times}. Moves outside of its windows, by the history of its pointer: {len(outside)}.")
    return [ending]


def _begin(stage: Stage, project: Path, tenants: Sequence[str], releases: Mapping[str, str]) -> None:
    """Lay the stage where it is not yet; a story that was killed goes on where its clock stands."""
    stage.build(project, tenants, releases)
    stage.adopt("18.0.3")
    stage.wait(max(stage.at, START))


def _told(stage: Stage, version: str, bent: Callable[[Plan], Bent], say: Say) -> Ending:
    plan = stage.planned(version)
    over = stage.ended(plan)
    if over is not None:
        kind, at = Kind(over[0]), over[1]
        say(f"Told already: {version} ended with {kind} on {at:%Y-%m-%d %H:%M} UTC.")
        return Ending(plan=plan, kind=kind, at=at, folder=stage.root / evidence_folder(plan))
    moved = sum(len(wave.ids) for wave in plan.waves)
    say(
        f"Planned: {moved} tenants in {len(plan.waves)} waves, projected to be done on {plan.finish:%Y-%m-%d}; "
        f"approved by {len(plan.approvals)}: {', '.join(each.role for each in plan.approvals)}."
    )
    world = ModelWorld(
        fleet=stage.facts().fleet,
        bent=bent(plan),
        clock=lambda: stage.at,
        moves=lambda: stage.facts().moves,
        prometheus=stage.prometheus,
        kept=stage.folder / "taken.jsonl",
    )
    kind = _carried_out(stage, plan, world, say)
    if kind is Kind.HALTED:
        _compared(stage, plan, world, say)
    folder = stage.evidence(plan, kind.value)
    card = stage.card(plan)
    drift = next(each.why for area in card.areas for each in area.facts if each.name == "drift")
    say(f"Drift: {drift}.")
    areas = "; ".join(f"{each.name}: {each.verdict}" for each in card.areas)
    say(f"Scorecard: {card.verdict}. {areas}.")
    say(f"Evidence signed and verified: {folder / 'evidence.intoto.json'}")
    return Ending(plan=plan, kind=kind, at=stage.at, folder=folder)


def _carried_out(stage: Stage, plan: Plan, world: ModelWorld, say: Say) -> Kind:
    driver = Driver(version=plan.release, repository=stage.repository, world=world, load=stage.facts)
    shown = plan.rollback != RollbackClass.RESTORE
    following = next_step(stage.facts(), plan)
    if not shown and (following.notice is Step.NOTICE_DURING or following.kind is Kind.PROMOTE):
        shown = True  # killed right after the checkpoint
        _readiness(stage, plan, say)
    for _ in range(_MOST_WAITS):
        last: Done | None = None
        for done in driver.resume():
            _said(done, stage, say)
            if done.next.kind is Kind.CHECKPOINT and not shown:
                shown = True
                _readiness(stage, plan, say)
            last = done
        if last is None:
            break
        if last.next.kind is Kind.WAIT and last.next.until is not None:
            stage.wait(last.next.until)
        elif last.outcome is Outcome.HOLD:
            stage.wait(stage.at + AGAIN)
            say(f"  {stage.at:%m-%d %H:%M} It is measured again.")
        else:
            return last.next.kind
    raise EnvironmentTrouble(f"the story of {plan.release} does not end: a gate holds for ever")


def _compared(stage: Stage, plan: Plan, world: ModelWorld, say: Say) -> None:
    """Compare the shops with what they were when the release was planned, in Git and in Prometheus."""
    planned = stage.repository.last_change(plan_file(plan.environment, plan.release))
    pointers = f"{ENVIRONMENTS_FOLDER}/{plan.environment}"
    files = stage.repository.files(planned, pointers)
    differing = [each.file for each in stage.repository.changed(planned, "HEAD", pointers)]
    touched = {each.tenant for each in stage.facts().moves if plan.release in (each.before, each.after)}
    say(
        f"Compared with the commit of the plan: {len(files) - len(differing)} of {len(files)} pointers are the same, "
        f"and {len(files) - len(touched)} of them were in no commit since: the others never moved."
    )
    for at, when in (
        (stage.at, "when the gate failed"),
        (stage.at + HEALED, "half an hour after the way back"),
    ):
        good, bad = world.failing(at)
        failing = f"; one is not for {', '.join(sorted(bad))}" if bad else ""
        say(f"Prometheus at {at:%H:%M} UTC, {when}: all gates are good for {len(good)} shops{failing}.")


def _said(done: Done, stage: Stage, say: Say) -> None:
    lines = [each for each in done.said if each != done.next.why]
    first = f"  {stage.at:%m-%d %H:%M} {done.next.kind}: {done.next.why}"
    say("\n".join([first, *(f"      {line}" for line in lines[:7])]))


def _readiness(stage: Stage, plan: Plan, say: Say) -> None:
    """Show the way back before the move."""
    area = next(each for each in stage.card(plan).areas if each.name == "Rollback confidence")
    say(f"  The way back, before anything moves: {area.verdict}, {area.confidence:.0%} of it known")
    say("\n".join(f"      {each.state}: {each.name}: {each.why}" for each in area.facts))


def _release(
    summary: str,
    *,
    built: datetime,
    modules: str = "base",
    migration: str = "none",
    rollback: str = "pointer",
    integrations: str = "[]",
) -> str:
    return f"""\
summary: {summary}
built_by: [{BUILDER}]
built_at: {built:%Y-%m-%dT%H:%M:%SZ}
commit: {"1" * 40}
bundle: {_DIGEST}
images:
  odoo: registry.example/odoo@{_DIGEST}
modules:
  - {{name: {modules}, version: 18.0.1.2.0}}
migration: {migration}
integrations: {integrations}
payment_related: false
rollback: {rollback}
tests:
  - {{name: unit, result: passed, total: 1204, report: {_DIGEST}}}
  - {{name: integration, result: passed, total: 311, report: {_DIGEST}}}
"""


STORIES: Final[Mapping[str, Callable[[Stage, Path, Say], list[Ending]]]] = {
    "storefronts": storefronts,
    "dedicated": dedicated,
}
