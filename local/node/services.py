"""The services of the real node: what each is told, and who it is to the API server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.controlplane import pki
from local.node import cluster, packages, settings
from local.node.settings import LABEL, NAME, Place
from local.state import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.state import State

NAMES: Final = ("containerd", "kubelet", "kube-proxy", "node-volumes", "node-policies")
"""The node's processes, as they are shown."""
KUBELET_PORT: Final = 10250
CLUSTER_DOMAIN: Final = "cluster.local"
_AUTHORITY: Final = "cluster-ca"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the commands are made of: programs by name, the node's place, keys and the state folder."""

    programs: Mapping[str, Path]
    place: Place
    state: State

    @property
    def keys(self) -> pki.Pki:
        """The keys of the control plane, to which the node's are added."""
        return pki.Pki(self.state.control_plane / "pki")

    def service(self, name: str, *command: str) -> dict[str, Any]:
        """Return a service as the machine is told of it."""
        environment = {**packages.environment(self.place.debian), "HOME": "/root", "NODE_NAME": NAME}
        log = str(self.state.logs / f"{name}.log")
        return {"name": name, "command": command, "log": log, "environment": environment}

    def access(self, name: str, user: str, *groups: str) -> Path:
        """Write the kubeconfig of a client inside the node, with a certificate of its own, and return its path."""
        keys = self.keys
        pki.issue(keys, pki.Leaf(name=name, authority=_AUTHORITY, user=user, groups=groups))
        cluster = {
            "server": f"https://{self.place.host}:{settings.API_PORT}",
            "certificate-authority": str(keys.certificate(_AUTHORITY)),
            "tls-server-name": "kubernetes.default.svc",
        }
        client = {"client-certificate": str(keys.certificate(name)), "client-key": str(keys.key(name))}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "node", "cluster": cluster}],
            "users": [{"name": user, "user": client}],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": user}}],
            "current-context": "node",
        }
        path = self.place.root / f"{name}.kubeconfig"
        write(path, json.dumps(document))
        return path


def all_of(layout: Layout) -> list[dict[str, Any]]:
    """Write the configuration of every service and return the services in the order in which they are started."""
    place = layout.place
    return [
        _containerd(layout),
        _kubelet(layout),
        _proxy(layout),
        _agent(
            layout,
            "node-volumes",
            cluster.VOLUMES_USER,
            "-provisioner",
            cluster.PROVISIONER,
            "-root",
            str(place.volumes),
        ),
        _agent(layout, "node-policies", cluster.POLICIES_USER),
    ]


def _containerd(layout: Layout) -> dict[str, Any]:
    program = layout.place.debian / "usr/bin/containerd"
    return layout.service("containerd", str(program), "--config", str(layout.place.root / "containerd.toml"))


def _kubelet(layout: Layout) -> dict[str, Any]:
    place, keys = layout.place, layout.keys
    access = layout.access("kubelet", f"system:node:{NAME}", "system:nodes")
    serving = pki.Leaf(
        name="kubelet-server", authority=_AUTHORITY, user=f"system:node:{NAME}", hosts=(NAME, place.address)
    )
    pki.issue(keys, serving)
    config = place.root / "kubelet.json"
    write(config, json.dumps(kubelet(place, keys)))
    return layout.service(
        "kubelet",
        str(layout.programs["kubelet"]),
        f"--config={config}",
        f"--kubeconfig={access}",
        f"--hostname-override={NAME}",
        f"--node-ip={place.address}",
        f"--node-labels={LABEL}={NAME}",
    )


def kubelet(place: Place, keys: pki.Pki) -> dict[str, Any]:
    """Return the kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": place.address,
        "port": KUBELET_PORT,
        "healthzPort": 0,
        "readOnlyPort": 0,
        "tlsCertFile": str(keys.certificate("kubelet-server")),
        "tlsPrivateKeyFile": str(keys.key("kubelet-server")),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys.certificate(_AUTHORITY))},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [settings.DNS_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
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


def _proxy(layout: Layout) -> dict[str, Any]:
    config = layout.place.root / "kube-proxy.json"
    access = layout.access("kube-proxy", "system:kube-proxy")
    write(config, json.dumps(proxy(layout.place, access)))
    return layout.service("kube-proxy", str(layout.programs["kube-proxy"]), f"--config={config}")


def _agent(layout: Layout, name: str, user: str, *more: str) -> dict[str, Any]:
    access = layout.access(name, user)
    return layout.service(name, str(layout.programs[name]), "-kubeconfig", str(access), "-node", NAME, *more)


def proxy(place: Place, access: Path) -> dict[str, Any]:
    """Return kube-proxy's configuration: rules in the node's own network namespace, nothing of the whole machine."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(access)},
        "hostnameOverride": NAME,
        "mode": "iptables",
        "clusterCIDR": place.subnet,
        "detectLocalMode": "ClusterCIDR",
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        "conntrack": {  # zero: left as the machine has it
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
