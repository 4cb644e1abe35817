"""A repository, a control plane and Argo CD of the tests' own, with what the plans say applied without the engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.delivery import prepare
from components.admission.known import image_list, known_images
from components.delivery.plan import values_file
from components.plan import plan_environment
from local.controlplane import control as controlplane
from local.delivery import control
from local.kube import ApiError
from local.progress import Progress
from local.toolchain.build import ensure
from release.bundle import chart_folder
from release.facts import released_images
from release.pointers import pointer_file, pointer_for
from spec.fleet import load_fleet
from spec.naming import tenant_namespace
from spec.releases import manifest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from local.kube import KubeApi
    from release.windows import Exemption
    from spec.fleet import Fleet
    from tests.integration.project import Project

SECONDS = 900.0
"""Longest that anything is waited for, a busy machine included."""
_TICK = 1.0
_WORKERS = 8
BASE = "18.0.1"

Object = dict[str, Any]
COLLECTIONS = (
    "/api/v1/configmaps",
    "/api/v1/services",
    "/api/v1/persistentvolumeclaims",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/cert-manager.io/v1/certificates",
    "/apis/traefik.io/v1alpha1/ingressroutes",
    "/apis/traefik.io/v1alpha1/middlewares",
)
"""What a tenant's workload consists of, as far as it is compared."""


def eventually(what: str, found: Callable[[], object], seconds: float = SECONDS) -> float:
    """Wait until something is so, and return after how many seconds; `found` returns what is still missing."""
    begun, missing = time.monotonic(), _asked(found)
    while missing:
        assert time.monotonic() - begun < seconds, f"{what} did not come about; still: {missing}"
        time.sleep(_TICK)
        missing = _asked(found)
    return time.monotonic() - begun


def _asked(found: Callable[[], object]) -> object:
    """Ask, and count a server that a busy machine left no time to answer as something that is missing."""
    try:
        return found()
    except ApiError as error:
        if error.status:
            raise
        return str(error)


