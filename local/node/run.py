"""Start and stop the real node: the machine of `machine.py`, its images, and what the cluster has to know of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from local.controlplane import processes
from local.controlplane.processes import Service
from local.kube import ApiError, KubeApi
from local.node import cluster, groups, images, names, packages, services, settings
from local.node.settings import NAME, Place
from local.state import write
from local.toolchain import build
from local.toolchain.catalog import NODE_PROGRAMS
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.progress import Progress, Step
    from local.state import State

PROCESS: Final = "node"
"""The process in which all others of the node are."""
_READY_SECONDS: Final = 300.0
_GONE_SECONDS: Final = 30.0
_TICK: Final = 0.2
_NETWORKS: Final = 256


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of the embedded cluster on which pods do run."""

    state: State

    @property
    def root(self) -> Path:
        """The folder of the node, which is there while something of it may be."""
        return self.state.root / "node"

    @cached_property
    def place(self) -> Place:
        """Where the node is; only a Linux can say which addresses are free, so nothing asks that has no node."""
        return Place(root=self.root, debian=packages.folder(), number=_number(self.root))

    def start(self, progress: Progress, more: Sequence[images.Image] = ()) -> dict[str, str]:
        """Start the node beside a control plane that runs; returns the references of its images by name.

        Raises EnvironmentTrouble where this machine cannot have one, or a process does not come up.
        """
        refuse_elsewhere()
        packages.ensure()
        programs = build.ensure(progress, NODE_PROGRAMS)
        with progress.step("images of the real node") as step:
            built = {image.name: images.build(image) for image in (images.PAUSE, *more)}
            built["coredns"] = images.build(names.COREDNS)
            step.result = ", ".join(built)
        with progress.step("a node on which pods run") as step:
            machine = self._machine(programs, built["pause"].reference)
            since = dt.datetime.now(dt.UTC).replace(microsecond=0)
            began = processes.start(machine)
            _wait(step, machine, self._runtime_answers, "containerd")
            self.load(*built.values())
            _wait(step, machine, lambda: self._ready(since if began else None), "the node to be ready")
            step.note = "what the cluster has to know of it"
            self._tell(built["coredns"].reference)
            where = f"{NAME}, pods on {self.place.subnet}; beside it, nodes on which nothing runs"
            step.result = where if began else f"{where} (already running)"
        return {name: each.reference for name, each in built.items()}

    @property
    def running(self) -> bool:
        """Whether the machine runs; what runs in it is another question."""
        return PROCESS in processes.running(self.state.root)

    @property
    def begun(self) -> bool:
        """Whether something of the node may be on this machine."""
        return self.root.exists() or self.running

    def stop(self) -> bool:
        """End everything of the node and leave nothing of it on this machine but its data; tell whether it ran."""
        running = self._machine_processes()
        if running:
            processes.end(running)
            # The kernel takes its time with a network namespace, and the link goes with it.
            _until(lambda: not Path("/sys/class/net", self.place.link).exists())
        with suppress(ApiError):  # the control plane may be down
            KubeApi(self.state.kubeconfig).delete(f"/api/v1/nodes/{NAME}")
        self._tidy()
        return bool(running)

    def load(self, *wanted: images.Built) -> None:
        """Give images to the container runtime, where it has not got them, for as long as the node is there."""
        there = self._ctr("images", "ls", "-q").stdout.split()
        for image in wanted:
            if image.reference in there:
                continue
            for arguments in (
                ("images", "import", str(image.archive)),
                ("images", "label", image.reference, "io.cri-containerd.pinned=pinned"),
            ):
                done = self._ctr(*arguments)
                if done.returncode:
                    raise EnvironmentTrouble(
                        f"containerd did not take {image.reference}: {done.stderr.strip()}"
                    )

    def processes(self) -> dict[str, psutil.Process]:
        """Return the node's services by name, those that run."""
        machine = self._inside()
        found: dict[str, psutil.Process] = {}
        with suppress(psutil.Error):
            for child in machine.children() if machine else []:
                found[_name(child)] = child
        return found

    def _tell(self, dns: str) -> None:
        """Apply what the cluster has to know of the node; the same again changes nothing."""
        api = KubeApi(self.state.kubeconfig)
        for manifest in (
            *cluster.rights(),
            cluster.api_server(self.place),
            cluster.storage_class(),
            *cluster.names(dns),
        ):
            api.apply(manifest)

    def _machine(self, programs: dict[str, Path], pause: str) -> Service:
        place = self.place
        self._prepare(pause)
        layout = services.Layout(programs=programs, place=place, state=self.state)
        ports = json.loads((self.state.control_plane / "ports.json").read_text())
        config = place.root / "machine.json"
        told = settings.machine(place, int(ports["apiserver"]), services.all_of(layout))
        write(config, json.dumps(told))
        program = str(Path(__file__).parent / "machine.py")
        return Service(
            name=PROCESS,
            # The digest, so that a node that was told otherwise is started afresh.
            command=(
                sys.executable,
                program,
                str(config),
                settings.digest([told, settings.containerd(place, pause)]),
            ),
            log=self.state.logs / f"{PROCESS}.log",
            state=self.state.root,
        )

    def _prepare(self, pause: str) -> None:
        place = self.place
        write(place.root / "number", str(place.number))
        for folder in (*place.bound.values(), place.volumes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(place.root / "containerd.toml", settings.containerd(place, pause))
        write(place.root / "cni" / "10-pods.conflist", json.dumps(settings.network(place)))
        write(place.root / "resolv.conf", "")
        groups.make(place.cgroup)

    def _machine_processes(self) -> list[psutil.Process]:
        """Return the machine's two processes: the one that stays outside, and the first inside."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(processes.MARK) == f"{self.state.root}:{PROCESS}":
                    found.append(process)
        return found

    def _inside(self) -> psutil.Process | None:
        """Return the first process inside of the machine."""
        here = Path("/proc/self/ns/mnt").readlink()
        for process in self._machine_processes():
            with suppress(OSError):
                if Path(f"/proc/{process.pid}/ns/mnt").readlink() != here:
                    return process
        return None

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        machine = self._inside()
        if machine is None:
            return subprocess.CompletedProcess([], 1, "", "the node does not run")
        program = str(self.place.debian / "usr/bin/ctr")
        enter = [
            "nsenter",
            f"--mount=/proc/{machine.pid}/ns/mnt",
            program,
            "--address",
            str(self.place.socket),
        ]
        return subprocess.run(  # noqa: S603
            [*enter, "-n", "k8s.io", *arguments], capture_output=True, text=True, check=False, timeout=300
        )

    def _runtime_answers(self) -> bool:
        return self._ctr("version").returncode == 0

    def _ready(self, since: dt.datetime | None) -> bool:
        """Tell whether the kubelet says that the node is ready, and has said so itself since a moment."""
        found = KubeApi(self.state.kubeconfig).get(f"/api/v1/nodes/{NAME}") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(
            each["type"] == "Ready"
            and each["status"] == "True"
            and (since is None or dt.datetime.fromisoformat(each["lastHeartbeatTime"]) >= since)
            for each in conditions
        )

    def _tidy(self) -> None:
        place = self.place
        groups.remove(place.cgroup)
        if place.root.exists():
            shutil.rmtree(place.root)
        with suppress(OSError):  # it holds data
            place.volumes.rmdir()


def node(state: State) -> Node:
    """Return the real node of a state folder; nothing of it is started or written."""
    return Node(state=state)


def _number(root: Path) -> int:
    """Return which addresses are the node's: those that it has, or some that no other node of this machine has."""
    with suppress(OSError, ValueError):
        return int((root / "number").read_text())
    taken = {line.split()[1] for line in Path("/proc/net/route").read_text().splitlines()[1:]}
    first = int(settings.digest(str(root)), 16) % _NETWORKS
    for number in (*range(first, _NETWORKS), *range(first)):
        if f"00{number:02X}12C6" not in taken:  # 198.18.<number>.0, as the kernel writes it
            return number
    raise EnvironmentTrouble("all addresses for real nodes (198.18.0.0/16) are taken on this machine")


def refuse_elsewhere() -> None:
    """Raise EnvironmentTrouble on a machine that cannot have a real node."""
    if os.name != "posix" or os.uname().sysname != "Linux" or os.geteuid() != 0:
        raise EnvironmentTrouble(
            "a real node needs Linux and root: point KUBECONFIG at a cluster of kind, k3d or another one instead."
        )
    packages.refuse_elsewhere()
    missing = [name for name in ("ip", "nsenter", "mount") if shutil.which(name) is None]
    if missing:
        raise EnvironmentTrouble(
            f"a real node needs {', '.join(missing)}: apt-get install iproute2 util-linux"
        )


def _wait(step: Step, service: Service, done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    step.note = f"waiting for {what}"
    while time.monotonic() < deadline:
        if done():
            return
        if processes.find(service) is None:
            raise EnvironmentTrouble(
                f"{service.name} ended at once. The end of {service.log}:\n{processes.tail(service)}"
            )
        time.sleep(_TICK)
    raise EnvironmentTrouble(
        f"no sign of {what} within {_READY_SECONDS:.0f} s; see the logs in {service.log.parent}"
    )


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while not done() and time.monotonic() < deadline:
        time.sleep(_TICK)


def _name(process: psutil.Process) -> str:
    try:
        return Path(process.exe()).name
    except (psutil.Error, OSError):
        return ""
