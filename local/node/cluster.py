"""What the cluster has to know of the real node: who may do what, the API server's address, names and volumes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from local.node import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE_CLASS: Final = "node"
PROVISIONER: Final = "storefleet.dev/node"
VOLUMES_USER: Final = "storefleet-node-volumes"
POLICIES_USER: Final = "storefleet-node-policies"
KUBELET_CLIENT: Final = "kube-apiserver-kubelet-client"
"""Who the API server is to a kubelet: it asks for logs and runs commands on behalf of others."""

_DNS_USER: Final = "storefleet-node-names"
_NAMES: Final = {"namespace": "kube-system", "name": "coredns"}
_DNS_LABELS: Final = {"k8s-app": "kube-dns"}
_RBAC: Final = "rbac.authorization.k8s.io"
_READS: Final = ("get", "list", "watch")
_COREFILE: Final = """\
.:53 {
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa {
        pods insecure
    }
    cache 30
    loadbalance
}
"""
"""Names of the cluster only: the node has no way out, so no other name has an answer."""


def rights() -> tuple[dict[str, Any], ...]:
    """Return what the node's services may do, beside what Kubernetes itself grants to kubelets and proxies."""
    policies = _role(
        POLICIES_USER,
        {"": ("pods", "namespaces", "nodes"), "networking.k8s.io": ("networkpolicies",)},
    )
    names = _role(
        _DNS_USER, {"": ("services", "pods", "namespaces"), "discovery.k8s.io": ("endpointslices",)}
    )
    return (
        _binding(KUBELET_CLIENT, "system:kubelet-api-admin"),
        _binding(VOLUMES_USER, "system:persistent-volume-provisioner"),
        policies,
        _binding(POLICIES_USER, POLICIES_USER),
        names,
        _binding(_DNS_USER, _DNS_USER, {"kind": "ServiceAccount", **_NAMES}),
    )


def api_server(place: settings.Place) -> dict[str, Any]:
    """Return where pods reach the API server: its own address is loopback, and no endpoint."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [place.host], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": settings.API_PORT, "protocol": "TCP"}],
    }


def storage_class() -> dict[str, Any]:
    """Return the class of volumes that are folders of the node's disk."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def names(image: str) -> tuple[dict[str, Any], ...]:
    """Return the cluster's DNS: CoreDNS in a pod of the node, where policies and Services expect it."""
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _NAMES},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _NAMES, "data": {"Corefile": _COREFILE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": "kube-system", "name": "kube-dns", "labels": _DNS_LABELS},
            "spec": {
                "clusterIP": settings.DNS_ADDRESS,
                "selector": _DNS_LABELS,
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                ],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**_NAMES, "labels": _DNS_LABELS},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": _DNS_LABELS},
                "template": {"metadata": {"labels": _DNS_LABELS}, "spec": _dns_pod(image)},
            },
        },
    )


def _dns_pod(image: str) -> dict[str, Any]:
    return {
        **settings.HERE,
        "serviceAccountName": _NAMES["name"],
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "coredns",
                "image": image,
                "imagePullPolicy": "Never",
                "args": ["-conf", "/etc/coredns/Corefile"],
                "ports": [
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                ],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
                "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 10},
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"},
                    "limits": {"memory": "170Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "config", "configMap": {"name": _NAMES["name"]}}],
    }


def _role(name: str, reads: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    rules = [
        {"apiGroups": [group], "resources": list(kinds), "verbs": list(_READS)}
        for group, kinds in reads.items()
    ]
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}


def _binding(user: str, role: str, subject: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [dict(subject) if subject else {"apiGroup": _RBAC, "kind": "User", "name": user}],
    }
