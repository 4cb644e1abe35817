"""What runs and what is applied, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from cli import delivery, inventory, node
from cli.engine.installation import LOCAL
from cli.up import PROJECT
from local.controlplane import control
from local.delivery import control as argo
from local.kube import KubeApi
from local.node import known
from local.state import state

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from cli.up import Applied
    from local.state import State

_MEBIBYTE = 1024**2
_SHOWN = 10

SIMULATED = (
    "Simulated here: the nodes and pods (kwok answers for them, nothing runs in them), and so PostgreSQL, its pooler, "
    "its backups and the caches: they are declared and accepted, no operator makes them, and nothing waits for them. "
    "Volumes of files and certificates are said to be there, and are not. Real: the Pulumi engine, its providers, "
    "etcd, the API server, the controllers, the scheduler, and Argo CD (on a cache in memory in place of Redis)."
)


RUNNING = (
    "Simulated here: the nodes and pods of everything but the cells; certificates and passwords, which no operator "
    "makes. Real: the Pulumi engine, its providers, etcd, the API server, the controllers, the scheduler, "
    "Argo CD, and CloudNativePG's operator with the databases, poolers and caches of the cells, which `up` waits for. "
    "They are small, run from images that are built here, and archive nothing."
)


def simulated(current: State) -> str:
    """Return what of the environment is simulated, as its stack was last brought up."""
    return RUNNING if known.file_beside(current.kubeconfig).exists() else SIMULATED


def state_file(current: State) -> Path:
    """Return the engine's state file of the local stack."""
    return current.engine / "state" / ".pulumi" / "stacks" / PROJECT / f"{LOCAL}.json"


def after_up(applied: Applied, *, pods: bool = False) -> str:
    """Return what `up` says at its end; ``pods``: a node stands on which they run."""
    real = f"\n{node.RUNS_PODS}" if pods else ""
    done = f"{len(applied.changes)} changes" if applied.changes else "Nothing to change"
    return (
        f"\n{done}; {applied.resources} resources are as the files say.\n{simulated(state())}{real}\n"
        'Next: `storefleet status`, `storefleet tenants list`, or kubectl with `eval "$(storefleet env)"`.'
    )


def planned(applied: Applied) -> str:
    """Return what `preview` says at its end: each change, by operation."""
    if not applied.changes:
        return "\nNothing would change."
    lines = [f"  {change.op:<10} {change.type:<50} {change.name}" for change in applied.changes]
    return "\n".join(["", *lines, f"{len(applied.changes)} changes; nothing was changed."])


def show(current: State, console: Console) -> int:
    """Print the processes and the inventory; return 0 when all runs and nothing is missing or left over."""
    table = Table("process", "pid", "memory", box=None)
    real = node.status(current)
    processes = (*control.status(current), *argo.status(current))
    for process in (*processes, *real):
        running = process.pid is not None
        memory = f"{process.memory / _MEBIBYTE:.0f} MB" if running else ""
        table.add_row(process.name, str(process.pid) if running else "not running", memory)
    console.print(table)
    if any(process.pid is None for process in processes):
        console.print("\nThe environment is not up: `storefleet up` starts it and goes on from its data.")
        return 1
    api = KubeApi(current.kubeconfig)
    found = inventory.take(state_file(current), api)
    console.print(f"\n{len(found.state)} objects in the engine's state, {len(found.cluster)} in the cluster.")
    for title, items in (("missing in the cluster", found.missing), ("in no state", found.orphans)):
        for item in items[:_SHOWN]:
            console.print(f"  {title}: {item}", markup=False)
        if len(items) > _SHOWN:
            console.print(f"  {title}: {len(items) - _SHOWN} more")
    if found.missing:
        console.print(
            'Somebody else removed objects: eval "$(storefleet env)", then `pulumi refresh -s local` and '
            "`storefleet up` bring them back.",
            markup=False,
            soft_wrap=True,
        )
    if found.orphans:
        console.print("What is in no state is left alone; `kubectl delete` removes it.", markup=False)
    delivery.show(argo.applications(api), console)
    console.print(simulated(current))
    dead = any(process.pid is None for process in real)
    if real:
        console.print(node.DEAD if dead else node.RUNS_PODS)
    return 1 if found.missing or found.orphans or dead else 0
