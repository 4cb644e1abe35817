"""The jobs in the cluster keep the platform's own rules, and each has what it needs and no more."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from components.database.backups import backup_place
from components.identity.plan import BACKUP_ACCOUNT, NOBODY, plan_identity
from components.monitoring.routes import alert_routes
from components.plan import plan_environment
from components.recovery.alerts import AGES, ALERTS
from components.recovery.jobs import drill_name
from components.recovery.plan import plan_recovery
from components.recovery.tenants import plan_tenant_backups
from components.secrets.plan import TENANT_PREFIX, plan_secrets
from spec import labels
from spec.fleet import Fleet, load_fleet
from spec.naming import DRILLS
from spec.tiers import TIERS
from tests.components import aws_samples, samples
from tests.components.golden import as_yaml, check_golden
from tests.components.iam_decisions import allows, trusts
from tests.spec.cases import TODAY
from tests.workload.rendering import golden

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
STACKS = ("local", "dev", "staging", "production")
BACKUPS = "arn:aws:s3:::storefleet-production-backups-111122223333-eu-central-1"
EVIDENCE = "arn:aws:s3:::storefleet-production-evidence-111122223333-eu-central-1"


@cache
def fleet(stack="production"):
    return load_fleet(ROOT, stack)


@cache
def objects(stack="production"):
    return of_recovery(fleet(stack).environment, fleet(stack).tenants)


def of_recovery(environment, tenants):
    """Return the objects of drills and of the tenants' backups."""
    drills = plan_recovery(environment, tenants)
    backups = [one for tenant in tenants for one in plan_tenant_backups(tenant, environment)]
    return (*(() if drills is None else drills.objects), *backups)


def jobs(stack="production"):
    return [one for one in objects(stack) if one.kind == "CronJob"]


def pod_of(job):
    return job.manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def of_sample(**changes):
    return of_recovery(samples.environment(recovery=samples.RECOVERY), [samples.tenant(**changes)])


@pytest.mark.golden
def test_what_backs_a_tenant_up_and_drills_its_cell_is_on_file():
    environment = aws_samples.environment()
    planned = of_recovery(environment, [samples.tenant("acme")])
    check_golden("recovery.yaml", as_yaml(planned), "every tenant's backups would be changed.")


@pytest.mark.parametrize("stack", STACKS)
def test_every_tenant_is_backed_up_every_night_and_every_cell_is_drilled_every_week(stack):
    environment, tenants = fleet(stack).environment, fleet(stack).tenants
    planned = {job.meta.namespace: job for job in jobs(stack) if job.meta.namespace != DRILLS}
    assert set(planned) == {f"t-{tenant.id}" for tenant in tenants}, (
        "somebody's data would be in one place alone"
    )
    for job in planned.values():
        assert job.manifest["spec"]["schedule"].endswith(" * * *")
    drills = {job.meta.name: job for job in jobs(stack) if job.meta.namespace == DRILLS}
    inhabited = {tenant.cell for tenant in tenants}
    assert set(drills) == {drill_name(cell) for cell in environment.cells if cell in inhabited}
    for job in drills.values():
        assert job.manifest["spec"]["schedule"].split()[2:] == ["*", "*", "2"]
    told = {pod_of(job)["containers"][0]["args"][2] for job in drills.values()}
    assert told == inhabited, "some cell's backups would never be tried"


def test_a_second_region_that_stands_by_backs_nothing_up_and_one_that_is_on_does():
    dr = fleet("dr")
    assert of_recovery(dr.environment, dr.tenants) == ()
    aws = dr.environment.aws.model_copy(update={"standby": "active"})
    on = of_recovery(dr.environment.model_copy(update={"aws": aws}), dr.tenants)
    assert len([one for one in on if one.kind == "CronJob"]) > 30


def test_every_pod_is_restricted_bounded_and_pinned():
    assert len(jobs()) > 40
    for job in jobs():
        spec = job.manifest["spec"]["jobTemplate"]["spec"]
        pod = pod_of(job)
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


