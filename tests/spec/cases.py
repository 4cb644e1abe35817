"""The folder of mistakes: each case is laid over a project that is right."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import yaml

from spec.fleet import load_fleet
from spec.lifecycle import Applied, check_steps
from spec.problems import SpecError
from spec.releases import load_releases
from spec.roster import ROSTER, load_roster
from spec.vocabulary import TenantState

INVALID = Path(__file__).parents[1] / "invalid"
BASELINE = "baseline"
APPLIED = "applied.yaml"
TODAY = date(2026, 11, 23)
"""The day of all cases: waivers and records are dated."""
CASES = sorted(path.name for path in INVALID.iterdir() if path.name != BASELINE)


def project_of(case: str, folder: Path) -> Path:
    """Return a project in ``folder`` with the baseline's files and, over them, those of the case."""
    for layer in (BASELINE, case):
        shutil.copytree(INVALID / layer, folder, dirs_exist_ok=True)
    return folder


def refusal_of(action: Callable[[], object]) -> str:
    """Return what a user reads when ``action`` refuses; empty when it does not. Other errors pass through."""
    try:
        action()
    except SpecError as error:
        return str(error)
    return ""


def message_of(case: str, folder: Path) -> str:
    """Return what a user reads about a case; empty when the project is accepted."""
    project = project_of(case, folder)
    return refusal_of(lambda: judge(project))


def judge(project: Path) -> None:
    """Do with a project what the program does before it plans, in each of its stacks.

    ``applied.yaml`` is what exists in the cluster of the stack local.
    """
    stacks = [path.name.split(".")[1] for path in sorted((project / "stacks").glob("Pulumi.*.yaml"))]
    fleets = {stack: load_fleet(project, stack, today=TODAY) for stack in stacks}
    fleet = fleets["local"]
    load_releases(project)
    if (project / ROSTER).exists():
        load_roster(project)
    there = project / APPLIED
    if there.exists():
        told = yaml.safe_load(there.read_text(encoding="utf-8"))
        check_steps(fleet, {name: _applied(**each) for name, each in told.items()}, TODAY, project)


def _applied(state: str, cell: str, domains: list[str] | None = None, confirmed: str = "") -> Applied:
    return Applied(state=TenantState(state), cell=cell, domains=frozenset(domains or ()), confirmed=confirmed)
