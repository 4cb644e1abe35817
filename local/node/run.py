"""Start and stop the real node: containerd and kubelet, in a mount namespace and on addresses of their own.

Not seen to its end yet: the packages, the images and the kubelet were built and checked; no pod was run by this code.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from local.controlplane import pki, ports, processes
from local.controlplane.processes import Service
from local.kube import ApiError, KubeApi
from local.node import images, packages, settings
from local.node.settings import LABEL, NAME, Place
from local.state import write
from local.toolchain import build
from local.toolchain.catalog import KUBECTL
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.progress import Progress, Step
    from local.state import State

KUBELET: Final = replace(
    KUBECTL,
    name="kubelet",
    package="k8s.io/kubernetes/cmd/kubelet",
    probe=("--version",),
    minutes=0.7,
    on_demand=True,
)
_READY_SECONDS: Final = 300.0
_TICK: Final = 0.2
_USER: Final = f"system:node:{NAME}"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of the embedded cluster on which pods do run."""

    state: State
    place: Place

    def start(self, progress: Progress, more: Sequence[images.Image] = ()) -> dict[str, str]:
        """Start the node beside a control plane that runs; returns the references of its images by name.

        Raises EnvironmentTrouble where this machine cannot have one, or a process does not come up.
        """
        refuse_elsewhere()
        program = build.ensure(progress, [KUBELET])[KUBELET.name]
        with progress.step("images of the real node") as step:
            built = {image.name: images.build(image) for image in (images.PAUSE, *more)}
            step.result = ", ".join(built)
        with progress.step("a node on which pods run") as step:
            self._prepare(built["pause"].reference)
            runtime = self._service("containerd", self._containerd())
            _start(runtime)
            _wait(step, runtime, self._runtime_answers, "containerd")
            for each in built.values():
                self._import(each)
            kubelet = self._service("kubelet", self._kubelet(program))
            _start(kubelet)
            _wait(step, kubelet, self._ready, "the node to be ready")
            step.result = f"{NAME}, pods on {self.place.subnet}; beside it, nodes on which nothing runs"
        return {name: each.reference for name, each in built.items()}

    def stop(self) -> None:
        """End everything of the node and leave nothing of it on this machine but its folder."""
        with suppress(ApiError):
            api = KubeApi(self.state.kubeconfig)
            for pod in api.items("/api/v1/pods"):
                if pod["spec"].get("nodeName") == NAME:
                    where = pod["metadata"]
                    api.delete(f"/api/v1/namespaces/{where['namespace']}/pods/{where['name']}")
            self._gone(api)
            api.delete(f"/api/v1/nodes/{NAME}")
        processes.end(self._found("kubelet"))
        processes.end(self._shims())
        processes.end(self._found("containerd"))
        self._tidy()

    def _found(self, name: str) -> list[psutil.Process]:
        """Return the process of this node with a name: its configuration is named in its command, and its only."""
        return [each for each in _commands(str(self.place.root)) if _name(each) == name]

    def _shims(self) -> list[psutil.Process]:
        """Return the shims of this node's pods, and what they hold: they outlive containerd on purpose."""
        shims = _commands(str(self.place.socket))
        return [one for shim in shims for one in (*_children(shim), shim) if _name(shim) != "containerd"]

    def _prepare(self, pause: str) -> None:
        place = self.place
        for folder in place.bound.values():
            folder.mkdir(parents=True, exist_ok=True)
        if not self._ours.exists():
            places = [Path(name) for name in place.bound]
            ours = [str(each) for path in places for each in (path, path.parent) if not each.exists()]
            write(self._ours, json.dumps(ours))
        place.socket.parent.mkdir(mode=0o700, exist_ok=True)
        write(place.root / "containerd.toml", settings.containerd(place, pause))
        write(place.root / "cni" / "10-bridge.conflist", json.dumps(settings.network(place)))
        write(place.root / "resolv.conf", "")
        for controller in _controllers():
            (controller / place.cgroup.strip("/")).mkdir(exist_ok=True)
            if controller.name == "cpuset":  # a group without processors takes no process
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (controller / place.cgroup.strip("/") / file).write_text((controller / file).read_text())
        if not Path("/sys/class/net", place.bridge).exists():
            _run("ip", "link", "add", place.bridge, "type", "bridge")
            _run("ip", "address", "add", f"{place.gateway}/24", "dev", place.bridge)
            _run("ip", "link", "set", place.bridge, "up")

    def _containerd(self) -> tuple[str, ...]:
        # Nothing that it mounts is seen outside of it, or stays when it is gone.
        bound = " && ".join(
            f"mkdir -p {name} && mount --bind {source} {name}" for name, source in self.place.bound.items()
        )
        script = f'{bound} && exec "$@"'
        program = str(self.place.debian / "usr/bin/containerd")
        config = str(self.place.root / "containerd.toml")
        # Shared inside, so that what the kubelet mounts for a pod reaches containerd.
        return (
            "unshare", "--mount", "--propagation", "private", "sh", "-ec",
            f"mount --make-rshared / && {script}", "sh", program, "--config", config,
        )  # fmt: skip

    def _kubelet(self, program: Path) -> tuple[str, ...]:
        keys = pki.Pki(self.state.control_plane / "pki")
        pki.issue(
            keys, pki.Leaf(name="kubelet", authority="cluster-ca", user=_USER, groups=("system:nodes",))
        )
        config, access = self.place.root / "kubelet.json", self.place.root / "kubelet.kubeconfig"
        known = json.loads(self.state.kubeconfig.read_text())
        known["users"][0]["user"] = {
            "client-certificate": str(keys.certificate("kubelet")),
            "client-key": str(keys.key("kubelet")),
        }
        write(access, json.dumps(known))
        authority = keys.certificate("cluster-ca")
        write(config, json.dumps(settings.kubelet(self.place, authority, ports.free_port())))
        (runtime,) = self._found("containerd")
        return (
            "nsenter", f"--mount=/proc/{runtime.pid}/ns/mnt", str(program),
            f"--config={config}", f"--kubeconfig={access}", f"--hostname-override={NAME}",
            f"--node-ip={self.place.gateway}", f"--node-labels={LABEL}={NAME}",
            f"--root-dir={self.place.bound['/var/lib/kubelet']}", f"--cert-dir={self.place.root / 'certificates'}",
        )  # fmt: skip

    def _service(self, name: str, command: tuple[str, ...]) -> Service:
        return Service(name=name, command=command, log=self.state.logs / f"{name}.log", state=self.state.root)

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(self.place.debian / "usr/bin/ctr"),
            "--address",
            str(self.place.socket),
            "-n",
            "k8s.io",
        ]
        return subprocess.run(  # noqa: S603
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=120
        )

    def _runtime_answers(self) -> bool:
        return self._ctr("version").returncode == 0

    def _import(self, image: images.Built) -> None:
        for arguments in (
            ("images", "import", str(image.archive)),
            ("images", "label", image.reference, "io.cri-containerd.pinned=pinned"),
        ):
            done = self._ctr(*arguments)
            if done.returncode:
                raise EnvironmentTrouble(f"containerd did not take {image.reference}: {done.stderr.strip()}")

    def _ready(self) -> bool:
        found = KubeApi(self.state.kubeconfig).get(f"/api/v1/nodes/{NAME}") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _gone(self, api: KubeApi) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not [each for each in api.items("/api/v1/pods") if each["spec"].get("nodeName") == NAME]:
                return
            time.sleep(_TICK)

    def _tidy(self) -> None:
        place = self.place
        shutil.rmtree(place.socket.parent, ignore_errors=True)
        if Path("/sys/class/net", place.bridge).exists():
            _run("ip", "link", "delete", place.bridge)
        for controller in _controllers():
            _remove_groups(controller / place.cgroup.strip("/"))
        for name in json.loads(self._ours.read_text()) if self._ours.exists() else []:
            with suppress(OSError):  # somebody else uses it by now
                Path(name).rmdir()
        if place.root.exists():
            shutil.rmtree(place.root)

    @property
    def _ours(self) -> Path:
        """Which folders outside were not there before the node was."""
        return self.place.root / "ours.json"


