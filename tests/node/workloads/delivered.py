"""Two tenants of one cell on a node of their own, delivered by Argo CD from a repository of the tests' own.

The environment is the example `local` with what a small node lacks left out of its file: other cells, and the object
store. What Argo CD applies is the release's own chart; only the values name this node, its class of volumes and small
pods, as `local.node.fit` does it for what the engine would apply.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from cli.delivery import prepare
from components.database.access import GUARD
from components.plan import plan_environment
from components.secrets.plan import CACHE_OPERATOR
from components.workload.values import CacheValues
from local.controlplane import control
from local.delivery import control as argocd
from local.node import images
from local.node.images import table
from local.node.run import node
from local.node.settings import HERE, NAME
from local.toolchain.build import ensure
from release.facts import released_images
from spec.fleet import load_fleet
from spec.naming import cache_host, cell_namespace, tenant_namespace
from spec.releases import manifest_file
from tests.integration.delivered import BASE, Delivery
from tests.integration.project import copy
from tests.node.workloads.platform import (
    IN_PLACE,
    Platform,
    cache_users,
    eventually,
    open_to_the_test,
    references,
    secret,
)

if TYPE_CHECKING:
    from pathlib import Path

    from local.node.run import Node
    from local.progress import Progress
    from spec.fleet import Fleet
    from tests.integration.project import Project

CELL, CANARY, NEXT = "eu-1", "solvane-ghent", "solvane-lille"
"""The cell, and its tenants of ring 0 and ring 1."""
FAILING = table.stand_in(
    "stand-in-failing", "no Odoo: a stand-in that is told to fail one order in two", fail="0.5"
)
"""A bad release: it starts, its probes and pages are well, and every other order is an error."""
_SMALL = {"cpuRequest": "20m", "cpuLimit": "1", "memoryRequest": "32Mi", "memoryLimit": "512Mi"}


@dataclass
class Cell(Platform):
    """The cell of the two tenants, as far as it is not Argo CD's."""

    fleet: Fleet = field(kw_only=True)
    volumes: Path = field(kw_only=True)
    """The folder of the node's volumes."""

    @property
    def cell(self) -> str:
        return cell_namespace(CELL)

    def put(self) -> None:
        """Apply what the engine would: everything of the environment's plan, and the secrets of a store."""
        plan = plan_environment(self.fleet, released=released_images(self.fleet))
        planned = [one.manifest for one in plan.objects()]
        spaces = [each for each in planned if each["kind"] in {"Namespace", "PriorityClass"}]
        for each in spaces:
            self.api.apply(each)
        tenants = [CANARY, NEXT]
        self.api.apply(open_to_the_test(self.cell))
        passwords = {name: self.password(name) for name in tenants}
        self.api.apply(cache_users(self.cell, self.password(CACHE_OPERATOR), passwords))
        for name in tenants:
            space = tenant_namespace(name)
            self.api.apply(open_to_the_test(space))
            login = {"username": name, "password": self.password(f"role of {name}")}
            self.api.apply(secret(space, self.cell, login, "kubernetes.io/basic-auth"))
            own = {
                "database-password": self.password(f"role of {name}"),
                "admin-password": self.password(f"admin of {name}"),
                "cache-password": self.password(name),
            }
            self.api.apply(secret("odoo", space, own))
            for each in self._files(name):
                self.api.apply(each)
        for each in planned:
            if each not in spaces and not _of_a_shop(each):
                self.apply(each)
        self.healthy(1)

    def guard(self) -> None:
        """Have the databases closed to one another and opened to the exporter now, and not at the next ten minutes."""
        path = f"/apis/batch/v1/namespaces/{self.cell}"
        found = self.api.get(f"{path}/cronjobs/{GUARD}")
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"{GUARD}-now", "namespace": self.cell},
        }
        self.api.apply({**job, "spec": found["spec"]["jobTemplate"]["spec"]})

        def ended() -> bool:
            return bool((self.api.get(f"{path}/jobs/{GUARD}-now") or {}).get("status", {}).get("succeeded"))

        eventually("the end of the job that closes databases", ended)

    def _files(self, tenant: str) -> list[dict[str, Any]]:
        """Return the volume of a tenant's files, and the chart's claim of it as bound.

        In a cluster the provisioner of the tier's class makes it; here that class is one of nodes that run nothing.
        """
        values = yaml.safe_load(
            (self.fleet.root / "gitops" / "values" / "local" / BASE / f"{tenant}.yaml").read_text()
        )
        name, space, classed = f"files-{tenant}", tenant_namespace(tenant), values["files"]["storageClass"]
        path = self.volumes / name
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        size, modes = {"storage": values["files"]["size"]}, ["ReadWriteMany"]
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
        return [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "accessModes": modes,
                    "capacity": size,
                    "storageClassName": classed,
                    "persistentVolumeReclaimPolicy": "Retain",
                    "local": {"path": str(path)},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
                    "claimRef": {"namespace": space, "name": "odoo-files"},
                },
            },
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "odoo-files", "namespace": space, "labels": values["labels"]},
                "spec": {
                    "accessModes": modes,
                    "storageClassName": classed,
                    "volumeName": name,
                    "resources": {"requests": size},
                },
            },
        ]


