"""Rehearse stacks: apply each to a simulated AWS and a real API server, look, change, and destroy it again.

python -m tests.rehearsal.run production dr
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cli.engine import explain
from local.progress import Progress
from local.state import ROOT
from local.trouble import EnvironmentTrouble
from spec.fleet import load_fleet
from spec.problems import SpecError
from tests.rehearsal import bench, changes, ruled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cli.engine.run import Outcome
    from spec.fleet import Fleet

SKIPPED = f"rehearsal skipped: no AWS provider ({bench.PLUGIN}) on PATH (docs/reference/rehearsal.md)"
FOLDER = ROOT / ".storefleet" / "rehearsal"
_REPLACING = {"replace", "delete-replaced", "create-replacement", "delete"}


class Failed(Exception):  # noqa: N818
    """The rehearsal found something that would go wrong on AWS as well."""


def rehearse(stack: str, folder: Path, progress: Progress) -> dict[str, Any]:
    """Rehearse one stack and return what was seen, with the seconds that each step took."""
    fleet = load_fleet(ROOT, stack)
    aws = fleet.environment.aws
    if aws is None:
        raise Failed(f"the stack {stack} has nothing in AWS: there is nothing to rehearse")
    seen: dict[str, Any] = {
        "stack": stack,
        "region": aws.region,
        "tenants": len(fleet.tenants),
        "seconds": {},
    }
    bench.clear(folder)
    with bench.simulated_aws(aws.account, folder / "logs") as cloud:
        made = _timed(seen, "start", lambda: bench.make(stack, folder, cloud, progress))
        try:
            _apply(made, _expected(fleet), seen, progress)
            for change in changes.of(fleet):
                _change(made, change, seen, progress)
            _destroy(made, seen, progress)
        finally:
            bench.end(made)
            seen["not simulated"] = cloud.unknown()
            _write(folder, seen)
    return seen


def _expected(fleet: Fleet) -> tuple[str, ...]:
    """Return what the stack must export: a second region that stands by without a cluster has nothing inside one."""
    aws = fleet.environment.aws
    inside = aws is None or aws.standby != "absent"
    return ("aws", *(("cells", "tenants", "teamRole") if inside else ()))


def _apply(made: bench.Bench, expected: Sequence[str], seen: dict[str, Any], progress: Progress) -> None:
    first = _timed(
        seen,
        "up",
        lambda: made.run(progress, f"up of {made.stack}", "up", "--yes", "--skip-preview", policy=True),
    )
    must_be_good(first, made, seen)
    if "Policies:" not in first.log.read_text(errors="replace"):
        raise Failed(f"the policy pack did not run: {first.log}")
    asleep = ruled.asleep(first.log.with_suffix(".events"))
    if asleep:
        raise Failed(f"rules about AWS that nobody asked: {', '.join(asleep)}")
    resources = made.resources()
    seen["rules about AWS"] = ruled.judged(resources)
    seen["resources"] = len(resources)
    seen["in AWS"] = sum(1 for each in resources if each["type"].startswith("aws:"))
    if not seen["in AWS"]:
        raise Failed("nothing was made in AWS: the program took the stack for one without")
    outputs = made.outputs()
    missing = [name for name in expected if not outputs.get(name)]
    if missing:
        raise Failed(f"the stack exports no {', '.join(missing)}: whatever reads it would find nothing")
    seen["outputs"] = sorted(outputs)
    again = _timed(
        seen,
        "up again",
        lambda: made.run(
            progress, "up again, which must change nothing", "up", "--yes", "--skip-preview", policy=True
        ),
    )
    must_be_good(again, made, seen)
    if again.report.changes:
        named = ", ".join(f"{one.op} {one.name}" for one in again.report.changes[:20])
        raise Failed(f"a second up changes what the first one made: {named}")


def _change(made: bench.Bench, change: changes.Change, seen: dict[str, Any], progress: Progress) -> None:
    change.make(made)
    outcome = _timed(
        seen,
        change.title,
        lambda: made.run(progress, change.title, "up", "--yes", "--skip-preview", policy=True),
    )
    must_be_good(outcome, made, seen)
    if not outcome.report.changes:
        raise Failed(f"{change.title}: nothing changed, so nothing was rehearsed")
    seen.setdefault("changes", {})[change.title] = [f"{one.op} {one.name}" for one in outcome.report.changes]
    lasting = [one for one in outcome.report.changes if one.type != changes.SECRET_VERSION]
    replaced = [one.name for one in lasting if one.op in _REPLACING]
    if replaced:
        raise Failed(f"{change.title}: replaces or deletes {', '.join(replaced)}")
    strangers = [f"{one.op} {one.name}" for one in outcome.report.changes if not change.touches(one)]
    if strangers:
        raise Failed(f"{change.title}: also touches {', '.join(strangers)}")


def _destroy(made: bench.Bench, seen: dict[str, Any], progress: Progress) -> None:
    made.unprotect()
    outcome = _timed(
        seen,
        "destroy",
        lambda: made.run(progress, f"destroy of {made.stack}", "destroy", "--yes", "--skip-preview"),
    )
    must_be_good(outcome, made, seen)
    left = [each["urn"] for each in made.resources() if each["type"] != "pulumi:pulumi:Stack"]
    if left:
        raise Failed(f"destroy left {len(left)} resources, such as {left[0]}")


def must_be_good(outcome: Outcome, made: bench.Bench, seen: dict[str, Any]) -> None:
    """Raise Failed with the reason where a run of the engine did not end well."""
    if outcome.status == 0 and not outcome.killed:
        return
    unknown = made.cloud.unknown()
    seen["not simulated"] = unknown
    told = explain.failure(outcome, made.api)
    if unknown:
        told += "\nThe simulated AWS could not answer: " + ", ".join(sorted(unknown))
    raise Failed(told)


def _timed(seen: dict[str, Any], name: str, work: Any) -> Any:
    begun = time.monotonic()
    try:
        return work()
    finally:
        seen["seconds"][name] = round(time.monotonic() - begun, 1)


def _write(folder: Path, seen: dict[str, Any]) -> None:
    (folder / "report.json").write_text(json.dumps(seen, indent=2) + "\n")


def main(stacks: list[str]) -> int:
    """Rehearse the stacks, one after the other, and return 0 when all went well or none can be rehearsed."""
    if bench.provider() is None:
        print(SKIPPED)  # noqa: T201
        return 0
    console = Console(highlight=False)
    status = 0
    for stack in stacks:
        folder = FOLDER / stack
        try:
            seen = rehearse(stack, folder, Progress(console))
        except (Failed, EnvironmentTrouble, SpecError) as error:
            console.print(f"Rehearsal of {stack} failed: {error}", markup=False, soft_wrap=True)
            status = 1
            continue
        steps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in seen["seconds"].items())
        console.print(
            f"Rehearsed {stack}: {seen['resources']} resources, {seen['in AWS']} of them in AWS. {steps}. "
            f"Report: {folder / 'report.json'}",
            markup=False,
            soft_wrap=True,
        )
        for call, times in sorted(seen["not simulated"].items()):
            console.print(f"  not simulated: {call} ({times} times)", markup=False)
    return status


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("name the stacks: python -m tests.rehearsal.run production dr")
    sys.exit(main(sys.argv[1:]))
