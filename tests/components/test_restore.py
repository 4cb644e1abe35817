"""A restore in the cluster: who may what, for how long, and what is told to whom."""

from __future__ import annotations

import json

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from components.database.access import HBA
from components.recovery.by_hand import started_by_hand
from components.recovery.jobs import BACKUP
from components.recovery.restore import RESTORE, object_name, plan_restore
from components.recovery.tenants import plan_tenant_backups
from recovery.store.keys import is_id
from spec import labels
from spec.naming import RESTORE_ROLE
from tests.components import aws_samples, samples
from tests.components.golden import as_yaml, check_golden

pytestmark = pytest.mark.unit
ID = "20261126T185211Z-c76cc7"
TENANT = "solvane-ghent"


def planned(environment=None, **changes):
    environment = environment or samples.environment(recovery=samples.RECOVERY)
    return {
        each.key: each.manifest for each in plan_restore(samples.tenant("acme", **changes), environment, ID)
    }


def of_backup():
    environment = samples.environment(recovery=samples.RECOVERY)
    objects = plan_tenant_backups(samples.tenant("acme"), environment)
    return next(each.manifest for each in objects if each.key == BACKUP)


def told(job):
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


@pytest.mark.golden
def test_what_restores_a_tenant_is_on_file():
    objects = plan_restore(samples.tenant("acme"), aws_samples.environment(), ID)
    check_golden("restore.yaml", as_yaml(objects), "somebody who restores in a hurry gets something else.")


def test_a_restore_has_a_superuser_without_a_password_that_goes_with_its_object():
    role = planned()["restore-role"]["spec"]
    assert role["superuser"] is True, "pg_amcheck and the swap are a superuser's"
    assert role["databaseRoleReclaimPolicy"] == "delete", "the role would outlive the restore"
    assert "passwordSecret" not in role
    assert role["clientCertificate"] == {"enabled": True}
    rules = [rule for rule in HBA if RESTORE_ROLE in rule]
    assert rules == [f"hostssl all {RESTORE_ROLE} all cert"]
    assert HBA.index(rules[0]) < HBA.index("hostssl postgres all all scram-sha-256"), "the first rule counts"


def test_the_pod_of_a_restore_writes_the_files_and_proves_who_the_server_is():
    job = planned()["restore"]
    pod = job["spec"]["template"]["spec"]
    claims = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert claims == [{"claimName": "odoo-files"}]
    variables = told(job)
    assert variables["PGSSLMODE"] == "verify-full", "tenants' data would go to whoever answers"
    assert variables["STOREFLEET_DATABASE"] == f"host=postgres-rw.cell-shared.svc user={RESTORE_ROLE}"
    assert "STOREFLEET_RECIPIENTS" not in variables
    assert "AGE-SECRET-KEY" not in json.dumps(job)


def test_only_the_pod_of_a_restore_is_let_out_to_the_store_by_its_policy():
    objects = planned()
    selected = objects["restore-out"]["spec"]["podSelector"]["matchLabels"]
    assert selected == {labels.JOB: RESTORE}
    assert selected.items() <= objects["restore"]["spec"]["template"]["metadata"]["labels"].items()


def test_in_aws_a_tenants_identity_writes_no_evidence_so_that_none_is_asked_of_it():
    assert "STOREFLEET_EVIDENCE" in told(planned()["restore"])
    assert "STOREFLEET_EVIDENCE" not in told(planned(aws_samples.environment())["restore"])


def test_where_nothing_is_backed_up_there_is_nothing_to_restore_from():
    assert planned(samples.environment()) == {}


def test_a_job_is_named_after_what_it_restores_in_letters_that_a_name_may_have():
    assert is_id(ID)
    assert object_name(RESTORE, ID) == "restore-20261126t185211z-c76cc7"
    assert object_name("checkpoint", "2026.11_rc") == "checkpoint-2026.11-rc"
    assert len(object_name(RESTORE, "x" * 80)) <= 63


def test_a_cronjob_started_by_hand_is_its_own_run_and_one_that_does_something_else_is_not():
    cronjob = {**of_backup(), "metadata": {**of_backup()["metadata"], "uid": "of-the-cronjob"}}
    own = started_by_hand(cronjob, "backup-first")
    assert own["metadata"]["ownerReferences"][0]["uid"] == "of-the-cronjob"
    assert own["spec"] == cronjob["spec"]["jobTemplate"]["spec"]
    other = started_by_hand(cronjob, "checkpoint", ["checkpoint", "take", "acme", "--release", "1"])
    assert "ownerReferences" not in other["metadata"], "the alerts would take a checkpoint for a backup"
    (container,) = other["spec"]["template"]["spec"]["containers"]
    assert container["args"][0] == "checkpoint"
    (before,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert before["args"][0] == "backup", "the CronJob itself was changed"


def run(*arguments, code=0):
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def test_the_command_prints_the_objects_and_beside_them_every_step_and_what_to_take_away_again():
    done = run("restore", "job", TENANT, "--from", ID, "--env", "production")
    kinds = [each["kind"] for each in yaml.safe_load_all(done.stdout)]
    assert kinds == ["DatabaseRole", "NetworkPolicy", "Job"]
    for step in ("--replicas=0", "create secret generic restore", "delete databaserole restore"):
        assert step in done.stderr


def test_the_command_prints_a_checkpoints_job():
    done = run("checkpoint", "job", TENANT, "--release", "2026.11.1", "--env", "production")
    (job,) = yaml.safe_load_all(done.stdout)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["checkpoint", "take", TENANT, "--release", "2026.11.1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["restore", "job", "solvane-ghen", "--from", ID], "did you mean solvane-ghent?"),
        (["checkpoint", "job", TENANT, "--release", "A b"], "--release"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(arguments, said):
    assert said in " ".join(run(*arguments, code=2).output.split())
