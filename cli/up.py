"""Bring the embedded environment to what the files say: everything `make up` does, in order."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from rich.console import Console

from cli import delivery, node
from cli.engine import explain, repair
from cli.engine.installation import LOCAL, Installation, install
from cli.engine.run import call, run
from components.plan import plan_environment
from components.tenancy.applied import applied_tenants
from local.controlplane import control
from local.progress import Progress
from local.state import ROOT, state, write
from local.toolchain.build import ensure
from local.trouble import EnvironmentTrouble
from release.facts import released_images
from spec.fleet import current_day, load_fleet
from spec.lifecycle import check_steps

if TYPE_CHECKING:
    from collections.abc import Generator

    from cli.engine.events import Change, Report
    from cli.engine.run import Outcome
    from local.kube import KubeApi
    from local.state import State

PROJECT = "storefleet"
POLICY = ("--policy-pack", str(ROOT / "policy"))
REAL_NODE_POLICY = ("--policy-pack-config", str(ROOT / "policy" / "real-node.json"))
"""Where pods run on the real node, their images may come from this machine as well: no rule is off."""
_LOCK_TICK = 5.0
_LOCK_SECONDS = 60 * 60.0


class Refused(Exception):  # noqa: N818
    """The engine, a rule or the API server refused what the files ask for; the text says what and why."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What an `up` or `preview` found and did: the changes, empty when all was as the files say."""

    changes: tuple[Change, ...]
    resources: int


@contextmanager
def exclusive(current: State, progress: Progress) -> Generator[None]:
    """Be the only command that changes this environment; a second one waits, for an hour at most."""
    guard, waited = FileLock(current.lock), 0.0
    while True:
        try:
            guard.acquire(timeout=_LOCK_TICK if waited else 0.1)
            break
        except Timeout:
            if not waited:
                progress.say("another storefleet command works on this environment: waiting for its end")
            waited += _LOCK_TICK
            if waited > _LOCK_SECONDS:
                raise EnvironmentTrouble(
                    f"another storefleet command has held {current.lock} for an hour. "
                    "`storefleet status` shows what runs; end it, then run this again."
                ) from None
    try:
        yield
    finally:
        guard.release()


def apply(progress: Progress, *, only_preview: bool = False, real_node: str | None = None) -> Applied:
    """Check the files, start what is needed, preview with the policy pack, and apply what differs.

    Raises SpecError for a mistake in a file (before anything starts), Refused when the engine or a rule
    says no (before anything is created, unless the API server alone knew), EnvironmentTrouble for the rest.
    """
    node.check(real_node)
    with progress.step("tenant files") as step:
        fleet = load_fleet(ROOT, LOCAL)
        released = released_images(fleet)
        expected = plan_environment(fleet, released=released).resources
        step.result = f"{len(fleet.tenants)} tenants in {len(fleet.environment.cells)} cells, all valid"
    real_node = node.asked(fleet.environment, real_node)
    current = state()
    with exclusive(current, progress):
        api = control.start(current, progress)
        node.bring(current, real_node, api, progress)
        furnished = node.furnish(current, fleet.environment, released, api, progress)
        rules = REAL_NODE_POLICY if furnished else ()
        delivering = delivery.start(current, fleet, api, progress)
        # The program checks this as well; here it costs no engine, and ends as any mistake in a file does.
        check_steps(fleet, applied_tenants(api, fleet.environment.name), current_day(), ROOT)
        engine = install(current, ensure(progress))
        _repair(current, engine, progress)
        _select(current, engine, progress)
        _recognise(current, engine, api, progress)
        preview = _run(current, engine, progress, "preview", *rules, expected=expected, api=api)
        changes, resources = tuple(preview.changes), preview.seen
        if only_preview:
            return Applied(changes=changes, resources=resources)
        if changes or preview.outputs_changed:
            done = _run(current, engine, progress, "up", *rules, expected=expected, api=api)
            changes = tuple(done.changes)
        if delivering:
            delivery.follow(fleet, api, progress)
        return Applied(changes=changes, resources=resources)


def ready_engine(progress: Progress | None) -> Installation:
    """Return the local stack's engine, for plain use of `pulumi`; builds what is missing, starts nothing."""
    return install(state(), ensure(progress or Progress(Console(stderr=True))))


def _repair(current: State, engine: Installation, progress: Progress) -> None:
    left = repair.inspect(current, PROJECT, LOCAL)
    for line in left.lines:
        progress.say(f"  {line}")
    if left.pending:
        with progress.step(
            f"{left.pending} operations that an earlier run began and did not confirm"
        ) as step:
            arguments = ["refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", LOCAL]
            outcome = run(engine, current, arguments, step)
            _stop_unless_good(outcome, None)


def _select(current: State, engine: Installation, progress: Progress) -> None:
    file = current.engine / "state" / ".pulumi" / "stacks" / PROJECT / f"{LOCAL}.json"
    if file.exists():
        return
    with progress.step(f"stack {LOCAL}: first use"):
        # Not in the checkout: the engine writes this machine's key salt into the stack file that it finds.
        write(current.engine / "Pulumi.yaml", f"name: {PROJECT}\nruntime: python\n")
        call(engine, ["stack", "init", LOCAL, "--no-select"], cwd=current.engine)


def _recognise(current: State, engine: Installation, api: KubeApi, progress: Progress) -> None:
    """Let the engine look for its objects again when the cluster is not the one that they were applied to.

    Without this, a control plane that lost its data would stay empty: the state says that all is there.
    """
    system = api.get("/api/v1/namespaces/kube-system") or {}
    identity, known = str(system["metadata"]["uid"]), current.engine / "cluster"
    if known.exists() and known.read_text() != identity:
        with progress.step("the cluster is a new one: look for what the state names") as step:
            outcome = run(engine, current, ["refresh", "--yes", "--skip-preview", "--stack", LOCAL], step)
            _stop_unless_good(outcome, api)
    write(known, identity)


def _run(
    current: State,
    engine: Installation,
    progress: Progress,
    verb: str,
    *rules: str,
    expected: int,
    api: KubeApi,
) -> Report:
    with progress.step(f"{verb} with the policy pack") as step:
        extra = ["--yes", "--skip-preview"] if verb == "up" else []
        outcome = run(
            engine, current, [verb, *extra, "--stack", LOCAL, *POLICY, *rules], step, expected=expected
        )
        _stop_unless_good(outcome, api)
        counts = outcome.report.counts()
        step.result = ", ".join(f"{count} to {op}" for op, count in sorted(counts.items())) or "no changes"
    return outcome.report


def _stop_unless_good(outcome: Outcome, api: KubeApi | None) -> None:
    if outcome.killed:
        raise EnvironmentTrouble(explain.failure(outcome, api))
    if outcome.status != 0:
        raise Refused(explain.failure(outcome, api))
