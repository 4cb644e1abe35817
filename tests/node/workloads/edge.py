"""Traefik on the node, with the values that the platform gives to its chart, and a visitor who knows its address."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from components.operators import ingress
from local.node.settings import HERE
from tests.edge import traefik
from tests.edge.cluster import Authority, namespace

if TYPE_CHECKING:
    from tests.node.workloads.platform import Platform

PORTS = {"web": 8000, "websecure": 8443, "metrics": 9100, "traefik": 8080}
SECONDS = 60
_NAME = "traefik"
_WATCHED = (
    ("", ("services", "secrets", "nodes", "endpoints", "namespaces", "configmaps")),
    ("discovery.k8s.io", ("endpointslices",)),
    ("traefik.io", ("*",)),
)


@dataclass(frozen=True)
class Edge:
    """Where Traefik listens, and whom visitors trust."""

    address: str
    authority: Authority

    def ask(self, name: str, path: str = "/", *, host: str | None = None) -> tuple[int, bytes]:
        """Ask over TLS by a name, which the certificate has to be for; `host` is what the request says instead."""
        trust = ssl.create_default_context(cadata=self.authority.pem)
        with (
            socket.create_connection((self.address, PORTS["websecure"]), SECONDS) as plain,
            trust.wrap_socket(plain, server_hostname=name) as secure,
        ):
            secure.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {host or name}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = http.client.HTTPResponse(secure)
            answer.begin()
            return answer.status, answer.read()


def started(shop: Platform) -> Edge:
    """Put Traefik on the node and return it when it is ready."""
    authority, values = Authority(), traefik.values()
    shop.api.apply(namespace(ingress.NAMESPACE))
    for each in (*traefik.tls_options(values), *_rights(), *_program(shop.references[_NAME], values)):
        shop.api.apply(each)
    shop.ready("apps/v1", "deployments", ingress.NAMESPACE, _NAME)
    (pod,) = [each for each in shop.pods(ingress.NAMESPACE) if not each["metadata"].get("deletionTimestamp")]
    return Edge(pod["status"]["podIP"], authority)


def _rights() -> list[dict[str, Any]]:
    account = {"kind": "ServiceAccount", "name": _NAME, "namespace": ingress.NAMESPACE}
    rules = [
        {"apiGroups": [group], "resources": list(kinds), "verbs": ["get", "list", "watch"]}
        for group, kinds in _WATCHED
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _NAME}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": _NAME, "namespace": ingress.NAMESPACE},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _NAME},
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _NAME},
            "roleRef": role,
            "subjects": [account],
        },
    ]


def _program(image: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    static = traefik.static(values, PORTS, Path("/tmp/access.log"))
    for name, entry in static["entryPoints"].items():
        entry["address"] = f":{PORTS[name]}"
    where, labels = {"name": _NAME, "namespace": ingress.NAMESPACE}, {"app.kubernetes.io/name": _NAME}
    container = {
        "name": _NAME,
        "image": image,
        "imagePullPolicy": "Never",
        "args": ["--configFile=/etc/traefik/traefik.yaml"],
        "ports": [{"name": "metrics", "containerPort": PORTS["metrics"]}],
        "readinessProbe": {"httpGet": {"path": "/ping", "port": PORTS["traefik"]}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "settings", "mountPath": "/etc/traefik"},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    }
    pod = {
        **HERE,
        "serviceAccountName": _NAME,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "settings", "configMap": {"name": _NAME}}, {"name": "scratch", "emptyDir": {}}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": where,
            "data": {"traefik.yaml": yaml.safe_dump(static, sort_keys=False)},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": where,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]
