"""The parts that fixtures are made of: compliant objects, containers and pods of one tenant, `t-acorn`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]

NAMESPACE = "t-acorn"
DIGEST = "sha256:" + "5f" * 32
IMAGE = f"docker.io/library/odoo:19.0@{DIGEST}"
DATABASE_DIGEST = "sha256:" + "3a" * 32
VERIFIED = (DIGEST, DATABASE_DIGEST)
"""Digests that count as signed: the lock of the project has none of them."""
RBAC = "rbac.authorization.k8s.io"
CANARY = "c4nary-hunter2"
"""Stands wherever a fixture needs a secret: no message may ever hold it."""

COMMON = {
    "app.kubernetes.io/managed-by": "storefleet",
    "app.kubernetes.io/part-of": "storefleet",
    "storefleet.dev/environment": "production",
}
CELL = {**COMMON, "storefleet.dev/cell": "north", "storefleet.dev/tier": "dedicated"}
TENANT = {
    **CELL,
    "storefleet.dev/tenant": "acorn",
    "storefleet.dev/data-class": "personal",
    "storefleet.dev/cost-centre": "retail-group",
}
POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}{suffix}": value
    for mode in ("enforce", "audit", "warn")
    for suffix, value in (("", "restricted"), ("-version", "v1.37"))
}


@dataclass
class Declared:
    """One object as a program declares it; `explicit` says whether it is given the program's provider."""

    key: str
    manifest: Manifest
    explicit: bool = True
    protect: bool = False


@dataclass
class Stack:
    """The objects of a program by their keys; tests take them apart before judging."""

    objects: dict[str, Declared] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Manifest:
        return self.objects[key].manifest

    def add(self, key: str, manifest: Manifest, *, protect: bool = False) -> None:
        self.objects[key] = Declared(key, manifest, protect=protect)

    def remove(self, key: str) -> None:
        del self.objects[key]


def an_object(
    api_version: str,
    kind: str,
    name: str,
    *,
    namespace: str | None = NAMESPACE,
    labels: Mapping[str, str] = TENANT,
    **body: object,
) -> Manifest:
    metadata: Manifest = {"name": name, "labels": dict(labels)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def type_of(manifest: Mapping[str, Any]) -> str:
    """Return the type token of an object; the SDK adds `core/` to the group without a name."""
    version = manifest["apiVersion"]
    built_in = {"v1": "core/v1"}
    return f"kubernetes:{built_in.get(version, version)}:{manifest['kind']}"


def a_container(name: str = "web", **changes: object) -> Manifest:
    """Return a compliant container; a change of None leaves the field out."""
    container: Manifest = {
        "name": name,
        "image": IMAGE,
        "args": ["--db_host=db.cell-north.svc", "--db_password=$(DB_PASSWORD)", "--workers", "2"],
        "env": [
            {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "odoo", "key": "db-password"}}},
            {"name": "DB_PASSWORD_FILE", "value": "/run/secrets/db"},
            {"name": "ODOO_ADMIN_PASSWD", "valueFrom": {"secretKeyRef": {"name": "odoo", "key": "master"}}},
            {"name": "DATABASE_URL", "value": "postgres://odoo:$(DB_PASSWORD)@db.cell-north.svc/acorn"},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "livenessProbe": {"httpGet": {"path": "/web/health", "port": 8069}},
        "readinessProbe": {"httpGet": {"path": "/web/health?db_server_status=1", "port": 8069}},
    }
    container |= changes
    return {key: value for key, value in container.items() if value is not None}


def an_init_container(name: str = "migrate", **changes: object) -> Manifest:
    """Return a compliant init container, which may have no probes."""
    return a_container(name, livenessProbe=None, readinessProbe=None, **changes)


def a_pod(*containers: Manifest, **more: object) -> Manifest:
    """Return the spec of a compliant pod."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 101,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"storefleet.dev/pool": "dedicated", "storefleet.dev/tenant": "acorn"},
        "tolerations": [{"key": "storefleet.dev/pool", "value": "dedicated", "effect": "NoSchedule"}],
        "containers": list(containers) or [a_container()],
        **more,
    }


def a_template(spec: Manifest) -> Manifest:
    """Return a pod template around the spec of a pod."""
    return {"metadata": {"labels": {"app": "odoo"}}, "spec": spec}


def containers_of(stack: Stack, key: str = "web", kind: str = "containers") -> list[Manifest]:
    """Return the containers of the Deployment, to be changed in place."""
    return stack[key]["spec"]["template"]["spec"][kind]