@dataclass
class Delivery:
    """The delivery of one fleet from a repository of its own."""

    project: Project
    fleet: Fleet
    api: KubeApi
    pointers: dict[str, str] = field(default_factory=dict)
    """Which release each tenant's pointer names."""

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@storefleet.example"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.project.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all", ".")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def release(self, version: str, change: Callable[[str], str] = str, *, told: bool = True) -> None:
        """Add a release like the first one, and tell the cluster of its images as applying the platform does.

        `change` is made in the manifest, and in each tenant's values after the version's. If not `told`, the manifest
        says nothing of the change.
        """
        root, environment = self.project.root, self.fleet.environment.name.value
        shutil.copytree(root / chart_folder(BASE), root / chart_folder(version))
        written = (root / manifest_file(BASE)).read_text()
        (root / manifest_file(version)).write_text(change(written) if told else written)
        _applied(self.api, _image_list(self.fleet))
        for tenant in self.fleet.tenants:
            text = (root / values_file(environment, BASE, tenant.id)).read_text()
            target = root / values_file(environment, version, tenant.id)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(change(text.replace(f"version: {BASE}", f"version: {version}")))

    def point(self, tenants: Iterable[str], version: str, attempt: int = 1) -> None:
        """Write the pointers of some tenants, without a commit."""
        environment = self.fleet.environment.name.value
        for name in tenants:
            pointer = pointer_for(self.fleet.tenant(name), version, attempt)
            file = self.project.root / pointer_file(environment, pointer.cell, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(pointer.text)
            self.pointers[name] = version

    def ring(self, number: int) -> list[str]:
        return [tenant.id for tenant in self.fleet.tenants if int(tenant.ring) == number]

    def applications(self) -> dict[str, Object]:
        items = self.api.items(control.APPLICATIONS)
        return {each["metadata"]["labels"]["storefleet.dev/tenant"]: each for each in items}

    def unwell(self, tenants: Collection[str] | None = None) -> str:
        """Return which tenants are not where their pointer says, or not healthy there; nothing when all are."""
        there = {each.tenant: each for each in control.applications(self.api)}
        wrong = [
            f"{name} ({there[name].release} {there[name].sync} {there[name].health} {there[name].message})"
            if name in there
            else f"{name} (no Application)"
            for name in (self.pointers if tenants is None else tenants)
            if name not in there or not there[name].well or there[name].release != self.pointers[name]
        ]
        return f"{len(wrong)}: {', '.join(wrong[:3])}" if wrong else ""

    def snapshot(self, tenants: Iterable[str]) -> dict[str, str]:
        """Return what must not change where nothing is moved: what objects say, and what Argo CD did when."""
        wanted = list(tenants)
        spaces = {tenant_namespace(name) for name in wanted}
        seen = self.said(wanted)
        for name, each in self.applications().items():
            if tenant_namespace(name) in spaces:
                done = each["status"].get("operationState", {})
                revisions = [one["revision"] for one in each["status"].get("history", [])]
                facts = (
                    each["spec"],
                    done.get("finishedAt"),
                    done.get("syncResult", {}).get("revision"),
                    revisions,
                )
                seen[f"Application {name}"] = str(facts)
        return seen

    def said(self, tenants: Iterable[str]) -> dict[str, str]:
        """Return what each object of some tenants says.

        Not its version: that of a Deployment moves as well when the last of its old pods has ended.
        """
        spaces = {tenant_namespace(name) for name in tenants}
        return {
            f"{path} {each['metadata']['namespace']}/{each['metadata']['name']}": _said(each)
            for path in COLLECTIONS
            for each in self.api.items(path)
            if each["metadata"]["namespace"] in spaces
        }

    def image_of(self, tenant: str) -> str:
        path = f"/apis/apps/v1/namespaces/{tenant_namespace(tenant)}/deployments/odoo"
        found = self.api.get(path)
        assert found is not None, f"{tenant} has no web processes"
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def tell(self, fleet: Fleet, *, exemptions: Sequence[Exemption] = ()) -> None:
        """Bring Argo CD's settings and projects to what the plan of a fleet says."""
        prepare(fleet, self.api)
        plan = plan_environment(fleet, exemptions=exemptions)
        objects = [one.manifest for one in plan.objects() if one.kind == "AppProject"]
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(lambda each: _applied(self.api, each), objects))


def _said(manifest: Object) -> str:
    """Return an object without what is counted in it: its status, its version, and who wrote which field when."""
    meta = {
        key: value
        for key, value in manifest["metadata"].items()
        if key not in {"resourceVersion", "managedFields"}
    }
    rest = {key: value for key, value in manifest.items() if key not in {"metadata", "status"}}
    return json.dumps({**rest, "metadata": meta}, sort_keys=True)


def _applied(api: KubeApi, manifest: Mapping[str, Any]) -> None:
    eventually(f"{manifest['kind']} {manifest['metadata']['name']}", lambda: not api.apply(manifest))


def _image_list(fleet: Fleet) -> Mapping[str, Any]:
    environment = fleet.environment
    return image_list(environment, known_images(environment, released_images(fleet))).manifest


def deliver(project: Project) -> Delivery:
    """Start everything on a copy of the checkout; every tenant points to the first release."""
    progress = Progress()
    fleet = load_fleet(project.root, "local")
    api = controlplane.start(project.state, progress)
    made = Delivery(project, fleet, api)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.point([tenant.id for tenant in fleet.tenants], BASE)
    made.commit("The examples")
    prepare(fleet, api)
    objects = list(plan_environment(fleet, released=released_images(fleet)).objects())
    first = [one.manifest for one in objects if one.kind in {"Namespace", "PriorityClass"}]
    rest = [one.manifest for one in objects if one.kind not in {"Namespace", "PriorityClass"}]
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(lambda each: _applied(api, each), first))
        list(pool.map(lambda each: _applied(api, each), rest))
    control.start(project.state, ensure(progress), progress)
    return made