def node(state: State) -> Node:
    """Return the real node of a state folder; nothing of it is started or written."""
    return Node(state=state, place=Place(root=state.root / "node", debian=packages.ensure()))


def refuse_elsewhere() -> None:
    """Raise EnvironmentTrouble on a machine that cannot have a real node."""
    if os.name != "posix" or os.uname().sysname != "Linux" or os.geteuid() != 0:
        raise EnvironmentTrouble(
            "a real node needs Linux and root: point KUBECONFIG at a cluster of kind, k3d or another one instead."
        )
    missing = [name for name in ("ip", "unshare", "nsenter", "mount") if shutil.which(name) is None]
    if missing:
        raise EnvironmentTrouble(
            f"a real node needs {', '.join(missing)}: apt-get install iproute2 util-linux"
        )


def _start(service: Service) -> None:
    if processes.find(service) is None:
        processes.start(service)


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
    raise EnvironmentTrouble(f"no sign of {what} within {_READY_SECONDS:.0f} s; see {service.log}")


def _commands(part: str) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(part in word for word in process.cmdline()):
                found.append(process)
    return found


def _name(process: psutil.Process) -> str:
    try:
        return Path(process.exe()).name
    except (psutil.Error, OSError):
        return ""


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _controllers() -> list[Path]:
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return [root]
    return [each for each in sorted(root.iterdir()) if each.is_dir() and not each.is_symlink()]


def _remove_groups(folder: Path) -> None:
    if not folder.is_dir():
        return
    for inner in folder.iterdir():
        if inner.is_dir():
            _remove_groups(inner)
    with suppress(OSError):
        folder.rmdir()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        raise EnvironmentTrouble(f"{' '.join(command)}: {done.stderr.strip()}")
