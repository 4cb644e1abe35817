"""The two stories: forty storefronts and a release that makes queues grow, and a large retailer with its own window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cli.story.model import Effect, Load, ModelWorld
from cli.story.stage import Stage
from release.driver import Driver
from release.moving import promotion
from release.steps import Kind
from spec.problems import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from release.driver import Done
    from release.plan import Plan

MODEL: Final = (
    "This is a model: no Odoo, Traefik or PostgreSQL runs, rehearsals and checkpoints always succeed, and Argo CD is "
    "always in step. Plans, approvals, commits, queries, thresholds, judgement, scorecards and evidence are real."
)
START: Final = datetime(2027, 2, 8, 9, tzinfo=UTC)
"""A Monday of a quiet month."""
_DIGEST: Final = "sha256:" + "0123456789abcdef" * 4
_MOST_WAITS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a release of a story ended, and where its scorecard and evidence are."""

    plan: Plan
    kind: Kind
    folder: Path


Say = Callable[[str], None]


def storefronts(root: Path, project: Path, say: Say) -> list[Ending]:
    """Tell of forty storefronts: a release that fails in the first cohort and goes back, then one that goes through."""
    stage = Stage(root=root, at=START - timedelta(days=7))
    names = sorted(path.stem for path in (project / "tenants").glob("solvane-*.yaml"))
    with stage.lit():
        say(MODEL)
        releases = {
            "18.0.3": _release("What runs", built=stage.at - timedelta(days=30)),
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
        stage.build(project, names, releases)
        stage.adopt("18.0.3")
        stage.wait(START)
        say(
            f"\n{len(names)} storefronts run 18.0.3. 18.0.4 changes promotions and the synchronisation of stock."
        )
        endings = [_told(stage, "18.0.4", _SLOW, say)]
        stage.wait(stage.at.replace(hour=9, minute=0) + timedelta(days=2))
        say("\n18.0.5 mends it, and is planned as any other release.")
        endings.append(_told(stage, "18.0.5", {}, say))
    return endings


def dedicated(root: Path, project: Path, say: Say) -> list[Ending]:
    """Tell of a large retailer: its own window, its integrations one after the other, the way back shown before."""
    stage = Stage(root=root, at=START - timedelta(days=7))
    with stage.lit():
        say(MODEL)
        releases = {
            "18.0.3": _release("What runs", built=stage.at - timedelta(days=30)),
            "18.0.6": _release(
                "The warehouse picks by zones",
                built=START - timedelta(days=2),
                modules="stock_warehouse_zones",
                migration="additive",
                rollback="restore",
                integrations="[warehouse-control, carriers, marketplaces]",
            ),
        }
        stage.build(project, ["kaufwerk"], releases)
        stage.adopt("18.0.3")
        stage.wait(START)
        plan = stage.planned("18.0.6")
        wave = plan.waves[0]
        say("\nKaufwerk runs 18.0.3. 18.0.6 adds columns to its database and touches three integrations.")
        say(f"Planned for {wave.starts:%a %Y-%m-%d %H:%M} UTC; approved by {len(plan.approvals)} people.")
        say("\nSomebody tries to move it now, on a Monday morning:")
        try:
            promotion(stage.facts(), "18.0.6", 1, None)
        except SpecError as error:
            say("\n".join(f"  {line}" for line in str(error).splitlines()))
        say("\nThe release is carried out:")
        ending = _carried_out(stage, plan, {}, say, before_the_move=True)
    return [ending]


def _slow_queue(usual: float, minutes: float) -> float:
    return usual + 14 * minutes


def _old_stock(usual: float, minutes: float) -> float:
    return usual + 25 * minutes


def _write_contention(usual: float, minutes: float) -> float:
    return usual * min(2.2, 1 + minutes / 15)


_SLOW: Final[Mapping[str, Effect]] = {
    "queue_latency": _slow_queue,
    "inventory_age": _old_stock,
    "database_time": _write_contention,
}


def _told(stage: Stage, version: str, effects: Mapping[str, Effect], say: Say) -> Ending:
    plan = stage.planned(version)
    moved = sum(len(wave.ids) for wave in plan.waves)
    say(
        f"Planned: {moved} tenants in {len(plan.waves)} waves, projected to be done on {plan.finish:%Y-%m-%d}."
    )
    return _carried_out(stage, plan, effects, say)


def _carried_out(
    stage: Stage, plan: Plan, effects: Mapping[str, Effect], say: Say, *, before_the_move: bool = False
) -> Ending:
    world = ModelWorld(fleet=stage.facts().fleet, load=Load(effects), clock=lambda: stage.at)
    driver = Driver(version=plan.release, repository=stage.repository, world=world, load=stage.facts)
    shown = not before_the_move
    for _ in range(_MOST_WAITS):
        last: Done | None = None
        for done in driver.resume():
            if done.next.kind is Kind.CHECKPOINT and not shown:
                shown = True
                _said(done, stage, say)
                _readiness(stage, plan, say)
            else:
                _said(done, stage, say)
            last = done
        if last is None or last.next.kind is not Kind.WAIT or last.next.until is None:
            break
        stage.wait(last.next.until)
    else:
        raise RuntimeError("the story never ends")
    ended = last.next.kind if last else Kind.DONE
    folder = stage.evidence(plan, ended.value)
    card = stage.card(plan)
    say(
        f"Scorecard: {card.verdict}. "
        + "; ".join(f"{each.name}: {each.verdict}" for each in card.areas)
        + "."
    )
    say(f"Evidence signed and verified: {folder / 'evidence.intoto.json'}")
    return Ending(plan=plan, kind=ended, folder=folder)


def _said(done: Done, stage: Stage, say: Say) -> None:
    lines = [each for each in done.said if each != done.next.why]
    first = f"  {stage.at:%m-%d %H:%M} {done.next.kind}: {done.next.why}"
    say("\n".join([first, *(f"      {line}" for line in lines[:6])]))


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
built_by: [developer@storefleet.example]
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


STORIES: Final[Mapping[str, Callable[[Path, Path, Say], list[Ending]]]] = {
    "storefronts": storefronts,
    "dedicated": dedicated,
}
