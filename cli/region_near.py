"""The steps of a rebuild in another embedded environment: its node, its engine, and restores as jobs in its cluster."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.recovery_settings import IDENTITY, Settings
from cli.up import Refused, apply
from components.cluster.placing import object_on_node
from components.extensions.files import CLAIM
from components.recovery.jobs import IDENTITY_KEY
from components.recovery.restore import AUTHORITY, CERTIFICATE, RESTORE, plan_restore
from local.kube import ApiError, KubeApi
from local.node.known import file_beside, known
from local.state import state
from local.trouble import EnvironmentTrouble
from recovery.catalogue import LATEST
from recovery.region.run import RebuildStopped
from spec.naming import cell_namespace, tenant_namespace
from spec.problems import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.manifests import KubeObject
    from local.progress import Progress, Step
    from recovery.region.plan import RegionPlan
    from recovery.region.plan import Step as Planned
    from spec.fleet import Fleet
    from spec.tenant import TenantSpec

_SECONDS: Final = 900.0
"""Longest that one thing of one tenant is waited for."""
_TICK: Final = 0.5
PROCESSES: Final = ("odoo", "odoo-websocket", "odoo-cron")
"""The processes of a tenant that always run, as its chart calls their Deployments."""
JOBS: Final = "odoo-jobs"
"""The one that runs while there is something to do: whoever scales it starts it again."""


@dataclass(frozen=True)
class Near:
    """Takes over on this machine; every step can be done again."""

    fleet: Fleet
    progress: Progress

    @cached_property
    def _api(self) -> KubeApi:
        return KubeApi(state().kubeconfig)

    def perform(self, plan: RegionPlan, step: Planned) -> str:
        """Do a step; raises RebuildStopped where it cannot be done."""
        steps: dict[str, Callable[[RegionPlan], str]] = {
            "outside": self._outside,
            "create": self._create,
            "restore": self._restore,
            "verify": self._verify,
        }
        try:
            return steps[step.key](plan)
        except (EnvironmentTrouble, Refused, SpecError) as error:
            raise RebuildStopped(str(error)) from error
        except ApiError as error:
            raise RebuildStopped(f"the environment's API server refused: {error}") from error

    def _outside(self, plan: RegionPlan) -> str:
        Settings().identity()
        return "the key is there. For a person to see: " + ", ".join(
            need.what for need in plan.needs if need.key != "identity"
        )

    def _create(self, plan: RegionPlan) -> str:
        applied = apply(self.progress)
        return f"{applied.resources} resources stand, and the pods of {len(plan.cells)} cells are ready"

    def _restore(self, plan: RegionPlan) -> str:
        told: list[str] = []
        for name in plan.tenants:
            with self.progress.step(f"restore of {name}") as step:
                step.result = self._restored(self.fleet.tenant(name), step)
                told.append(f"{name}: {step.result}")
        return "; ".join(told)

    def _verify(self, plan: RegionPlan) -> str:
        for name in plan.tenants:
            with self.progress.step(f"processes of {name}") as step:
                for process in PROCESSES:
                    path = self._deployment(name, process)
                    self._until(step, f"{process} to be ready", lambda path=path: self._ready(path), name)
        return f"every process of {len(plan.tenants)} tenants is ready"

    def _restored(self, tenant: TenantSpec, step: Step) -> str:
        home, cell, name = tenant_namespace(tenant.id), cell_namespace(tenant.cell), tenant.id
        self._until(step, "its volume and processes by the delivery", lambda: self._delivered(name), name)
        objects = plan_restore(tenant, self.fleet.environment, LATEST)
        job = self._api.path(objects[-1].manifest)
        if self._ended(job) != "Complete":
            self._scale(name, 0, JOBS)
            self._until(step, "the end of its processes", lambda: self._stopped(name), name)
            if self._ended(job):
                self._api.delete(job)  # one that failed says so for a day, and runs no more
                self._until(step, "the end of the job that failed", lambda: self._api.get(job) is None, name)
            try:
                self._run(objects, job, cell, step, name)
            finally:
                # Nobody keeps a superuser and a private key for longer than it takes.
                self._api.delete(f"/apis/postgresql.cnpg.io/v1/namespaces/{cell}/databaseroles/{RESTORE}")
                self._api.delete(f"/api/v1/namespaces/{home}/secrets/{RESTORE}")
        self._scale(name, 1)
        return "restored from its newest backup"

    def _run(self, objects: tuple[KubeObject, ...], job: str, cell: str, step: Step, name: str) -> None:
        """Run the restore of a tenant to its end; raises RebuildStopped where it fails."""
        home = tenant_namespace(name)
        images = known(file_beside(state().kubeconfig))
        for each in objects:
            self._api.apply(object_on_node(each, images).manifest)
        held = self._until(step, "the certificate of the restore", lambda: self._held(cell), name)
        self._api.apply(_secret(home, {**held, IDENTITY_KEY: self._key()}))
        ended = self._until(step, "the end of the restore's job", lambda: self._ended(job), name)
        if ended != "Complete":
            raise RebuildStopped(f"the restore of {name} failed:\n{self._words(home)}")

    def _key(self) -> str:
        return Path(Settings().text(IDENTITY)).read_text(encoding="utf-8")

    def _deployment(self, tenant: str, process: str) -> str:
        return f"/apis/apps/v1/namespaces/{tenant_namespace(tenant)}/deployments/{process}"

    def _delivered(self, tenant: str) -> bool:
        home = tenant_namespace(tenant)
        paths = [f"/api/v1/namespaces/{home}/persistentvolumeclaims/{CLAIM}"]
        paths += [self._deployment(tenant, each) for each in (*PROCESSES, JOBS)]
        return all(self._api.get(path) is not None for path in paths)

    def _scale(self, tenant: str, pods: int, *more: str) -> None:
        """Stop processes, or start one pod of each: how many there are then is the delivery's."""
        for process in (*PROCESSES, *more):
            self._api.merge(self._deployment(tenant, process), {"spec": {"replicas": pods}})

    def _stopped(self, tenant: str) -> bool:
        return not any(
            (self._api.get(self._deployment(tenant, each)) or {}).get("status", {}).get("replicas")
            for each in (*PROCESSES, JOBS)
        )

    def _ready(self, path: str) -> bool:
        found = self._api.get(path) or {}
        status: dict[str, Any] = found.get("status", {})
        seen = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
        return bool(seen and status.get("readyReplicas"))

    def _held(self, cell: str) -> dict[str, str] | None:
        """Return the role's certificate and the authority of the cell, once the operator has made them."""
        found: dict[str, str] = {}
        for name, fields in ((AUTHORITY, ("ca.crt",)), (CERTIFICATE, ("tls.crt", "tls.key"))):
            secret = self._api.get(f"/api/v1/namespaces/{cell}/secrets/{name}")
            if secret is None:
                return None
            found |= {each: base64.b64decode(secret["data"][each]).decode() for each in fields}
        return found

    def _ended(self, path: str) -> str:
        """Return Complete or Failed; empty for a job that runs, or is not there."""
        status: dict[str, Any] = (self._api.get(path) or {}).get("status", {})
        ended = [each["type"] for each in status.get("conditions", []) if each["status"] == "True"]
        return next((each for each in ended if each in {"Complete", "Failed"}), "")

    def _words(self, namespace: str) -> str:
        events = self._api.items(f"/api/v1/namespaces/{namespace}/events")
        return "\n".join(f"  {each['involvedObject']['name']}: {each.get('message')}" for each in events[-8:])

    def _until(self, step: Step, what: str, found: Callable[[], Any], tenant: str) -> Any:  # noqa: ANN401 - whatever is found
        """Return the first true answer; raises RebuildStopped with the last events of the tenant when there is none."""
        step.note = f"waiting for {what}"
        deadline, trouble = time.monotonic() + _SECONDS, ""
        while time.monotonic() < deadline:
            try:
                if there := found():
                    return there
            except ApiError as error:
                if error.status:
                    raise
                trouble = f" ({error})"
            time.sleep(_TICK)
        words = self._words(tenant_namespace(tenant))
        raise RebuildStopped(f"{tenant}: no sign of {what} within {_SECONDS:.0f} s{trouble}\n{words}")


def _secret(namespace: str, held: dict[str, str]) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in held.items()}
    metadata = {"name": RESTORE, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
