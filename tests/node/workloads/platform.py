"""The platform's own plans on the real node: CloudNativePG's operator, a cell and its cache, a tenant's shop."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from components.cache.plan import access_of
from components.cells.plan import plan_cell
from components.platform.plan import plan_platform
from components.secrets.plan import CACHE_OPERATOR
from components.tenancy.plan import plan_tenant
from components.workload.values import CacheValues
from local.kube import ApiError
from local.node import cnpg, images, in_place
from local.node.fit import fitted
from local.node.images import table
from spec.naming import CACHE, DATABASE_CLUSTER, cache_host, cell_namespace, tenant_namespace
from tests.components import samples
from tests.workload import rendering
from tests.workload.samples import IMAGE, TOOLS, planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local.progress import Progress

CELL, TENANT = "shared", "acme"
SECONDS = 900
"""Longest that anything is waited for, on a machine that others use as well."""
ENVIRONMENT = samples.environment(cluster_networks=["10.0.0.0/8", "198.18.0.0/15"])
"""With the addresses of the node, from which the API server answers."""
IN_PLACE = {
    **in_place.DATA_LAYER,
    IMAGE: table.STAND_IN,
    TOOLS: table.STAND_IN,
}
"""The images that plans name -> what has their place here."""


def eventually(what: str, found: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return the first true answer; an API that does not answer is asked again."""
    until, said = time.monotonic() + seconds, ""
    while time.monotonic() < until:
        try:
            there = found()
        except (ApiError, OSError) as error:
            there, said = None, f" ({error})"
        if there:
            return there
        time.sleep(0.5)
    raise AssertionError(f"no sign of {what} within {seconds:.0f} s{said}")


def secret(name: str, namespace: str, data: dict[str, str], kind: str = "Opaque") -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": namespace, "labels": {"cnpg.io/reload": "true"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": encoded}


def cache_users(namespace: str, operator: str, tenants: Mapping[str, str]) -> dict[str, Any]:
    """Return the Secret of a cache's users that External Secrets makes elsewhere, of passwords."""
    access = {CACHE_OPERATOR: (operator, "~* &* +@all")}
    access |= {tenant: (password, access_of(tenant)) for tenant, password in tenants.items()}
    lines = ["user default off"]
    for name, (password, rights) in access.items():
        lines.append(f"user {name} on #{hashlib.sha256(password.encode()).hexdigest()} {rights}")
    given = {"users.acl": "\n".join(lines) + "\n", "operator-password": operator}
    return secret(f"{CACHE}-users", namespace, given)


def open_to_the_test(namespace: str) -> dict[str, Any]:
    """Return a policy that lets this machine in, beside those of the plans: they are enforced on the node."""
    machine = [{"ipBlock": {"cidr": "198.19.0.0/16"}}]
    ports = [{"protocol": "TCP", "port": port} for port in (5432, 8069, 8072, 9127, 9187)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "from-the-test", "namespace": namespace},
        "spec": {"podSelector": {}, "ingress": [{"from": machine, "ports": ports}]},
    }


