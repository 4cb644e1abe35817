"""A small compliant stack and a way to break each rule in it: the fixture of every test of the pack.

The same objects are judged in process (`harness`), by the pack as the engine starts it (`test_pack`) and in a
program for the real engine (`stacks`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]

NAMESPACE = "t-acorn"
DIGEST = "sha256:" + "5f" * 32
IMAGE = f"docker.io/library/odoo:19.0@{DIGEST}"
CANARY = "c4nary-hunter2"
"""Stands wherever a fixture needs a secret: no message may ever hold it."""

COMMON = {
    "app.kubernetes.io/managed-by": "storefleet",
    "app.kubernetes.io/part-of": "storefleet",
    "storefleet.dev/environment": "local",
}
TENANT = {
    **COMMON,
    "storefleet.dev/tenant": "acorn",
    "storefleet.dev/tier": "shared",
    "storefleet.dev/cell": "north",
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


@dataclass
class Stack:
    """The objects of a program by their keys; tests take them apart before judging."""

    objects: dict[str, Declared] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Manifest:
        return self.objects[key].manifest

    def add(self, key: str, manifest: Manifest) -> None:
        self.objects[key] = Declared(key, manifest)

    def remove(self, key: str) -> None:
        del self.objects[key]


def an_object(
    api_version: str, kind: str, name: str, *, namespace: str | None = NAMESPACE, **body: object
) -> Manifest:
    metadata: Manifest = {"name": name, "labels": dict(TENANT)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def a_container(name: str = "web", **changes: object) -> Manifest:
    """Return a compliant container; a change of None leaves the field out."""
    container: Manifest = {
        "name": name,
        "image": IMAGE,
        "args": ["--db_host=db.cell-north.svc", "--db_password=$(DB_PASSWORD)", "--workers", "2"],
        "env": [
            {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "odoo", "key": "db-password"}}},
            {"name": "DB_PASSWORD_FILE", "value": "/run/secrets/db"},
            {"name": "DATABASE_URL", "value": "postgres://odoo:$(DB_PASSWORD)@db.cell-north.svc/acorn"},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    container |= changes
    return {key: value for key, value in container.items() if value is not None}


def a_pod(*containers: Manifest, **more: object) -> Manifest:
    """Return the spec of a compliant pod."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 101,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": list(containers) or [a_container()],
        **more,
    }


def a_template(spec: Manifest) -> Manifest:
    """Return a pod template around the spec of a pod."""
    return {"metadata": {"labels": {"app": "odoo"}}, "spec": spec}


def baseline() -> Stack:
    """Return a tenant with its wall, its configuration and two workloads: nothing in it breaks a rule."""
    stack = Stack()
    namespace = an_object("v1", "Namespace", NAMESPACE, namespace=None)
    namespace["metadata"]["labels"] |= {
        "storefleet.dev/role": "tenant",
        "storefleet.dev/ring": "2",
        **POD_SECURITY,
    }
    stack.add("namespace", namespace)
    quota = {"requests.cpu": "4", "requests.memory": "8Gi", "limits.memory": "16Gi", "pods": "20"}
    stack.add("quota", an_object("v1", "ResourceQuota", "tenant", spec={"hard": quota}))
    limit = {
        "type": "Container",
        "default": {"cpu": "1", "memory": "512Mi"},
        "defaultRequest": {"cpu": "100m", "memory": "256Mi"},
    }
    stack.add("limits", an_object("v1", "LimitRange", "tenant", spec={"limits": [limit]}))
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    stack.add("default-deny", an_object("networking.k8s.io/v1", "NetworkPolicy", "default-deny", spec=deny))
    stack.add("allow", an_object("networking.k8s.io/v1", "NetworkPolicy", "allow", spec=_allowed()))
    configuration = (
        "[options]\nproxy_mode = True\nlist_db = False\ndb_password = False\n; admin_passwd = elsewhere\n"
    )
    stack.add("config", an_object("v1", "ConfigMap", "odoo", data={"odoo.conf": configuration}))
    stack.add("secret", an_object("v1", "Secret", "odoo", stringData={"db-password": CANARY}))
    web = a_pod(initContainers=[a_container("migrate")])
    selector = {"matchLabels": {"app": "odoo"}}
    spec = {"replicas": 1, "selector": selector, "template": a_template(web)}
    stack.add("web", an_object("apps/v1", "Deployment", "web", spec=spec))
    job = {"template": a_template(a_pod(a_container("vacuum"), restartPolicy="Never"))}
    schedule = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}
    stack.add("vacuum", an_object("batch/v1", "CronJob", "vacuum", spec=schedule))
    return stack


def _allowed() -> Manifest:
    def pods_of(namespace: str) -> Manifest:
        return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}

    dns = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [pods_of(NAMESPACE), pods_of("traefik")]}],
        "egress": [
            {"to": [pods_of(NAMESPACE)]},
            {"to": [pods_of("kube-system")], "ports": dns},
            {"to": [pods_of("cell-north")], "ports": [{"port": 5432}]},
        ],
    }


def containers_of(stack: Stack, key: str = "web", kind: str = "containers") -> list[Manifest]:
    """Return the containers of the Deployment, to be changed in place."""
    return stack[key]["spec"]["template"]["spec"][kind]


def _without_default_deny(stack: Stack) -> None:
    stack.remove("default-deny")


def _without_limit(stack: Stack) -> None:
    del containers_of(stack)[0]["resources"]["limits"]


def _by_tag(stack: Stack) -> None:
    containers_of(stack)[0]["image"] = "docker.io/library/odoo:19.0"


def _password_in_environment(stack: Stack) -> None:
    containers_of(stack)[0]["env"].append({"name": "PGPASSWORD", "value": CANARY})


def _default_provider(stack: Stack) -> None:
    stack.objects["config"].explicit = False


def _without_cost_centre(stack: Stack) -> None:
    del stack["config"]["metadata"]["labels"]["storefleet.dev/cost-centre"]


Break = Callable[[Stack], None]

BREAKS: Mapping[str, Break] = {
    "tenant-isolation": _without_default_deny,
    "resources-set": _without_limit,
    "image-digest": _by_tag,
    "no-plaintext-secret": _password_in_environment,
    "explicit-provider": _default_provider,
    "required-labels": _without_cost_centre,
}
"""The rule -> what to do to the baseline so that it, and no other rule, is broken in one place."""


def broken(*breaks: Break) -> Stack:
    """Return the baseline after the given changes."""
    stack = baseline()
    for change in breaks:
        change(stack)
    return stack


def stack_to_declare(breaking: str | None) -> Sequence[Declared]:
    """Return what a program declares: the baseline, with the named rule broken."""
    return list((broken(BREAKS[breaking]) if breaking else baseline()).objects.values())
