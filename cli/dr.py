"""The commands about the loss of a region: `storefleet dr plan` and `storefleet dr rebuild`."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.output import clear_errors, console
from cli.up import Refused
from local.state import ROOT, state
from local.trouble import EnvironmentTrouble
from recovery.region.plan import missing, plan_region
from recovery.region.run import Journal, Rebuild, RebuildStopped
from spec.fleet import load_fleet
from spec.problems import Problem, SpecError, shown
from spec.vocabulary import EnvironmentName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recovery.region.plan import RegionPlan, Step
    from recovery.region.run import Entry

app = typer.Typer(help="Plan and run the rebuild of a lost region.", no_args_is_help=True)

_LIMIT_SECONDS = 4 * 60 * 60.0
_ACTIVE = ("config", "set", "--path", "storefleet:environment.aws.standby", "active")


@app.command()
def plan(*, as_json: Annotated[bool, typer.Option("--json", help="print the plan as JSON")] = False) -> None:
    """Say what a rebuild creates, in which order, and what must already stand outside the lost region.

    It reads files alone: no account, no cluster and no engine are asked.
    """
    with clear_errors():
        planned = _planned()
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
        planned = _planned()
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
            performer=Engine(folder=journal.file.parent),
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


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Does the steps with the engine that PATH leads to, as `pulumi` is used by hand: its backend, its keys."""

    folder: Path
    """Where the engine's words are kept."""

    def perform(self, plan: RegionPlan, step: Step) -> str:
        """Do a step; raises RebuildStopped where the engine refuses or something is not there."""
        steps: dict[str, Callable[[RegionPlan], str]] = {
            "state": self._state,
            "outside": self._outside,
            "preview": self._preview,
            "switch-on": self._switch_on,
            "create": self._create,
            "verify": self._verify,
        }
        return steps[step.key](plan)

    def _state(self, plan: RegionPlan) -> str:
        listed: list[dict[str, Any]] = json.loads(self._pulumi("stack", "ls", "--json"))
        names = {str(one["name"]).rpartition("/")[2] for one in listed}
        if plan.stack not in names:
            raise RebuildStopped(
                f"the state backend has no stack {plan.stack}: create it with pulumi stack init {plan.stack}, with a "
                "secrets provider outside the lost region"
            )
        return f"the backend has the stacks {', '.join(sorted(names))}"

    def _outside(self, plan: RegionPlan) -> str:
        stacks = {need.stack for need in plan.needs if need.token}
        absent = missing(plan, {stack: self._resources(stack) for stack in stacks})
        if absent:
            raise RebuildStopped(
                "not there: " + "; ".join(f"{need.what} ({need.where}): {need.why}" for need in absent)
            )
        checked = [need.what for need in plan.needs if need.token]
        return (
            f"in the states: {', '.join(checked)}. Not shown by any state, for a person to see: "
            + ", ".join(need.what for need in plan.needs if not need.token)
        )

    def _preview(self, plan: RegionPlan) -> str:
        self._pulumi("preview", "--stack", plan.stack, "--policy-pack", str(ROOT / "policy"))
        return "no rule and no resource refuses it"

    def _switch_on(self, plan: RegionPlan) -> str:
        self._pulumi(*_ACTIVE, "--stack", plan.stack)
        return f"stacks/Pulumi.{plan.stack}.yaml says standby: active; commit it when the dust has settled"

    def _create(self, plan: RegionPlan) -> str:
        self._pulumi(
            "up", "--yes", "--skip-preview", "--stack", plan.stack, "--policy-pack", str(ROOT / "policy")
        )
        return f"{len(self._resources(plan.stack))} resources stand"

    def _verify(self, plan: RegionPlan) -> str:
        outputs: dict[str, Any] = json.loads(self._pulumi("stack", "output", "--json", "--stack", plan.stack))
        absent = [cell for cell in plan.cells if cell not in outputs.get("cells", {})]
        absent += [tenant for tenant in plan.tenants if tenant not in outputs.get("tenants", {})]
        if absent:
            raise RebuildStopped(f"the second region serves without {', '.join(absent)}")
        return f"{len(plan.cells)} cells and {len(plan.tenants)} tenants are there"

    def _resources(self, stack: str) -> list[dict[str, Any]]:
        deployment: dict[str, Any] = json.loads(self._pulumi("stack", "export", "--stack", stack))[
            "deployment"
        ]
        return list(deployment.get("resources") or [])

    def _pulumi(self, *arguments: str) -> str:
        pulumi = shutil.which("pulumi")
        if pulumi is None:
            raise EnvironmentTrouble(
                'no pulumi on PATH: install it, or run eval "$(storefleet env)" and name your backend'
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [pulumi, *arguments, "--non-interactive", "--color=never"]
        try:
            ended = subprocess.run(  # noqa: S603
                command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise RebuildStopped(
                f"pulumi {arguments[0]} was not done after {_LIMIT_SECONDS / 3600:.0f} hours"
            ) from error
        if ended.returncode != 0:
            log = self.folder / f"{arguments[0]}.log"
            log.write_text(ended.stdout + ended.stderr, encoding="utf-8")
            said = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
            raise RebuildStopped(
                f"pulumi {' '.join(arguments[:2])} failed: {' '.join(said[-3:])} (all of it: {log})"
            )
        return ended.stdout


def _planned() -> RegionPlan:
    return plan_region(load_fleet(ROOT, EnvironmentName.PRODUCTION), load_fleet(ROOT, EnvironmentName.DR))


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
