"""Break each rule about AWS once, on the real engine and provider, and see that this rule alone refuses it.

python -m tests.rehearsal.rules

The stacks break none, and have nothing that some rules are about (a managed database): this shows that each rule
finds its breach in what the provider really hands over. Everything is previewed, nothing is made.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from cli.engine import explain
from cli.engine.installation import install
from cli.engine.run import call, run
from local.progress import Progress
from local.state import ROOT, State
from local.toolchain.build import ensure
from local.trouble import EnvironmentTrouble
from tests.policy.cloud import CLOUD_BREAKS
from tests.rehearsal import bench
from tests.rehearsal.run import FOLDER, SKIPPED, Failed

if TYPE_CHECKING:
    from pathlib import Path

    from cli.engine.installation import Installation

ACCOUNT = "111122223333"
PROGRAM = ROOT / "tests" / "rehearsal" / "broken"
STACK = "rules"
_SECONDS = 5 * 60.0


def rehearse(folder: Path, progress: Progress) -> dict[str, list[str]]:
    """Return which rules refused the program for each rule that was broken in it; "" is the program unbroken."""
    shutil.rmtree(folder, ignore_errors=True)
    state, program = State(folder / "state"), folder / "program"
    shutil.copytree(PROGRAM, program)
    # The program reads its description from the project's own tests.
    own = {"PYTHONPATH": str(ROOT), "MOTO_ACCOUNT_ID": ACCOUNT}
    found: dict[str, list[str]] = {}
    with bench.simulated_aws(ACCOUNT, folder / "logs") as cloud:
        made = install(state, ensure(progress))
        variables = {k: v for k, v in made.variables.items() if k != "PULUMI_OPTION_CONFIG_FILE"}
        engine = replace(made, variables={**variables, **own, **bench.nowhere(cloud)})
        call(engine, ["stack", "init", STACK, "--no-select"], cwd=program)
        for rule in ("", *CLOUD_BREAKS):
            found[rule] = _preview(rule, engine, state, program, progress)
    return found


def _preview(rule: str, made: Installation, state: State, program: Path, progress: Progress) -> list[str]:
    engine = replace(made, variables={**made.variables, "BREAK": rule})
    words = ["preview", "--stack", STACK, "--policy-pack", str(ROOT / "policy")]
    with progress.step(f"break {rule}" if rule else "break no rule") as step:
        outcome = run(engine, state, words, step, cwd=program, limit=_SECONDS)
        refusing = sorted({one.rule for one in outcome.report.findings if one.mandatory})
        step.result = f"refused by {', '.join(refusing)}" if refusing else "refused by none"
        if outcome.report.errors and not refusing:
            raise Failed(explain.failure(outcome, None))
    return refusing


def main() -> int:
    """Say which rules refused their breach; 0 when all did and no other, or none can be tried."""
    if bench.provider() is None:
        print(SKIPPED)  # noqa: T201
        return 0
    console, folder = Console(highlight=False), FOLDER / "rules"
    try:
        found = rehearse(folder, Progress(console))
    except (Failed, EnvironmentTrouble) as error:
        console.print(f"The rules could not be tried: {error}", markup=False, soft_wrap=True)
        return 1
    (folder / "report.json").write_text(json.dumps(found, indent=2) + "\n")
    wrong = {rule: refusing for rule, refusing in found.items() if refusing != ([rule] if rule else [])}
    for rule, refusing in wrong.items():
        told = ", ".join(refusing) or "no rule"
        console.print(f"Broken: {rule or 'nothing'}. Refused by {told}.", markup=False)
    if not wrong:
        console.print(
            f"Each of {len(CLOUD_BREAKS)} rules about AWS refused its breach, and no other did. "
            f"Report: {folder / 'report.json'}",
            markup=False,
            soft_wrap=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
