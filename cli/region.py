"""The steps of a region's rebuild, done with the engine that PATH leads to: its backend, its keys."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.engine import explain
from cli.engine.installation import Installation
from cli.engine.run import Interrupted, call, run
from local.state import ROOT, State
from local.trouble import EnvironmentTrouble
from recovery.region.plan import missing
from recovery.region.run import RebuildStopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.progress import Progress
    from recovery.region.plan import RegionPlan, Step

_LIMIT_SECONDS = 4 * 60 * 60.0
_ACTIVE = ("config", "set", "--path", "storefleet:environment.aws.standby", "active")
_PACK = ("--policy-pack", str(ROOT / "policy"))
_LOCKED = "the stack is currently locked"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Does the steps as `pulumi` would be used by hand, followed and limited in time."""

    folder: Path
    """Where the engine's words are kept."""
    progress: Progress

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
        listed: list[dict[str, Any]] = json.loads(self._ask("stack", "ls", "--json"))
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
        self._run("preview", "--stack", plan.stack, *_PACK)
        return "no rule and no resource refuses it"

    def _switch_on(self, plan: RegionPlan) -> str:
        self._ask(*_ACTIVE, "--stack", plan.stack)
        return f"stacks/Pulumi.{plan.stack}.yaml says standby: active; commit it when the dust has settled"

    def _create(self, plan: RegionPlan) -> str:
        self._run("up", "--yes", "--skip-preview", "--stack", plan.stack, *_PACK)
        return f"{len(self._resources(plan.stack))} resources stand"

    def _verify(self, plan: RegionPlan) -> str:
        outputs: dict[str, Any] = json.loads(self._ask("stack", "output", "--json", "--stack", plan.stack))
        absent = [cell for cell in plan.cells if cell not in outputs.get("cells", {})]
        absent += [tenant for tenant in plan.tenants if tenant not in outputs.get("tenants", {})]
        if absent:
            raise RebuildStopped(f"the second region serves without {', '.join(absent)}")
        return f"{len(plan.cells)} cells and {len(plan.tenants)} tenants are there"

    def _resources(self, stack: str) -> list[dict[str, Any]]:
        exported: dict[str, Any] = json.loads(self._ask("stack", "export", "--stack", stack))
        return list(exported["deployment"].get("resources") or [])

    def _ask(self, *arguments: str) -> str:
        try:
            return call(_engine(), arguments)
        except EnvironmentTrouble as error:
            raise RebuildStopped(str(error)) from error

    def _run(self, *arguments: str) -> None:
        """Run the engine, show what it is at, and let it finish what it has begun when the user asks for an end."""
        with self.progress.step(f"pulumi {arguments[0]}") as step:
            try:
                outcome = run(_engine(), State(self.folder), arguments, step, limit=_LIMIT_SECONDS)
            except Interrupted as error:
                raise KeyboardInterrupt from error
            except EnvironmentTrouble as error:
                raise RebuildStopped(str(error)) from error
        if outcome.status == 0:
            return
        told = explain.failure(outcome, None)
        if _LOCKED in outcome.log.read_text(errors="replace"):
            told += (
                "\nAn earlier run was killed before it could let go of the stack, or somebody else works on it. When "
                f"nobody does: pulumi cancel --yes --stack {arguments[arguments.index('--stack') + 1]}"
            )
        raise RebuildStopped(told)


def _engine() -> Installation:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise EnvironmentTrouble(
            'no pulumi on PATH: install it, or run eval "$(storefleet env)" and name your backend'
        )
    own = {name: value for name, value in os.environ.items() if name.startswith("PULUMI_")}
    return Installation(pulumi=Path(pulumi), variables=own)
