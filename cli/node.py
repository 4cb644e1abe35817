"""The real node in the commands: started on request, kept while it stands, stopped with the environment."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from local.controlplane import control
from local.node import cnpg, images, in_place, known, run, services
from local.state import write
from local.trouble import EnvironmentTrouble
from spec.clusters import EmbeddedCluster
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.kube import KubeApi
    from local.progress import Progress
    from local.state import State
    from spec.environment import EnvironmentSpec

REAL: Final = "real"
RUNS_PODS: Final = (
    "Real too: the node `real` (kubelet, containerd, runc, kube-proxy, DNS, policies), the pods that ask for it, and "
    "their volumes."
)
_OPERATOR_SECONDS: Final = 300.0
_TICK: Final = 0.5
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


def asked(environment: EnvironmentSpec, wanted: str | None) -> str | None:
    """Return the kind of node that the command line or the stack file asks for; raises as `check` does."""
    cluster = environment.cluster
    if wanted is None and isinstance(cluster, EmbeddedCluster) and cluster.pods == REAL:
        wanted = REAL
    check(wanted)
    return wanted


def furnish(
    current: State, environment: EnvironmentSpec, released: Sequence[str], api: KubeApi, progress: Progress
) -> bool:
    """Give the node what the planned pods need, where the stack file says that they run: images, and the operator.

    `released` are the images of the releases, whose place a stand-in has.
    Returns whether it says so. Raises EnvironmentTrouble where the operator does not come up.
    """
    cluster, file = environment.cluster, known.file_beside(current.kubeconfig)
    if not isinstance(cluster, EmbeddedCluster) or cluster.pods != REAL:
        file.unlink(missing_ok=True)
        return False
    wanted = in_place.wanted(environment.recovery, released)
    built = in_place.built(progress, {**wanted, cnpg.IMAGE: images.table.CNPG})
    with progress.step("images into the node"):
        run.node(current).load(*built.values())
    references = {name: each.reference for name, each in built.items()}
    with progress.step("CloudNativePG's operator") as step:
        for each in cnpg.manifests(references[cnpg.IMAGE]):
            api.apply(each)
        step.note = "waiting for its pod to be ready"
        deadline = time.monotonic() + _OPERATOR_SECONDS
        while not cnpg.ready(api):
            if time.monotonic() > deadline:
                raise EnvironmentTrouble(
                    f"no pod of {cnpg.NAME} was ready within {_OPERATOR_SECONDS:.0f} s; see "
                    f"kubectl -n {cnpg.NAMESPACE} get events"
                )
            time.sleep(_TICK)
    write(file, json.dumps(references, indent=1, sort_keys=True))
    return True


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