@dataclass
class Platform:
    """What was put on the node, and the passwords that stand for a store of secrets."""

    api: Any
    references: dict[str, str]
    folder: Path
    passwords: dict[str, str] = field(default_factory=dict)
    instances: int = 2

    @property
    def cell(self) -> str:
        return cell_namespace(CELL)

    @property
    def tenant(self) -> str:
        return tenant_namespace(TENANT)

    def password(self, name: str) -> str:
        return self.passwords.setdefault(name, secrets.token_urlsafe(24))

    def apply(self, manifest: dict[str, Any]) -> None:
        """Apply a manifest as it fits the node; an admission webhook that does not answer yet is waited for."""
        known = {name: self.references[image.name] for name, image in IN_PLACE.items()}
        made = fitted(manifest, known, instances=self.instances)
        if made is None:
            return

        def done() -> bool:
            try:
                self.api.apply(made)
            except ApiError as error:
                if error.status in {400, 403, 404, 409, 422}:
                    raise AssertionError(f"{made['kind']} {made['metadata']['name']}: {error}") from error
                raise
            return True

        eventually(f"{made['kind']} {made['metadata']['name']}", done)

    def operator(self) -> None:
        """Put CloudNativePG's operator on the node, by its own manifests."""
        for document in cnpg.manifests(self.references["cloudnative-pg"]):
            self.api.apply(document)
        self.ready("apps/v1", "deployments", cnpg.NAMESPACE, cnpg.NAME)

    def ready(self, version: str, plural: str, namespace: str, name: str, many: int = 1) -> None:
        """Wait until so many pods of a Deployment or StatefulSet are ready."""
        path = f"/apis/{version}/namespaces/{namespace}/{plural}/{name}"

        def found() -> bool:
            status = (self.api.get(path) or {}).get("status", {})
            return status.get("readyReplicas", 0) >= many

        try:
            eventually(f"{many} ready pods of {name}", found)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told(namespace)}") from error

    def told(self, namespace: str) -> str:
        """Return what the cluster says about a namespace that does not come up."""
        events = [
            f"{each['involvedObject']['name']}: {each.get('reason')}: {each.get('message')}"
            for each in self.api.items(f"/api/v1/namespaces/{namespace}/events")
        ]
        pods = [
            f"{pod['metadata']['name']}: {yaml.safe_dump(pod['status'].get('containerStatuses'))}"
            for pod in self.api.items(f"/api/v1/namespaces/{namespace}/pods")
        ]
        return "\n".join([*events[-30:], *pods])

    def start_cell(self) -> None:
        """Apply the plan of a cell and wait for its two instances."""
        for each in plan_platform(ENVIRONMENT).objects:
            self.apply(each.manifest)
        plan = plan_cell(CELL, ENVIRONMENT.cells[CELL], ENVIRONMENT)
        self.apply(plan.objects[0].manifest)
        self.api.apply(open_to_the_test(self.cell))
        passwords = {TENANT: self.password("cache")}
        self.api.apply(cache_users(self.cell, self.password("cache-operator"), passwords))
        for each in plan.objects[1:]:
            self.apply(each.manifest)
        self.healthy(2)

    def cluster(self) -> dict[str, Any]:
        """Return the status of the cell's cluster."""
        path = f"/apis/postgresql.cnpg.io/v1/namespaces/{self.cell}/clusters/{DATABASE_CLUSTER}"
        return (self.api.get(path) or {}).get("status", {})

    def healthy(self, instances: int) -> None:
        """Wait until the cluster has a primary and its standbys."""

        def found() -> bool:
            status = self.cluster()
            return (
                status.get("readyInstances") == instances
                and status.get("phase") == "Cluster in healthy state"
                and status.get("currentPrimary") == status.get("targetPrimary")
            )

        try:
            eventually(f"{instances} healthy instances", found)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.cluster()}\n{self.told(self.cell)}") from error

    def start_tenant(self) -> None:
        """Apply the plan of a tenant and its chart, and wait until its shop is ready."""
        tenant = samples.tenant(TENANT)
        plan = plan_tenant(tenant, ENVIRONMENT)
        self.apply(plan.objects[0].manifest)
        self.api.apply(open_to_the_test(self.tenant))
        login = {"username": TENANT, "password": self.password("role")}
        self.api.apply(secret(self.tenant, self.cell, login, "kubernetes.io/basic-auth"))
        own = {
            "database-password": self.password("role"),
            "admin-password": self.password("admin"),
            "cache-password": self.password("cache"),
        }
        self.api.apply(secret("odoo", self.tenant, own))
        for each in plan.objects[1:]:
            if each.manifest["kind"] not in {"AppProject", "CronJob"}:
                self.apply(each.manifest)
        values = planned(tenant, ENVIRONMENT).values.document()
        # As in AWS: the embedded environment has no cache that answers, so its plan has none.
        values["cache"] = CacheValues(host=cache_host(CELL), tls=False).model_dump(mode="json")
        for process in ("web", "websocket", "cron"):
            values[process]["replicas"] = 1
        place = self.folder / "chart"
        place.mkdir(exist_ok=True)
        done = rendering.run(values, place)
        assert done.returncode == 0, done.stderr
        for document in yaml.safe_load_all(done.stdout):
            if document:
                self.apply(document)
        for name in ("odoo", "odoo-websocket", "odoo-cron"):
            self.ready("apps/v1", "deployments", self.tenant, name)

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """Return the pods of a namespace."""
        return self.api.items(f"/api/v1/namespaces/{namespace}/pods")

    def address(self, component: str) -> str:
        """Return the address of a ready pod of one of the tenant's processes. Raises OSError where there is none."""
        for pod in self.pods(self.tenant):
            conditions = pod["status"].get("conditions", [])
            if (
                pod["metadata"]["labels"].get("app.kubernetes.io/component") == component
                and not pod["metadata"].get("deletionTimestamp")
                and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
            ):
                return pod["status"]["podIP"]
        raise OSError(f"no pod of {component} is ready")


def built(progress: Progress) -> list[images.Built]:
    """Return everything that the workloads run, built where it is not there yet."""
    wanted = {image.name: image for image in (table.CNPG, table.EDGE, *IN_PLACE.values())}
    done: list[images.Built] = []
    for image in wanted.values():
        with progress.step(f"image {image.name}") as step:
            done.append(images.build(image, progress))
            step.result = done[-1].digest
    return done


def references(made: list[images.Built]) -> dict[str, str]:
    """Return the references by the images' names."""
    return {each.reference.partition("/")[2].partition("@")[0]: each.reference for each in made}
