"""The folder of mistakes: each case is laid over a project that is right."""

import shutil
from collections.abc import Callable
from pathlib import Path

from spec.fleet import load_fleet
from spec.problems import SpecError

INVALID = Path(__file__).parents[1] / "invalid"
BASELINE = "baseline"
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
    return refusal_of(lambda: load_fleet(project, "local"))
