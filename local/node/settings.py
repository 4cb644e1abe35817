"""What the node's processes are told. Pure: paths and addresses in, configuration out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NAME: Final = "real"
LABEL: Final = "storefleet.dev/node"
"""Label and taint of the node: only what asks for it runs there."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Everything of one node is below one folder, and on names and addresses that follow from it."""

    root: Path
    debian: Path
    """Where the packages are unpacked."""

    @property
    def id(self) -> str:
        """Six digits that tell this state folder's node from any other's."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:6]

    @property
    def bridge(self) -> str:
        """The bridge that the pods are on."""
        return f"sf{self.id}"

    @property
    def _third(self) -> int:
        return int(self.id, 16) % 256

    @property
    def gateway(self) -> str:
        """The bridge's own address, which is also the node's. 198.18.0.0/15 is for tests, and routed nowhere."""
        return f"198.18.{self._third}.1"

    @property
    def subnet(self) -> str:
        """The pods' addresses."""
        return f"198.18.{self._third}.0/24"

    @property
    def cgroup(self) -> str:
        """The control group below which all pods are."""
        return f"/storefleet-{self.id}"

    @property
    def socket(self) -> Path:
        """containerd's; in /run, since the path of a socket is at most 107 bytes long."""
        return Path(f"/run/storefleet-{self.id}/containerd.sock")

    @property
    def bound(self) -> dict[str, Path]:
        """Folders that programs insist on, and where they are led to, in a mount namespace of the node's own."""
        names = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers", "/etc/cni/net.d")
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
    """Return the network of the pods: a bridge, without any rule of the machine's firewall."""
    bridge = {
        "type": "bridge",
        "bridge": place.bridge,
        "isGateway": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": str(place.root / "addresses"),
            "ranges": [[{"subnet": place.subnet}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {
        "cniVersion": "1.0.0",
        "name": place.bridge,
        "plugins": [bridge],
    }


def kubelet(place: Place, authority: Path, port: int) -> dict[str, Any]:
    """Return the kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": place.gateway,
        "port": port,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{place.socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": place.cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,  # nothing could pull again what was collected
        "makeIPTablesUtilChains": False,
        "maxPods": 60,
        "oomScoreAdj": 0,
        "registerWithTaints": [{"key": LABEL, "value": NAME, "effect": "NoSchedule"}],
        "resolvConf": str(place.root / "resolv.conf"),
        "volumePluginDir": str(place.root / "volume-plugins"),
        "shutdownGracePeriod": "0s",
    }
