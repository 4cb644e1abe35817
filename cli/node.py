"""The real node in the commands: started on request, kept while it stands, stopped with the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.controlplane import control
from local.node import run, services
from local.trouble import EnvironmentTrouble
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from local.kube import KubeApi
    from local.progress import Progress
    from local.state import State

REAL: Final = "real"
RUNS_PODS: Final = (
    "Real too: the node `real` (kubelet, containerd, runc, kube-proxy, DNS, policies), the pods that ask for it, and "
    "their volumes."
)
DEAD: Final = "Not all of the real node runs: `make up NODE=real` brings it back, and its pods with it."


def check(wanted: str | None) -> None:
    """Raise SpecError for a kind of node that there is not, EnvironmentTrouble where this machine cannot have one."""
    if wanted is None:
        return
    if wanted != REAL:
        problem = Problem(
            file="the command line",
            field="--node",
            value=wanted,
            message="there is no such kind of node",
            allowed=REAL,
            fix=f"write `make up NODE={REAL}`, or leave NODE out: then nothing runs on the nodes",
        )
        raise SpecError([problem])
    run.refuse_elsewhere()


def possible() -> str:
    """Say whether this machine can have a real node, in a line."""
    try:
        run.refuse_elsewhere()
    except EnvironmentTrouble as trouble:
        return f"not here: {trouble}"
    return "possible here, with `make up NODE=real`"


def bring(current: State, wanted: str | None, api: KubeApi, progress: Progress) -> None:
    """Start the node where it is asked for, and keep one that stands as the environment is now."""
    node = run.node(current)
    if wanted or node.running:
        node.start(progress)
        if not wanted:
            progress.say("  the real node stands and was kept: `make down` stops it")
    elif api.get(f"/api/v1/nodes/{run.NAME}") is not None:
        progress.say(f"  {DEAD}")


def stop(current: State) -> bool:
    """Stop the node and remove what is left of one that was killed; tell whether there was anything."""
    node = run.node(current)
    if not node.begun:
        return False
    node.stop()
    return True


def status(current: State) -> tuple[control.ProcessStatus, ...]:
    """Return the node's processes; none where there is no node."""
    node = run.node(current)
    if not node.begun:
        return ()
    found = node.processes()
    return tuple(control.describe(name, found.get(name)) for name in services.NAMES)
