"""The jobs in the cluster keep the platform's own rules, and each has what it needs and no more."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from components.identity.plan import BACKUP_ACCOUNT
from components.secrets.plan import TENANT_PREFIX, plan_secrets
from recovery.jobs.plan import JobsArgs, plan_backup_job, plan_drill_job
from spec.fleet import load_fleet
from spec.vocabulary import EnvironmentName, TenantState
from tests.workload.rendering import golden

pytestmark = pytest.mark.unit

ARGS = JobsArgs(
    image=f"registry.example/storefleet/recovery@sha256:{'a' * 64}",
    store="https://s3.eu-central-1.amazonaws.com",
    backups="storefleet-production-backups",
    evidence="storefleet-production-evidence",
    recipients=("age1one", "age1two"),
)


@cache
def fleet():
    return load_fleet(Path(__file__).parents[2], EnvironmentName.PRODUCTION)


def jobs():
    environment = fleet().environment
    for tenant in fleet().tenants:
        yield plan_backup_job(tenant, environment.name, ARGS, host="cell-rw.cell-a.svc")
    for cell_id, cell in environment.cells.items():
        yield plan_drill_job(cell_id, cell, fleet().tenants, environment.name, ARGS)


def test_every_pod_is_restricted_bounded_and_pinned():
    seen = 0
    for job in filter(None, jobs()):
        spec = job.manifest["spec"]["jobTemplate"]["spec"]
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "@sha256:" in container["image"]
        assert set(container["resources"]) == {"requests", "limits"}
        assert spec["activeDeadlineSeconds"] > 0
        assert job.manifest["spec"]["concurrencyPolicy"] == "Forbid"
        assert len(job.meta.name) <= 52, "a CronJob's name leaves room for those of its jobs"
        seen += 1
    assert seen > 40


def test_no_job_is_told_a_secret_and_no_backup_job_has_a_private_key():
    for job in filter(None, jobs()):
        text = json.dumps(job.manifest)
        assert "AGE-SECRET-KEY" not in text
        if job.key == "backup":
            assert "STOREFLEET_IDENTITY" not in text
            assert '"claimName": "odoo-files", "readOnly": true' in text


def test_a_backup_mounts_and_reads_what_the_chart_of_a_tenant_makes():
    rendered = golden("shared")
    claims = {one["metadata"]["name"] for one in rendered if one["kind"] == "PersistentVolumeClaim"}
    (external,) = [one for one in rendered if one["kind"] == "ExternalSecret"]
    environment = fleet().environment
    made = plan_secrets(environment, environment.aws, fleet().tenants).secrets
    fields = {field for secret in made if secret.name.startswith(TENANT_PREFIX) for field in secret.fields}
    tenant = fleet().tenants[0]
    job = plan_backup_job(tenant, environment.name, ARGS, host="cell-rw.cell-a.svc")
    pod = job.manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (files,) = [one for one in pod["volumes"] if one["name"] == "filestore"]
    assert files["persistentVolumeClaim"]["claimName"] in claims, (
        "the pod would wait for a volume of another name"
    )
    (password,) = [one for one in pod["containers"][0]["env"] if one["name"] == "PGPASSWORD"]
    reference = password["valueFrom"]["secretKeyRef"]
    assert reference["name"] == external["spec"]["target"]["name"], (
        "the pod would wait for a Secret that nobody makes"
    )
    assert reference["key"] in fields
    assert pod["serviceAccountName"] == BACKUP_ACCOUNT, "the role of backups is given to another account"


def test_the_backups_of_a_cell_do_not_all_begin_at_once():
    schedules = {job.manifest["spec"]["schedule"] for job in filter(None, jobs()) if job.key == "backup"}
    assert len(schedules) > 30


def test_a_tenant_whose_data_are_at_rest_has_no_job():
    tenant = fleet().tenants[0].model_copy(update={"state": TenantState.ARCHIVED})
    assert plan_backup_job(tenant, EnvironmentName.PRODUCTION, ARGS, host="x") is None
