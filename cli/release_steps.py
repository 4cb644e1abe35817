"""The commands that carry a release out, step by step. Each ends with a commit; killed before, it is run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.moments import now
from cli.output import REFUSED, clear_errors, progress
from cli.release_facts import Environment, Version, committed_facts, discard_unfinished, tell
from cli.release_world import RealWorld
from local.state import ROOT
from release.driver import Driver, limited, plan_of_version
from release.gates.verdict import Outcome
from release.repository import Repository
from release.status import lines_of
from release.steps import Kind
from spec.clusters import EmbeddedCluster
from spec.fleet import load_fleet

if TYPE_CHECKING:
    from release.driver import Done
    from release.world import World

Wave = Annotated[int, typer.Option(metavar="N", help="the wave of the plan")]
Address = Annotated[
    str | None,
    typer.Option("--prometheus", metavar="URL", help="its address; STOREFLEET_PROMETHEUS otherwise"),
]
Applications = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Applications as kubectl prints them as JSON; the cluster's otherwise"),
]
InCluster = Annotated[
    bool, typer.Option("--in-cluster", help="have Argo Rollouts decide, in the cluster, by the same checks")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the group of releases."""
    for command in (rehearse, checkpoint, gate, integrate, status, resume):
        app.command()(command)


def rehearse(version: Version, *, env: Environment, wave: Wave) -> None:
    """Record how the rehearsals of a wave ended: the step of the release on a neutralised copy of a tenant."""
    with clear_errors():
        _one(version, env, wave, (Kind.REHEARSE,), _world(env))


def checkpoint(version: Version, *, env: Environment, wave: Wave) -> None:
    """Take the checkpoints of a wave, or find those that were taken, read each back and record it."""
    with clear_errors():
        _one(version, env, wave, (Kind.CHECKPOINT,), _world(env))


def gate(
    version: Version,
    *,
    env: Environment,
    wave: Wave,
    prometheus: Address = None,
    applications: Applications = None,
    in_cluster: InCluster = False,
) -> None:
    """Measure a wave after its move, and again when it was watched: pass, fail, or hold while it is unclear."""
    with clear_errors():
        world = replace(_world(env, prometheus, applications), in_cluster=in_cluster)
        _one(version, env, wave, (Kind.GATE, Kind.SOAK), world)


def integrate(
    version: Version,
    *,
    env: Environment,
    wave: Wave,
    integration: Annotated[str, typer.Option(metavar="NAME", help="what talks to the shops again")],
    prometheus: Address = None,
    applications: Applications = None,
) -> None:
    """Say that an integration talks to a wave again, and measure it: the next one waits until this one is good."""
    with clear_errors():
        world = replace(_world(env, prometheus, applications), again=frozenset({integration}))
        _one(version, env, wave, (Kind.INTEGRATE,), world)


def status(version: Version, *, env: Environment) -> None:
    """Show how far a release is, wave by wave, and what comes next. Changes nothing."""
    with clear_errors():
        facts = committed_facts(ROOT, env, now(), committed=False)
        tell(*lines_of(facts, plan_of_version(facts, version)))


def resume(
    version: Version,
    *,
    env: Environment,
    prometheus: Address = None,
    applications: Applications = None,
    in_cluster: InCluster = False,
) -> None:
    """Go on with a release: step after step, until people or time are waited for, or a gate holds."""
    with clear_errors():
        world = replace(_world(env, prometheus, applications), in_cluster=in_cluster)
        driver = _driver(version, env, world)
        for done in driver.resume():
            _say(done)
            if done.outcome is Outcome.HOLD or done.next.kind in (Kind.HALTED, Kind.BLOCKED):
                raise typer.Exit(REFUSED)


def _one(version: str, env: str, wave: int, kinds: tuple[Kind, ...], world: World) -> None:
    driver = _driver(version, env, world)
    facts = driver.load()
    plan = plan_of_version(facts, version)
    done = driver.carry_out(facts, plan, limited(facts, plan, kinds, wave))
    _say(done)
    if done.outcome is not Outcome.PASS:
        raise typer.Exit(REFUSED)


def _driver(version: str, env: str, world: World) -> Driver:
    discard_unfinished(ROOT, env)
    return Driver(
        version=version,
        repository=Repository(ROOT),
        world=world,
        load=lambda: committed_facts(ROOT, env, now()),
    )


def _world(env: str, prometheus: str | None = None, applications: Path | None = None) -> RealWorld:
    fleet = load_fleet(ROOT, env)
    return RealWorld(
        fleet=fleet,
        repository=Repository(ROOT),
        prometheus=prometheus,
        applications=applications,
        progress=progress(),
        # Nothing runs in the pods there, a rehearsal included: every record says so.
        simulated=isinstance(fleet.environment.cluster, EmbeddedCluster),
    )


def _say(done: Done) -> None:
    tell(f"{done.next.kind}: {done.next.why}")
    if done.said != (done.next.why,):
        tell(*(f"  {line}" for line in done.said))