def test_no_job_is_told_a_secret_and_no_backup_job_has_a_private_key():
    for job in jobs():
        text = json.dumps(job.manifest)
        assert "AGE-SECRET-KEY" not in text
        if job.meta.namespace != DRILLS:
            assert "STOREFLEET_IDENTITY" not in text
            assert '"claimName": "odoo-files", "readOnly": true' in text


def test_a_backup_sends_no_tenants_data_to_a_server_that_does_not_know_its_password():
    for job in jobs():
        if job.meta.namespace == DRILLS:
            continue
        told = {each["name"]: each.get("value", "") for each in pod_of(job)["containers"][0]["env"]}
        words = dict(word.split("=") for word in told["STOREFLEET_DATABASE"].split())
        assert (words["sslmode"], words["channel_binding"]) == ("require", "require")
        assert words["host"].startswith("postgres-rw.cell-"), "a snapshot through the pooler is none"


def test_a_backup_mounts_and_reads_what_the_chart_of_a_tenant_makes():
    rendered = golden("shared")
    claims = {one["metadata"]["name"] for one in rendered if one["kind"] == "PersistentVolumeClaim"}
    (external,) = [one for one in rendered if one["kind"] == "ExternalSecret"]
    environment = fleet().environment
    made = plan_secrets(environment, environment.aws, fleet().tenants).secrets
    fields = {field for secret in made if secret.name.startswith(TENANT_PREFIX) for field in secret.fields}
    job = next(job for job in jobs() if job.meta.namespace != DRILLS)
    pod = pod_of(job)
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


def test_the_pod_of_a_backup_fits_into_what_its_tenants_namespace_allows():
    (container,) = pod_of(jobs()[-1])["containers"]
    for preset in TIERS.values():
        most = preset.container_limits.max
        assert (container["resources"]["limits"]["cpu"], container["resources"]["limits"]["memory"]) == (
            "1",
            "1Gi",
        )
        assert float(most.cpu) >= 1, "the LimitRange would refuse every backup of the tier"
        assert most.memory.endswith("Gi")


def test_the_backups_of_a_cell_do_not_all_begin_at_once():
    schedules = {job.manifest["spec"]["schedule"] for job in jobs() if job.meta.namespace != DRILLS}
    assert len(schedules) > 30


@pytest.mark.parametrize("state", ["archived", "purged"])
def test_a_tenant_whose_data_are_at_rest_has_no_job(state):
    more = {
        "final_backup": {
            "at": "2026-10-01",
            "digest": "sha256:" + "0" * 64,
            "verified_by": "ops@acme.example",
        }
    }
    if state == "purged":
        more["purge"] = f"acme {TODAY}"
    assert not [one for one in of_sample(state=state, **more) if one.kind == "CronJob"]


def test_a_suspended_tenant_has_its_last_backup_and_is_not_drilled():
    kinds = [(one.meta.namespace, one.kind) for one in of_sample(state="suspended") if one.kind == "CronJob"]
    assert kinds == [("t-acme", "CronJob")]


def test_the_backups_of_a_tenant_cost_three_objects():
    own = [one for one in of_sample() if one.meta.namespace == "t-acme"]
    assert sorted(one.kind for one in own) == ["CronJob", "NetworkPolicy", "ServiceAccount"], (
        "the time of every deployment grows with the objects of a tenant"
    )


@pytest.mark.parametrize("stack", STACKS)
def test_pods_of_recovery_reach_the_object_store_and_no_other_pod_of_a_tenant_does(stack):
    environment = fleet(stack).environment
    place = backup_place(environment, "eu-1")
    policies = [
        one for one in objects(stack) if one.kind == "NetworkPolicy" and one.meta.name != "default-deny"
    ]
    assert len(policies) == len(fleet(stack).tenants) + 1
    for one in policies:
        assert one.manifest["spec"]["policyTypes"] == ["Egress"]
        selected = one.manifest["spec"]["podSelector"]["matchLabels"]
        assert list(selected) == [labels.JOB], f"{one.meta.namespace} opens the store to pods of the shop"
        reached = [peer for rule in one.manifest["spec"]["egress"] for peer in rule["to"]]
        assert place.peer in reached
        strangers = [peer for peer in reached if "namespaceSelector" in peer and peer != place.peer]
        expected = [environment.dns.namespace] if one.meta.namespace == DRILLS else []
        assert [
            peer["namespaceSelector"]["matchLabels"][labels.NAMESPACE_NAME] for peer in strangers
        ] == expected, f"a pod of {one.meta.namespace} reaches more than the store"


