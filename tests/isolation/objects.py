"""Objects that a tenant's namespace takes, to be broken one thing at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from local.state import ROOT
from spec.releases import load_release

RELEASED = load_release(ROOT, "18.0.1").manifest.images
"""What every environment of the examples knows."""
IMAGE = RELEASED["odoo"]
TAG = "docker.io/library/odoo:19"

Object = dict[str, Any]


def changed(base: Object, *path: str | int, to: object) -> Object:
    """Return a copy of an object in which what stands at the path is something else."""
    made: Any = deepcopy(base)
    node = made
    for key in path[:-1]:
        node = node.setdefault(key, {}) if isinstance(key, str) else node[key]
    node[path[-1]] = to
    return made


def container(name: str = "odoo", **more: object) -> Object:
    return {
        "name": name,
        "image": IMAGE,
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **more,
    }


def pod_spec(*containers: Object, **more: object) -> Object:
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": list(containers) or [container()],
        **more,
    }


def pod(*containers: Object, name: str = "probe", **more: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": pod_spec(*containers, **more),
    }


def deployment(*containers: Object) -> Object:
    selector = {"app": "probe"}
    template = {"metadata": {"labels": selector}, "spec": pod_spec(*containers)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "probe"},
        "spec": {"selector": {"matchLabels": selector}, "template": template},
    }


def cron_job(*containers: Object) -> Object:
    spec = pod_spec(*containers, restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "probe"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": spec}}}},
    }


def service(**spec: object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "probe"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "probe"}, **spec},
    }


def claim(storage_class: str | None, size: str = "1Gi", name: str = "probe") -> Object:
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": spec,
    }


def ingress(*hosts: str | None, tls: tuple[str, ...] = (), **spec: object) -> Object:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    http = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    rules = [{"http": http, **({"host": host} if host else {})} for host in hosts]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "probe"},
        "spec": {"rules": rules, **({"tls": [{"hosts": list(tls)}]} if tls else {}), **spec},
    }


def route(*matches: str, **spec: object) -> Object:
    services = [{"name": "web", "port": 80}]
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "probe"},
        "spec": {
            "routes": [{"kind": "Rule", "match": match, "services": services} for match in matches],
            **spec,
        },
    }


def network_policy(**spec: object) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "probe"},
        "spec": {"podSelector": {}, **spec},
    }


def role_binding(subject: Object, role: str = "cluster-admin", namespace: str = "") -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "probe", **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
