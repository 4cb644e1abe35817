"""Remove the embedded environment for good: its objects, its data and its keys."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cli.engine.installation import LOCAL
from cli.up import exclusive
from local.controlplane import control
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from local.progress import Progress
    from local.state import State


def destroy(current: State, name: str, progress: Progress) -> None:
    """Stop the environment and remove everything below its state folder but the lock and the logs.

    ``name`` must be the environment's: a slip of the keyboard destroys nothing. Raises SpecError otherwise.
    """
    if name != LOCAL:
        problem = Problem(
            file="the command line",
            field="--destroy",
            value=name,
            message="this is not the name of the embedded environment",
            allowed=LOCAL,
            fix=f"write --destroy {LOCAL}; environments on AWS are destroyed with pulumi destroy",
        )
        raise SpecError([problem])
    with exclusive(current, progress), progress.step(f"environment {name}: remove") as step:
        control.stop(current)
        # The control plane goes first: without it no object is left that the engine's state could miss.
        for folder in (current.control_plane, current.engine):
            step.note = str(folder)
            shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None
        current.kubeconfig.unlink(missing_ok=True)
        step.result = "all its objects, data and keys are gone"