@pytest.mark.parametrize("stack", STACKS)
def test_a_restored_copy_reaches_no_live_database_and_nobody_reaches_it(stack):
    here = [one for one in objects(stack) if one.kind == "NetworkPolicy" and one.meta.namespace == DRILLS]
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert closed in [one.manifest["spec"] for one in here], "the namespace is open to the whole cluster"
    for one in plan_environment(fleet(stack)).objects():
        if one.kind == "NetworkPolicy" and one.meta.namespace != DRILLS:
            assert DRILLS not in json.dumps(one.manifest["spec"]), f"{one.meta.name} lets drills in"


def test_the_private_key_is_where_drills_run_and_nowhere_else():
    holders = {
        one.meta.namespace
        for one in plan_environment(fleet()).objects()
        if "backup-identity" in json.dumps(one.manifest)
    }
    assert holders == {DRILLS}, "whoever takes backups could open everybody's"
    environment = fleet().environment
    (entry,) = [
        one
        for one in plan_secrets(environment, environment.aws, fleet().tenants).secrets
        if one.name.endswith("backup-identity")
    ]
    assert entry.by_hand, "the next run would write over the key that people put there"
    assert not entry.fields, "a key that the program made would be in its state"


def _role():
    plan = plan_identity(fleet().environment, fleet().tenants, NOBODY)
    (role,) = [one for one in plan.roles if one.key == DRILLS]
    (association,) = [one for one in plan.associations if one.role == role.key]
    return role, association


def test_a_drill_reads_backups_of_tenants_and_changes_none():
    role, association = _role()
    accounts = [
        one.meta for one in objects() if one.kind == "ServiceAccount" and one.meta.namespace == DRILLS
    ]
    assert [(association.namespace, association.service_account)] == [
        (one.namespace, one.name) for one in accounts
    ]
    assert {pod_of(job)["serviceAccountName"] for job in jobs() if job.meta.namespace == DRILLS} == {
        association.service_account
    }
    backup, base = "t-solvane-paris/logical/x/manifest.json", "cell-eu-1/postgres-1/base/x"
    assert allows(role.policy, "s3:GetObject", f"{BACKUPS}/{backup}", {})
    assert not allows(role.policy, "s3:GetObject", f"{BACKUPS}/{base}", {}), "base backups are not sealed"
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:PutObjectRetention"):
        assert not allows(role.policy, action, f"{BACKUPS}/{backup}", {}), "a drill could spoil what it tests"
    for prefix in ("t-", "t-solvane-paris/logical/"):
        assert allows(role.policy, "s3:ListBucket", BACKUPS, {"s3:prefix": prefix})
    assert allows(role.policy, "s3:GetObject", f"{BACKUPS}/t-solvane-paris/cell.json", {})
    for prefix in ("", "cell-eu-1/"):
        assert not allows(role.policy, "s3:ListBucket", BACKUPS, {"s3:prefix": prefix})
    assert allows(role.policy, "s3:PutObject", f"{EVIDENCE}/t-solvane-paris/drills/x.json", {})
    for action, key in (("s3:GetObject", "drills/x.json"), ("s3:PutObject", "releases/x.json")):
        assert not allows(role.policy, action, f"{EVIDENCE}/t-solvane-paris/{key}", {})


