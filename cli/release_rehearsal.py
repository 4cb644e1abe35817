"""The rehearsal of a release: a Job of the release's own chart, started before any pointer names that release.

What Argo CD applies follows the pointer, so it cannot bring the step that is taken before the pointer moves. The Job
runs on a copy that somebody made: a database and a role of the copy's name, and a Secret with the copy's own password.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from components.workload.plan import Step, plan_workload
from components.workload.processes import task_resources
from components.workload.values import RehearsalValues
from local.toolchain.build import ensure
from local.toolchain.catalog import HELM, KUBERNETES_VERSION
from local.trouble import EnvironmentTrouble
from release.bundle import chart_folder, release_values
from spec.naming import bounded, tenant_namespace
from spec.releases import load_release

if TYPE_CHECKING:
    from local.kube import KubeApi
    from local.progress import Progress
    from spec.fleet import Fleet

SECRET: Final = "odoo-rehearsal"  # noqa: S105 - the name of a Secret
"""The Secret with the copy's own password, in the tenant's namespace."""
DEADLINE: Final = 7200
"""Seconds after which a rehearsal is ended: longer than any maintenance window."""
_RENDER_SECONDS: Final = 120
_TEMPLATE: Final = "templates/rehearsal.yaml"


def copy_of(tenant: str) -> str:
    """Return the name of the database, and of its role, that a tenant's rehearsals run on."""
    return bounded(f"{tenant}-rehearsal")


def start_rehearsal(api: KubeApi, fleet: Fleet, tenant: str, version: str, progress: Progress) -> str:
    """Start the rehearsal of a release on a tenant's copy, and return the name of its Job.

    Raises:
        SpecError: there is no such release, or its manifest lacks an image.
        EnvironmentTrouble: there is no copy, no chart, or nothing of the tenant that could be rehearsed.

    """
    namespace = tenant_namespace(tenant)
    if api.get(f"/api/v1/namespaces/{namespace}/secrets/{SECRET}") is None:
        raise EnvironmentTrouble(
            f"there is no copy of {tenant} to rehearse {version} on: the Secret {SECRET} in {namespace} is missing. "
            f"Load a backup of it into a database {copy_of(tenant)} that a role of that name owns, and put the role's "
            f"password into the Secret: kubectl -n {namespace} create secret generic {SECRET} "
            "--from-literal=database-password=..."
        )
    job = rendered_rehearsal(fleet, tenant, version, progress)
    api.apply(job)
    return str(job["metadata"]["name"])


def rendered_rehearsal(fleet: Fleet, tenant: str, version: str, progress: Progress) -> dict[str, Any]:
    """Return the Job, as the chart of the release has it.

    Raises:
        SpecError: there is no such release, or its manifest lacks an image.
        EnvironmentTrouble: there is no chart, or nothing of the tenant that could be rehearsed.

    """
    chart = fleet.root / chart_folder(version)
    if not chart.is_dir():
        raise EnvironmentTrouble(
            f"{version} has no chart in {chart_folder(version)}: storefleet release bundle {version} --env "
            f"{fleet.environment.name} writes it"
        )
    release = release_values(load_release(fleet.root, version).manifest)
    step = Step(
        rehearsal=RehearsalValues(
            database=copy_of(tenant), secret=SECRET, deadline_seconds=DEADLINE, resources=task_resources()
        )
    )
    plan = plan_workload(fleet.tenant(tenant), fleet.environment, release, today=fleet.day, step=step)
    if plan is None or plan.values.rehearsal is None:
        raise EnvironmentTrouble(f"nothing of {tenant} runs, so there is nothing to rehearse {version} on")
    (job,) = [each for each in yaml.safe_load_all(_render(chart, plan.values.document(), progress)) if each]
    job["metadata"].setdefault("namespace", tenant_namespace(tenant))
    return job


def _render(chart: Path, values: dict[str, Any], progress: Progress) -> str:
    helm = ensure(progress, [HELM])[HELM.name]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.yaml"
        file.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        command = [str(helm), "template", "odoo", str(chart), "--values", str(file), "--show-only", _TEMPLATE]
        done = subprocess.run(  # noqa: S603 - the pinned Helm
            [*command, "--kube-version", KUBERNETES_VERSION],
            capture_output=True,
            text=True,
            check=False,
            timeout=_RENDER_SECONDS,
        )
    if done.returncode:
        raise EnvironmentTrouble(f"the chart of the release cannot be rendered: {done.stderr.strip()[-600:]}")
    return done.stdout
