"""Rehearse the loss of a region: production is applied, its region stops answering, the second one is rebuilt.

python -m tests.rehearsal.outage [TENANT...]

Tenants that are named are the only ones of the fleet then: it is quicker, and looks for mistakes. Evidence is of all.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from local.progress import Progress
from local.state import ROOT
from local.trouble import EnvironmentTrouble
from recovery.region.plan import plan_region
from spec.fleet import load_fleet
from spec.problems import SpecError
from tests.rehearsal import bench, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recovery.region.plan import RegionPlan

_SECONDS = 60 * 60
_INTERRUPTED = 130
_BEGUN = 40
"""How many resources are seen before the rebuild is interrupted."""
_UP = ("up", "--yes", "--skip-preview")


def rehearse(folder: Path, progress: Progress, tenants: Sequence[str] = ()) -> dict[str, Any]:
    """Rehearse the outage and return the evidence that the rebuild wrote."""
    plan = plan_region(load_fleet(ROOT, "production"), load_fleet(ROOT, "dr"))
    for stack in ("production", "dr"):
        bench.clear(folder / stack)
    shutil.rmtree(folder, ignore_errors=True)
    with bench.simulated_aws(plan.account, folder / "logs") as cloud:
        first = bench.make("production", folder / "production", cloud, progress, tenants=tenants)
        second = None
        try:
            second = bench.make("dr", folder / "dr", cloud, progress, tenants=tenants, beside=first)
            plan = plan_region(load_fleet(first.project, "production"), load_fleet(second.project, "dr"))
            for made in (first, second):
                outcome = made.run(progress, f"up of {made.stack}", *_UP, policy=True)
                run.must_be_good(outcome, made, {})
            cloud.lose(plan.lost)
            _must_be_lost(cloud, plan, progress)
            found = _rebuild(plan, second, progress, folder)
            cloud.lose("")
            for made in (second, first):
                made.unprotect()
                outcome = made.run(progress, f"destroy of {made.stack}", "destroy", "--yes", "--skip-preview")
                run.must_be_good(outcome, made, {})
        finally:
            for made in filter(None, (second, first)):
                bench.end(made)
    return found


def _must_be_lost(cloud: bench.Cloud, plan: RegionPlan, progress: Progress) -> None:
    """See that the outage is one: what still answered there would prove nothing."""
    with progress.step(f"{plan.lost} answers nobody") as step:
        if cloud.answers(plan.lost) or not cloud.answers(plan.target):
            raise run.Failed(f"{plan.lost} still answers, or {plan.target} does not: nothing was rehearsed")
        step.result = f"{plan.target} does"


def _rebuild(plan: RegionPlan, second: bench.Bench, progress: Progress, folder: Path) -> dict[str, Any]:
    """Rebuild as a user does, who interrupts it in the middle and gives the same command again."""
    log = folder / "rebuild.log"
    with progress.step("storefleet dr rebuild, interrupted") as step:
        status = _command(plan, second, log, interrupt=True)
        if status != _INTERRUPTED:
            raise run.Failed(f"the rebuild that was interrupted ended with {status}: {log}")
        step.result = "it says how to go on"
    with progress.step("storefleet dr rebuild, again") as step:
        status = _command(plan, second, log, interrupt=False)
        if status != 0:
            raise run.Failed(f"the rebuild ended with {status}: {log}")
        (written,) = second.state.root.glob("recovery/*/evidence.json")
        found: dict[str, Any] = json.loads(written.read_text())
        step.result = f"{found['seconds']:.0f} s with the pause"
    outputs = second.outputs()
    absent = [tenant for tenant in plan.tenants if tenant not in outputs.get("tenants", {})]
    if absent or not found["complete"]:
        raise run.Failed(f"the second region serves without {', '.join(absent) or 'having been verified'}")
    return found


def _command(plan: RegionPlan, second: bench.Bench, log: Path, *, interrupt: bool) -> int:
    words = [sys.executable, "-m", "cli", "dr", "rebuild", "--lost", plan.lost]
    with log.open("a") as out:
        out.write(f"$ storefleet {' '.join(words[3:])}\n")
        out.flush()
        child = subprocess.Popen(
            words,
            cwd=second.project,
            env={**second.engine.environment, "STOREFLEET_STATE": str(second.state.root)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            if interrupt and _creating(second, child):
                child.send_signal(signal.SIGINT)
            return child.wait(_SECONDS)
        finally:
            child.kill()


def _creating(second: bench.Bench, child: subprocess.Popen[bytes]) -> bool:
    """Wait until the rebuild has begun to create things; False where it ended before."""
    while child.poll() is None:
        runs = second.state.root.glob("recovery/*/engine/runs/*-up.events")
        if any(file.read_bytes().count(b"resOutputsEvent") >= _BEGUN for file in runs):
            return True
        time.sleep(0.5)
    return False


def main(tenants: Sequence[str]) -> int:
    """Rehearse the outage and say how long each step of the rebuild took; 0 also where it cannot be rehearsed."""
    if bench.provider() is None:
        print(run.SKIPPED)  # noqa: T201
        return 0
    # Whoever is started in the background ignores interrupts, and hands that down to the rebuild.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    console, folder = Console(highlight=False), run.FOLDER / "outage"
    try:
        found = rehearse(folder, Progress(console), tenants)
    except (run.Failed, EnvironmentTrouble, SpecError) as error:
        console.print(f"The rehearsed outage failed: {error}", markup=False, soft_wrap=True)
        return 1
    target = folder / "evidence.json"
    target.write_text(json.dumps(found, indent=2) + "\n")
    for step in found["steps"]:
        console.print(f"  {step['seconds']:8.1f} s  {step['title']}", markup=False)
    console.print(
        f"Rebuilt after {found['seconds']:.0f} s, in a simulation. Evidence: {target}", markup=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