def test_the_role_of_drills_is_taken_by_their_pods_alone():
    role, association = _role()
    pods = "pods.eks.amazonaws.com"
    mine = {
        "aws:SourceAccount": "111122223333",
        "aws:SourceArn": "arn:aws:eks:eu-central-1:111122223333:cluster/storefleet-production",
        "aws:RequestTag/kubernetes-namespace": DRILLS,
        "aws:RequestTag/kubernetes-service-account": association.service_account,
    }
    assert trusts(role.trust, pods, "sts:AssumeRole", mine)
    for key, value in (("namespace", "t-solvane-paris"), ("service-account", "default")):
        assert not trusts(
            role.trust, pods, "sts:AssumeRole", mine | {f"aws:RequestTag/kubernetes-{key}": value}
        )


def test_a_store_that_is_given_is_reached_with_keys_and_no_role_is_made():
    environment = aws_samples.environment(object_storage="given")
    planned = of_recovery(environment, [samples.tenant("acme")])
    for job in (one for one in planned if one.kind == "CronJob"):
        told = {each["name"]: each for each in pod_of(job)["containers"][0]["env"]}
        assert told["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"]["name"] == "object-store"
        secrets = [(one.meta.namespace, one.meta.name) for one in planned if one.kind == "ExternalSecret"]
        assert (job.meta.namespace, "object-store") in secrets, (
            "the pod would wait for keys that nobody brings"
        )
    keys = {role.key for role in plan_identity(environment, [samples.tenant("acme")], NOBODY).roles}
    assert DRILLS not in keys


def test_one_more_tenant_changes_no_drill_and_nothing_of_the_other_tenants():
    environment = samples.environment(recovery=samples.RECOVERY)
    before = of_recovery(environment, [samples.tenant("acme")])
    after = of_recovery(environment, [samples.tenant("acme"), samples.tenant("bolt")])
    assert [one for one in after if one.meta.namespace != "t-bolt"] == list(before)
    assert len(after) == len(before) + 3


def test_the_alerts_are_one_object_and_each_says_what_to_do():
    (rule,) = [one for one in objects() if one.kind == "PrometheusRule"]
    rules = [each for group in rule.manifest["spec"]["groups"] for each in group["rules"]]
    assert len(rules) == len(ALERTS) + len(AGES)
    for alert in ALERTS:
        assert (ROOT / alert.runbook).exists(), f"{alert.name} sends people to a page that is not there"
        assert alert.expr.count("(") == alert.expr.count(")")
    assert {
        "StorefleetDrillFailed",
        "StorefleetDrillOld",
        "StorefleetBackupFailed",
        "StorefleetBackupOld",
    } <= {alert.name for alert in ALERTS}


def test_a_drill_that_fails_or_is_old_goes_to_the_pager_and_a_failed_backup_waits_for_the_morning():
    config = alert_routes(aws_samples.environment()).manifest["spec"]
    paged = {
        "StorefleetDrillFailed",
        "StorefleetDrillOld",
        "StorefleetBackupOld",
        "StorefleetRecoveryUnwatched",
    }
    for alert in ALERTS:
        has = {"alertname": alert.name, "severity": alert.severity}
        (*taken, otherwise) = [
            *(route["receiver"] for route in config["route"]["routes"] if matches(route, has)),
            config["route"]["receiver"],
        ]
        assert (taken or [otherwise])[0] == ("page" if alert.name in paged else "ticket"), alert.name


def matches(route, has):
    """Say whether an alert with these labels, and no others, is taken by a route, as Alertmanager does."""
    assert all(each["matchType"] in {"=", "=~"} for each in route["matchers"])
    return all(re.fullmatch(each["value"], has.get(each["name"], "")) for each in route["matchers"])


def test_recovery_and_the_rest_of_an_environment_name_no_object_twice():
    plan = plan_environment(Fleet(samples.environment(recovery=samples.RECOVERY), samples.fleet().tenants))
    seen = [(one.kind, one.meta.namespace, one.meta.name) for one in plan.objects()]
    assert len(seen) == len(set(seen))
    keys = [one.key for one in plan.recovery.objects]
    assert len(keys) == len(set(keys)), "the engine refuses two resources of one name"
