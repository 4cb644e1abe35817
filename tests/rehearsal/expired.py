"""Let the credentials of an `up` expire half-way: it says so, and the next one goes on with nothing made twice.

python -m tests.rehearsal.expired
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from cli.engine import explain
from local.progress import Progress
from local.state import ROOT
from local.trouble import EnvironmentTrouble
from spec.fleet import load_fleet
from spec.problems import SpecError
from tests.rehearsal import bench, run

if TYPE_CHECKING:
    from pathlib import Path

    from cli.engine.run import Outcome

STACK = "dr"
TENANTS = ("kaufwerk", "solvane-lyon")
"""The pool of one's own nodes belongs to the first."""
MOMENTS = (60, 400)
"""After how many calls: while the first things are made, and in the middle of them."""
_UP = ("up", "--yes", "--skip-preview")


def rehearse(folder: Path, progress: Progress) -> list[int]:
    """Return how many resources the state had at each moment and at the end."""
    aws = load_fleet(ROOT, STACK).environment.aws
    if aws is None:
        raise run.Failed(f"the stack {STACK} has nothing in AWS")
    bench.clear(folder)
    with bench.simulated_aws(aws.account, folder / "logs") as cloud:
        made = bench.make(STACK, folder, cloud, progress, tenants=TENANTS)
        try:
            found = [_expire(made, after, progress) for after in MOMENTS]
            if not found[-1] > 0:
                raise run.Failed("nothing was made before the credentials expired: nothing was rehearsed")
            cloud.expire(None)
            whole = made.run(progress, "up, signed in anew", *_UP, policy=True)
            run.must_be_good(whole, made, {})
            again = made.run(progress, "up again, which must change nothing", *_UP, policy=True)
            run.must_be_good(again, made, {})
            if again.report.changes:
                named = ", ".join(f"{one.op} {one.name}" for one in again.report.changes[:20])
                raise run.Failed(f"what was half made is not what the files say: {named}")
            _must_be_made_once(made, whole)
            return [*found, len(made.resources())]
        finally:
            bench.end(made)


def _expire(made: bench.Bench, after: int, progress: Progress) -> int:
    made.cloud.expire(after)
    outcome = made.run(progress, f"up, whose credentials expire after {after} calls", *_UP)
    if outcome.status == 0 or outcome.killed:
        raise run.Failed(f"an up without credentials ended with {outcome.killed or outcome.status}")
    told = explain.failure(outcome, None)
    if not any(
        words in told for words in ("token included in the request is expired", "credentials have expired")
    ):
        raise run.Failed(f"nobody is told that the credentials have expired:\n{told}")
    return len(made.resources())


def _must_be_made_once(made: bench.Bench, outcome: Outcome) -> None:
    """See that going on replaced nothing that was made before the credentials were gone."""
    replaced = [one.name for one in outcome.report.changes if "replace" in one.op or one.op == "delete"]
    if replaced:
        raise run.Failed(f"going on replaced what was there: {', '.join(replaced)}")
    identities: dict[tuple[str, str], str] = {}
    for each in made.resources():
        if not each["type"].startswith("aws:"):
            continue
        key = (each["type"], each["id"])
        if key in identities:
            raise run.Failed(f"{each['urn']} and {identities[key]} are one thing")
        identities[key] = each["urn"]


def main() -> int:
    """Say how far each `up` came; 0 when the last one made everything, or it cannot be rehearsed."""
    if bench.provider() is None:
        print(run.SKIPPED)  # noqa: T201
        return 0
    console, folder = Console(highlight=False), run.FOLDER / "expiry"
    try:
        found = rehearse(folder, Progress(console))
    except (run.Failed, EnvironmentTrouble, SpecError) as error:
        console.print(f"The rehearsal of expired credentials failed: {error}", markup=False, soft_wrap=True)
        return 1
    console.print(
        f"Credentials expired twice on the way: {', '.join(map(str, found))} resources, nothing made twice."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
