"""Start, stop and status of the embedded control plane."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from local.controlplane import bootstrap, pki, ports, processes, services
from local.kube import ApiError, KubeApi
from local.state import write
from local.toolchain import catalog
from local.toolchain.build import ensure
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from local.progress import Progress, Step
    from local.state import State

PROGRAMS = (
    catalog.ETCD,
    catalog.APISERVER,
    catalog.CONTROLLER_MANAGER,
    catalog.SCHEDULER,
    catalog.KWOK,
)
NAMES = ("etcd", "apiserver", "controller-manager", "scheduler", "kwok")
"""The processes, in the order in which they are started; they are stopped in the opposite order."""

CONTEXT = "storefleet-local"
_READY_SECONDS = 180.0
_TICK = 0.1


@dataclass(frozen=True)
class ProcessStatus:
    """One process: its name, its process id (None: not running) and its memory in bytes."""

    name: str
    pid: int | None
    memory: int = 0


def start(state: State, progress: Progress) -> KubeApi:
    """Start what is not running, wait until the cluster can be used, and return its API.

    Raises EnvironmentTrouble with the process that would not come up and the end of its log.
    """
    programs = ensure(progress)
    with progress.step("embedded control plane") as step:
        layout, moved = prepare(state, programs)
        if moved:
            progress.say(f"  another program holds the port of {', '.join(moved)}: new ones were chosen")
        first = [services.etcd(layout), services.apiserver(layout)]
        second = [services.controller_manager(layout), services.scheduler(layout)]
        last = services.kwok(layout, bootstrap.stages(state.control_plane / "stages"))
        started = [s.name for s in first if processes.start(s)]
        api = KubeApi(state.kubeconfig)
        wait(step, first, lambda: "" if api.ready() else "the API server")
        started += [s.name for s in second if processes.start(s)]
        fresh = _define(step, first, api)
        wait(step, first, lambda: bootstrap.unlisted(api, fresh=fresh))
        started += [last.name] if processes.start(last) else []
        wait(step, [*first, *second, last], lambda: bootstrap.waiting_for(api, fresh=fresh))
        step.result = f"started {', '.join(started)}" if started else "already running"
    return api


def stop(state: State) -> tuple[str, ...]:
    """Stop every process of this state folder and return their names; data and keys stay."""
    running = processes.running(state.root)
    order = sorted(running, key=lambda name: NAMES.index(name) if name in NAMES else len(NAMES), reverse=True)
    order.sort(key=lambda name: name != "node")  # what runs on it can say its last to the API server
    for name in order:
        processes.end([running[name]])
    return tuple(order)


def status(state: State) -> tuple[ProcessStatus, ...]:
    """Return what runs of the control plane and what does not, without starting anything."""
    return status_of(state, NAMES)


def status_of(state: State, names: Sequence[str]) -> tuple[ProcessStatus, ...]:
    """Return the status of some processes of this state folder, by their names."""
    running = processes.running(state.root)
    return tuple(describe(name, running.get(name)) for name in names)


def describe(name: str, process: psutil.Process | None) -> ProcessStatus:
    """Return the status of a process that runs, or of none."""
    try:
        return (
            ProcessStatus(name, process.pid, process.memory_info().rss)
            if process
            else ProcessStatus(name, None)
        )
    except psutil.Error:  # it ended while it was looked at
        return ProcessStatus(name, None)


def prepare(state: State, programs: Mapping[str, Path]) -> tuple[services.Layout, tuple[str, ...]]:
    """Make keys, addresses and kubeconfigs where they are missing; return them, and the ports that had to change."""
    keys, renewed = pki.ensure(state.control_plane / "pki")
    running = processes.running(state.root)
    owner = {"etcd-peer": "etcd", "repo-server-metrics": "repo-server"}
    chosen, moved = ports.ensure(
        state.control_plane / "ports.json", lambda name: owner.get(name, name) in running
    )
    layout = services.Layout(programs=programs, pki=keys, ports=chosen, state=state)
    users = ("admin", "controller-manager", "scheduler", "kwok", "argocd")
    rewritten = [user for user in users if _keep(layout.kubeconfig(user), _kubeconfig(layout, user))]
    if renewed or rewritten:
        stop(state)  # what runs has read the old certificates and addresses, and would go on with them
    if not layout.encryption.exists():
        write(layout.encryption, _encryption())
    return layout, moved


def _keep(path: Path, content: str) -> bool:
    """Write a file unless it is as it should be; tell whether it had to be written."""
    if path.exists() and path.read_bytes() == content.encode():
        return False
    write(path, content)
    return True


def _kubeconfig(layout: services.Layout, user: str) -> str:
    keys = layout.pki
    cluster = {"server": layout.server, "certificate-authority": str(keys.certificate("cluster-ca"))}
    client = {"client-certificate": str(keys.certificate(user)), "client-key": str(keys.key(user))}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": user, "user": client}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        "current-context": CONTEXT,
    }
    return json.dumps(document, indent=2)


def _encryption() -> str:
    key = {"name": "local", "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    rule: dict[str, Any] = {
        "resources": ["secrets"],
        "providers": [{"secretbox": {"keys": [key]}}, {"identity": {}}],
    }
    document: dict[str, Any] = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [rule],
    }
    return json.dumps(document)


def _define(step: Step, started: list[processes.Service], api: KubeApi) -> bool:
    """Apply definitions and nodes, again where a server under load left one of the many calls without an answer."""
    applied: list[bool] = []

    def once() -> str:
        step.note = "custom resource definitions and nodes"
        applied.append(bootstrap.apply(api))
        return ""

    wait(step, started, once)
    return any(applied)


def wait(step: Step, started: list[processes.Service], missing: Callable[[], str]) -> None:
    """Wait until nothing is missing any more, as long as every service runs.

    Raises EnvironmentTrouble with the service that ended and the end of its log, or after three minutes.
    """
    deadline = time.monotonic() + _READY_SECONDS
    what = "an answer"
    while time.monotonic() < deadline:
        try:
            what = missing()
        except ApiError as error:
            what = str(error)
        if not what:
            step.note = ""
            return
        step.note = f"waiting for {what}"
        running = processes.running(started[0].state)
        for service in started:
            if service.name not in running:
                raise EnvironmentTrouble(
                    f"{service.name} ended at once. The end of {service.log}:\n{processes.tail(service)}\n"
                    "Run the command again: it starts what is missing, on another port where one was taken."
                )
        time.sleep(_TICK)
    raise EnvironmentTrouble(
        f"the control plane was not ready within {_READY_SECONDS:.0f} s; it waited for {what}. "
        f"The logs are in {started[0].log.parent}; `storefleet down` and `storefleet up` start it afresh."
    )
