"""A tenant leaves by its states, on the real engine and API server; a slip on the way removes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cli.engine.run import run
from local.progress import Step
from spec import labels
from spec.fleet import current_day

if TYPE_CHECKING:
    from tests.integration.project import Project

pytestmark = pytest.mark.integration

TENANT = "solvane-lyon"
NAMESPACE = f"/api/v1/namespaces/t-{TENANT}"
VOLUME = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "files", "namespace": f"t-{TENANT}"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "storefleet-files",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}

REPLACEABLE = {
    "AppProject",
    "CronJob",
    "ExternalSecret",
    "LimitRange",
    "NetworkPolicy",
    "Probe",
    "ResourceQuota",
    "RoleBinding",
    "ServiceAccount",
}
"""What a tenant's files say whole: an `up` makes it anew."""


DATABASE = f"/apis/postgresql.cnpg.io/v1/namespaces/cell-eu-1/databases/t-{TENANT}"


def dropped_with(project: Project) -> str | None:
    """Return what happens to the database when its object goes; None when the object is not there."""
    found = project.api.get(DATABASE)
    return found["spec"]["databaseReclaimPolicy"] if found else None


def state_of(project: Project) -> str | None:
    found = project.api.get(NAMESPACE)
    return found["metadata"]["labels"][labels.STATE] if found else None


def test_a_tenant_leaves_step_by_step_and_its_data_stay_until_the_last(fresh: Project):
    file = fresh.root / "tenants" / f"{TENANT}.yaml"
    active = file.read_text(encoding="utf-8")
    today = current_day()
    backup = (
        f"final_backup:\n  at: {today - timedelta(days=30)}\n  digest: sha256:{'0' * 64}\n"
        "  verified_by: ops@solvane.example\n"
    )
    fresh.run("up")
    fresh.api.apply(VOLUME)
    others = _others(fresh)

    file.unlink()
    _refused_before_anything(fresh, "is missing, but the tenant exists in local (cell eu-1, active)")

    def apply(text: str) -> str:
        file.write_text(active + text, encoding="utf-8")
        return fresh.run("up")

    file.write_text(f"{active}\nstate: archived\n{backup}", encoding="utf-8")
    _refused_before_anything(fresh, "does not follow from active")

    apply("\nstate: suspended\n")
    assert state_of(fresh) == "suspended"
    assert dropped_with(fresh) == "retain"
    assert fresh.api.get(f"{NAMESPACE}/resourcequotas/tenant")["spec"]["hard"]["pods"] == "1"

    apply(f"\nstate: archived\n{backup}")
    assert state_of(fresh) == "archived"
    assert dropped_with(fresh) == "retain"
    assert fresh.api.get(f"{NAMESPACE}/persistentvolumeclaims/files"), "archiving must not touch the data"

    yesterday = today - timedelta(days=1)
    file.write_text(
        f"{active}\nstate: purged\n{backup.replace(str(today - timedelta(days=30)), '2026-01-01')}"
        f"purge: {TENANT} {yesterday}\n",
        encoding="utf-8",
    )
    _refused_before_anything(fresh, "does not name today")

    confirmed = f"\nstate: purged\n{backup}purge: {TENANT} {today}\n"
    apply(confirmed)
    assert state_of(fresh) == "purged"
    assert dropped_with(fresh) == "delete", "the object would go and the data would stay"
    assert fresh.api.get(f"{NAMESPACE}/persistentvolumeclaims/files"), (
        "the first step must not touch the data"
    )

    apply(confirmed)
    assert state_of(fresh) is None, "something of the tenant is left"
    assert dropped_with(fresh) is None, "the operator would not drop the database"
    found = fresh.inventory()
    assert not found.orphans
    assert not found.missing
    assert not [item for item in found.state if TENANT in str(item)], "the state still names the tenant"
    assert _others(fresh) == others, "another tenant was touched"
    assert "Nothing to change" in apply(confirmed), "the file of a purged tenant brings it back"


def test_the_engine_itself_refuses_to_delete_a_tenant_that_is_not_purged(project: Project):
    before = project.inventory().cluster
    engine = project.engine()
    component = f"**t-{TENANT}**"
    arguments = [
        "destroy",
        "--yes",
        "--skip-preview",
        "-s",
        "local",
        "--target",
        component,
        "--target-dependents",
    ]
    outcome = run(engine, project.state, arguments, Step("destroy"), cwd=project.root)
    assert outcome.status != 0
    assert "protected" in outcome.log.read_text(), "the last line of defence is down"
    assert state_of(project) == "active"
    # Until it meets what is protected, the engine deletes what is not: rules that the files bring back.
    removed = {item.kind for item in before - project.inventory().cluster}
    assert removed <= REPLACEABLE, f"a slip deletes what no file brings back: {removed - REPLACEABLE}"
    project.run("up")
    found = project.inventory()
    assert found.cluster == before, "an up after a slip does not bring back what it cost"
    assert not found.missing
    assert not found.orphans


def _others(project: Project) -> dict[str, str]:
    """Return the versions of all namespaces of tenants but this one."""
    listed = project.api.items("/api/v1/namespaces", labelSelector=f"{labels.ROLE}={labels.ROLE_TENANT}")
    return {
        each["metadata"]["name"]: each["metadata"]["resourceVersion"]
        for each in listed
        if each["metadata"]["name"] != f"t-{TENANT}"
    }


def _refused_before_anything(project: Project, said: str) -> None:
    """See that both ways to apply refuse, with the same words, and register nothing."""
    before = sorted((project.state.engine / "runs").iterdir())
    assert said in project.run("up", status=2)
    assert sorted((project.state.engine / "runs").iterdir()) == before, "the engine was started all the same"
    outcome = run(
        project.engine(),
        project.state,
        ["up", "--yes", "--skip-preview", "-s", "local"],
        Step("up"),
        cwd=project.root,
    )
    assert outcome.status != 0
    assert said in outcome.log.read_text()
    assert not outcome.report.changes, "plain pulumi registered something first"