def _of_a_shop(manifest: dict[str, Any]) -> bool:
    """Tell whether it is one of the jobs of a tenant, which have programs that speak to an Odoo."""
    return manifest["kind"] == "CronJob" and manifest["metadata"]["namespace"].startswith("t-")


@dataclass
class Stage:
    """Everything that a release on the node needs."""

    project: Project
    node: Node
    platform: Cell
    delivery: Delivery
    good: str
    bad: str

    def pods(self, tenant: str, component: str = "web") -> list[dict[str, Any]]:
        found = self.platform.pods(tenant_namespace(tenant))
        name = "app.kubernetes.io/component"
        return [each for each in found if each["metadata"]["labels"].get(name) == component]

    def ready_images(self, tenant: str) -> set[str]:
        """Return the images of the web pods that are ready and not about to end."""
        return {
            each["spec"]["containers"][0]["image"]
            for each in self.pods(tenant)
            if not each["metadata"].get("deletionTimestamp")
            and any(
                one["type"] == "Ready" and one["status"] == "True"
                for one in each["status"].get("conditions", [])
            )
        }

    def stop(self) -> None:
        with suppress(Exception):
            self.node.stop()
        control.stop(self.project.state)
        self.project.stop()


def begin(folder: Path, progress: Progress) -> Stage:
    """Start everything up to a good release that both tenants run. What was started is ended where it fails."""
    project = copy(folder, (CANARY, NEXT))
    project.state.root.mkdir(exist_ok=True)
    own = node(project.state)
    try:
        return _begun(project, own, progress)
    except BaseException:
        own.stop()
        control.stop(project.state)
        project.stop()
        raise


def _begun(project: Project, own: Node, progress: Progress) -> Stage:
    wanted = {image.name: image for image in (table.CNPG, table.EDGE, *IN_PLACE.values(), FAILING)}
    made: list[images.Built] = []
    for image in wanted.values():
        with progress.step(f"image {image.name}"):
            made.append(images.build(image, progress))
    known = references(made)
    _simplify(project.root / "stacks" / "Pulumi.local.yaml")
    good, bad = known[table.STAND_IN.name], known[FAILING.name]
    _release(project.root, good)
    fleet = load_fleet(project.root, "local")
    released_images(fleet)  # whatever is wrong is said before anything is started
    api = _control_plane(project, progress)
    own.start(progress)
    with progress.step("images into the node"):
        own.load(*made)
    platform = Cell(api, known, project.root, instances=1, fleet=fleet, volumes=own.place.volumes)
    with progress.step("CloudNativePG's operator"):
        platform.operator()
    delivery = Delivery(project, fleet, api)
    delivery.git("init", "--quiet", "--initial-branch", "main")
    delivery.point([CANARY, NEXT], BASE)
    delivery.commit("The examples")
    prepare(fleet, api)
    with progress.step("the plan of the environment"):
        platform.put()
    argocd.start(project.state, ensure(progress), progress)
    with progress.step("both tenants by Argo CD"):
        eventually("the first delivery", lambda: not delivery.unwell())
        platform.guard()
    return Stage(project, own, platform, delivery, good, bad)


def _control_plane(project: Project, progress: Progress) -> Any:
    from tests.node.conftest import begin as start  # noqa: PLC0415 - the folder's own

    return start(project.state, progress)


def _simplify(file: Path) -> None:
    """Leave out of the environment's file what this node has not got."""
    document = yaml.safe_load(file.read_text())
    environment = document["config"]["storefleet:environment"]
    for name in ("object_store", "recovery"):
        environment.pop(name, None)
    environment["cells"] = {CELL: environment["cells"][CELL]}
    environment["cluster_networks"] = ["10.0.0.0/8", "198.18.0.0/15"]
    file.write_text(yaml.safe_dump(document, sort_keys=False))


def _release(root: Path, image: str) -> None:
    """Let the first release be the stand-in's, and its tenants fit the node."""
    file = root / manifest_file(BASE)
    file.write_text(re.sub(r"\S+@sha256:[0-9a-f]{64}", image, file.read_text()))
    for name in (CANARY, NEXT):
        path = root / "gitops" / "values" / "local" / BASE / f"{name}.yaml"
        values = yaml.safe_load(path.read_text())
        values["release"] |= {"image": image, "tools": image}
        values |= {"nodeSelector": dict(HERE["nodeSelector"]), "tolerations": list(HERE["tolerations"])}
        values["cache"] = CacheValues(host=cache_host(CELL), tls=False).model_dump(mode="json")
        for process in ("web", "websocket", "cron", "jobs"):
            if process in values:
                values[process] |= {"replicas": 1, "resources": _SMALL}
                values[process].pop("scaling", None)
        path.write_text(yaml.safe_dump(values, sort_keys=False))
    for path in (root / "gitops" / "values" / "local" / BASE).glob("*.yaml"):
        if path.stem not in {CANARY, NEXT}:
            path.unlink()
    for path in (root / "gitops" / "environments" / "local").rglob("*.yaml"):
        path.unlink()
