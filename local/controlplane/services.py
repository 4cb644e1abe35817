"""The command of each process of the control plane. No process listens on anything but loopback."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from local.controlplane.processes import Service

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.controlplane.pki import Pki
    from local.state import State

_LOOPBACK = "127.0.0.1"
_SERVICE_ADDRESSES = "10.96.0.0/16"
_CLIENT_QPS = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""A stack brings hundreds of namespaces at once; at the default of 20 a second their accounts lag behind."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the commands are made of: programs by name, keys, ports by name, and the state folder."""

    programs: Mapping[str, Path]
    pki: Pki
    ports: Mapping[str, int]
    state: State

    def kubeconfig(self, user: str) -> Path:
        """Return the kubeconfig of a client of the API server."""
        if user == "admin":
            return self.state.kubeconfig
        return self.state.control_plane / f"{user}.kubeconfig"

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{_LOOPBACK}:{self.ports['apiserver']}"

    @property
    def encryption(self) -> Path:
        """The configuration by which the API server encrypts secrets before it stores them."""
        return self.state.control_plane / "encryption.json"

    def service(
        self, name: str, program: str, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})
    ) -> Service:
        """Return a service with its log below the state folder."""
        return Service(
            name=name,
            command=(str(self.programs[program]), *arguments),
            log=self.state.logs / f"{name}.log",
            state=self.state.root,
            environment=environment,
        )


def etcd(layout: Layout) -> Service:
    """Etcd, with TLS and client certificates of its own authority."""
    client = f"https://{_LOOPBACK}:{layout.ports['etcd']}"
    peer = f"https://{_LOOPBACK}:{layout.ports['etcd-peer']}"
    pki = layout.pki
    return layout.service(
        "etcd",
        "etcd",
        "--name=storefleet",
        f"--data-dir={layout.state.control_plane / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=storefleet={peer}",
        f"--cert-file={pki.certificate('etcd')}",
        f"--key-file={pki.key('etcd')}",
        f"--trusted-ca-file={pki.certificate('etcd-ca')}",
        "--client-cert-auth=true",
        f"--peer-cert-file={pki.certificate('etcd')}",
        f"--peer-key-file={pki.key('etcd')}",
        f"--peer-trusted-ca-file={pki.certificate('etcd-ca')}",
        "--peer-client-cert-auth=true",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=1h",
        "--log-level=warn",
    )


def apiserver(layout: Layout) -> Service:
    """The API server: RBAC, the usual admission, secrets encrypted at rest."""
    pki = layout.pki
    return layout.service(
        "apiserver",
        "kube-apiserver",
        f"--etcd-servers=https://{_LOOPBACK}:{layout.ports['etcd']}",
        f"--etcd-cafile={pki.certificate('etcd-ca')}",
        f"--etcd-certfile={pki.certificate('etcd-client')}",
        f"--etcd-keyfile={pki.key('etcd-client')}",
        f"--encryption-provider-config={layout.encryption}",
        f"--bind-address={_LOOPBACK}",
        f"--advertise-address={_LOOPBACK}",
        f"--secure-port={layout.ports['apiserver']}",
        f"--tls-cert-file={pki.certificate('apiserver')}",
        f"--tls-private-key-file={pki.key('apiserver')}",
        f"--client-ca-file={pki.certificate('cluster-ca')}",
        f"--requestheader-client-ca-file={pki.certificate('front-proxy-ca')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki.certificate('front-proxy-client')}",
        f"--proxy-client-key-file={pki.key('front-proxy-client')}",
        # Of the real node, where there is one: its kubelet, and pods that answer for a Service.
        f"--kubelet-certificate-authority={pki.certificate('cluster-ca')}",
        f"--kubelet-client-certificate={pki.certificate('kubelet-client')}",
        f"--kubelet-client-key={pki.key('kubelet-client')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--enable-aggregator-routing=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=false",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.service_account_key}",
        f"--service-account-signing-key-file={pki.service_account_key}",
        f"--service-cluster-ip-range={_SERVICE_ADDRESSES}",
        # The only API server has no one to share an endpoint with, and a loopback address is no endpoint.
        "--endpoint-reconciler-type=none",
        "--profiling=false",
    )


def controller_manager(layout: Layout) -> Service:
    """The controllers, without the one that hands out nodes' addresses."""
    pki = layout.pki
    own = str(layout.kubeconfig("controller-manager"))
    return layout.service(
        "controller-manager",
        "kube-controller-manager",
        *_as_client(own),
        *_serving(layout, "controller-manager"),
        f"--root-ca-file={pki.certificate('cluster-ca')}",
        f"--service-account-private-key-file={pki.service_account_key}",
        "--use-service-account-credentials=true",
        "--controllers=*,-node-ipam-controller",
        *_CLIENT_QPS,
    )


def scheduler(layout: Layout) -> Service:
    """The scheduler: without it pods that name no node stay pending."""
    own = str(layout.kubeconfig("scheduler"))
    return layout.service(
        "scheduler", "kube-scheduler", *_as_client(own), *_serving(layout, "scheduler"), *_CLIENT_QPS
    )


def kwok(layout: Layout, stages: tuple[Path, ...]) -> Service:
    """Kwok: it answers for the nodes and pods, and nothing runs in them."""
    return layout.service(
        "kwok",
        "kwok",
        f"--kubeconfig={layout.kubeconfig('kwok')}",
        *(f"--config={stage}" for stage in stages),
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={FAKE_NODE}=fake",
        "--node-lease-duration-seconds=40",
        f"--node-ip={_LOOPBACK}",
    )


FAKE_NODE = "kwok.x-k8s.io/node"
"""The annotation of the nodes that kwok answers for."""


def _as_client(kubeconfig: str) -> tuple[str, ...]:
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--profiling=false",
    )


def _serving(layout: Layout, name: str) -> tuple[str, ...]:
    return (
        f"--bind-address={_LOOPBACK}",
        f"--secure-port={layout.ports[name]}",
        f"--tls-cert-file={layout.pki.certificate(f'{name}-server')}",
        f"--tls-private-key-file={layout.pki.key(f'{name}-server')}",
    )
