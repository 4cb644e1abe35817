"""Stop the embedded environment, or remove it for good: its objects, its data and its keys."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cli import node
from cli.engine import repair
from cli.engine.installation import LOCAL
from cli.up import exclusive
from local.controlplane import control
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from local.progress import Progress
    from local.state import State


def stop(current: State, progress: Progress) -> None:
    """Stop everything that runs for this checkout, engines whose command was killed included."""
    with exclusive(current, progress), progress.step("embedded environment: stop") as step:
        for line in repair.end_orphans(current):
            progress.say(f"  {line}")
        stopped = ("the real node",) if node.stop(current) else ()
        stopped += control.stop(current)
        step.result = f"stopped {', '.join(stopped)}" if stopped else "nothing was running"


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
        repair.end_orphans(current)
        node.stop(current)
        control.stop(current)
        removed = current.root / "removed"
        if removed.exists():  # a removal that was killed
            shutil.rmtree(removed)
        removed.mkdir()
        # Moved first, which takes no time: a kill while they are deleted leaves no half of an environment.
        for path in (
            current.engine,
            current.passphrase,
            current.control_plane,
            current.kubeconfig,
            current.volumes,
        ):
            if path.exists():
                path.rename(removed / path.name)
        shutil.rmtree(removed)
        step.result = "all its objects, data and keys are gone"
