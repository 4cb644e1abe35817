"""Where the real node is, and what its container runtime and its machine are told. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "real"
LABEL: Final = "storefleet.dev/node"
"""Label and taint of the node: only what asks for it runs there."""
HERE: Final[Mapping[str, Any]] = {
    "nodeSelector": {LABEL: NAME},
    "tolerations": [{"key": LABEL, "operator": "Equal", "value": NAME, "effect": "NoSchedule"}],
}
"""How a pod asks for it."""
UPLINK: Final = "uplink"
"""The node's own end of its link to this machine."""
SERVICE_ADDRESSES: Final = "10.96.0.0/16"
DNS_ADDRESS: Final = "10.96.0.10"
API_PORT: Final = 6443

TUNABLES: Final = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
"""What a kubelet sets for the whole machine. It is shown these as done already, so that it changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Everything of one node is below one folder, and on names and addresses that follow from it and a number."""

    root: Path
    debian: Path
    """Where the packages are unpacked."""
    number: int = 0
    """0 to 255: which of the addresses for tests (198.18.0.0/15, routed nowhere) are this node's."""

    @property
    def id(self) -> str:
        """Six digits that tell this state folder's node from any other's."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:6]

    @property
    def link(self) -> str:
        """The end of the link to the node that is on this machine."""
        return f"sf{self.id}"

    @property
    def host(self) -> str:
        """The address of this machine on the link; the API server is forwarded there."""
        return f"198.19.{self.number}.1"

    @property
    def address(self) -> str:
        """The node's own address."""
        return f"198.19.{self.number}.2"

    @property
    def subnet(self) -> str:
        """The pods' addresses."""
        return f"198.18.{self.number}.0/24"

    @property
    def cgroup(self) -> str:
        """The control group below which all pods are."""
        return f"/storefleet-{self.id}"

    @property
    def socket(self) -> Path:
        """containerd's, as the node sees it: its /run is its own."""
        return Path("/run/containerd/containerd.sock")

    @property
    def volumes(self) -> Path:
        """The data of pods, which outlives the node."""
        return self.root.parent / "volumes"

    @property
    def bound(self) -> dict[str, Path]:
        """Folders that programs insist on, and where they are led to, in a mount namespace of the node's own."""
        names = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers")
        return {name: self.root / name.strip("/").replace("/", "-") for name in names}


def containerd(place: Place, pause: str) -> str:
    """Return containerd's configuration (TOML)."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'

    def text(value: object) -> str:
        return json.dumps(str(value))

    return "\n".join(
        (
            "version = 2",
            f"root = {text(place.root / 'containerd')}",
            f"state = {text(place.socket.parent / 'state')}",
            "[grpc]",
            f"address = {text(place.socket)}",
            f"[{cri}]",
            f"sandbox_image = {text(pause)}",
            "restrict_oom_score_adj = true",
            "enable_unprivileged_ports = true",
            "netns_mounts_under_state_dir = true",
            f"[{cri}.cni]",
            f"bin_dir = {text(place.debian / 'usr/lib/cni')}",
            f"conf_dir = {text(place.root / 'cni')}",
            f"[{cri}.containerd]",
            'snapshotter = "overlayfs"',
            f"[{cri}.containerd.runtimes.runc]",
            'runtime_type = "io.containerd.runc.v2"',
            f"[{cri}.containerd.runtimes.runc.options]",
            f"BinaryName = {text(place.debian / 'usr/sbin/runc')}",
            "SystemdCgroup = false",
            "",
        )
    )


def network(place: Place) -> dict[str, Any]:
    """Return the network of the pods: a link each, so that all between them is routed and can be judged."""
    link = {
        "type": "ptp",
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": str(place.root / "addresses"),
            "ranges": [[{"subnet": place.subnet}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [link]}


def machine(place: Place, api_port: int, services: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what `machine.py` is told: how it is linked, what it mounts, and which services it keeps running."""
    inside, tunables = f"{place.address}/30", place.root / "tunables"
    binds = {name: str(path) for name, path in place.bound.items()}
    binds |= {f"/proc/sys/{name}": str(tunables / name.replace("/", ".")) for name in TUNABLES}
    return {
        "name": place.link,
        "link": [
            ["ip", "link", "add", place.link, "type", "veth", "peer", "name", UPLINK, "netns", "{pid}"],
            ["ip", "address", "add", f"{place.host}/30", "dev", place.link],
            ["ip", "link", "set", place.link, "up"],
            ["ip", "route", "add", place.subnet, "via", place.address],
        ],
        "forward": {"listen": [place.host, API_PORT], "to": ["127.0.0.1", api_port]},
        "files": {str(tunables / name.replace("/", ".")): f"{value}\n" for name, value in TUNABLES.items()},
        # Folders of these are the node's own, and this machine has none of them.
        "covered": sorted({str(Path(name).parent) for name in place.bound}),
        "binds": binds,
        "inside": [
            ["ip", "link", "set", "lo", "up"],
            ["ip", "address", "add", inside, "dev", UPLINK],
            ["ip", "link", "set", UPLINK, "up"],
            # No way out but to Services, which are rewritten before they would take it.
            ["ip", "route", "add", SERVICE_ADDRESSES, "via", place.host],
            ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
        ],
        "cgroup": place.cgroup,
        "services": services,
    }


def digest(told: object) -> str:
    """Return what tells one configuration from another, in a few letters."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
