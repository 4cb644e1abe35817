"""The renders on file, judged by the policy pack and read for what hurts in production."""

import configparser
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi_policy import PolicyProviderResource
from pulumi_policy.proxy import unknown_checking_proxy

from components.tenancy.plan import plan_tenant
from policy.hosts import parse_match
from spec.environment import EnvironmentSpec
from tests.components import aws_samples, samples
from tests.policy.harness import PROVIDER, Judged, judge_resources
from tests.policy.parts import type_of
from tests.workload import rendering
from tests.workload import samples as workloads

pytestmark = pytest.mark.policy
EACH = pytest.mark.parametrize("case", workloads.CASES)

ELSEWHERE = {
    # Whoever declares the namespaces declares these; the chart is one tenant's.
    "dedicated-compute": {"poolRequired": False},
    "image-signed": {
        "digests": [
            f"sha256:{'5f' * 32}",
            f"sha256:{'3a' * 32}",
            samples.RECOVERY["image"].partition("@")[2],
        ],
        "verifierRequired": False,
    },
    "image-digest": {"registries": [workloads.REGISTRY]},
}


def objects_of(case: str, kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in rendering.golden(case) if one["kind"] == kind}


def pods_of(case: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in rendering.golden(case):
        if one["kind"] in {"Deployment", "Job"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def whole(case: str) -> list[Judged]:
    """Return the render together with the namespace that it goes into."""
    values = workloads.CASES[case].values
    tier = values.labels["storefleet.dev/tier"]
    hosts = [host for route in values.edge.routes for host in route.hosts]
    tenant = samples.tenant(values.tenant, tier=tier, domains=hosts)
    planned = [(dict(one.manifest), one.protect) for one in plan_tenant(tenant, where(case)).objects]
    found = [*planned, *((one, kept(one)) for one in rendering.golden(case))]
    return [
        Judged(type_of(one), f"{one['kind']}-{index}", one, provider(), protect=protect)
        for index, (one, protect) in enumerate(found)
    ]


def where(case: str) -> EnvironmentSpec:
    """Return the environment of a render, in which every tenant is backed up."""
    if case == "local":
        return samples.environment(recovery=samples.RECOVERY)
    made = aws_samples.environment(workloads.CASES[case].values.environment.value)
    return EnvironmentSpec.model_validate(made.model_dump(mode="json") | {"recovery": samples.RECOVERY})


def kept(one: dict[str, Any]) -> bool:
    """Whether delivery never deletes an object: what the engine calls protection."""
    annotations = one["metadata"].get("annotations", {})
    options = annotations.get("argocd.argoproj.io/sync-options", "")
    by_delivery = (
        annotations.get("helm.sh/resource-policy") == "keep" and options == "Prune=false,Delete=false"
    )
    return one["kind"] == "Namespace" or by_delivery


def provider() -> PolicyProviderResource:
    urn = f"urn:pulumi:local::storefleet::{PROVIDER}::cluster"
    return PolicyProviderResource(PROVIDER, unknown_checking_proxy({"kubeconfig": "/x"}), urn, "cluster")


@EACH
def test_a_render_breaks_no_rule_of_the_pack(case):
    judgement = judge_resources(whole(case), ELSEWHERE)
    messages = [message for _, message, _ in judgement.breaches]
    assert messages == [], "the cluster or a reviewer would stop this tenant"
    assert judgement.skipped == {}


def test_the_pack_does_judge_renders():
    resources = whole("shared")
    broken = [
        Judged(
            one.type,
            one.name,
            {**one.props, "data": {"web.conf": "[options]\nlist_db = True\n"}},
            one.provider,
        )
        if one.props["kind"] == "ConfigMap"
        else one
        for one in resources
    ]
    assert "odoo-hardening" in judge_resources(broken, ELSEWHERE).rules, (
        "the check of every render could never fail"
    )


@EACH
def test_only_web_goes_through_the_pooler_and_only_cron_runs_scheduled_actions(case):
    values = workloads.CASES[case].values
    (configuration,) = objects_of(case, "ConfigMap").values()
    for name, text in configuration["data"].items():
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        options = parser["options"]
        pooled = options["db_host"] == values.database.pooler
        assert pooled is (name == "web.conf"), f"{name}: who LISTENs behind the pooler hears nothing"
        assert (int(options["max_cron_threads"]) > 0) is (name == "cron.conf"), f"{name} runs actions twice"
        assert options["db_name"] != "", f"{name} would run the scheduled actions of every database"
        assert options["dbfilter"] == f"^{options['db_name']}$"
        assert options["list_db"] == "False"
        assert options["proxy_mode"] == "True"
        assert "admin_passwd" not in options
        assert "e+" not in text, f"{name} has a number that Odoo reads as text"


@EACH
def test_no_probe_that_ends_a_pod_waits_for_the_database(case):
    for name, pod in pods_of(case):
        for container in pod["containers"]:
            probe = container.get("livenessProbe", {})
            assert "httpGet" not in probe, f"{name}: a failover of the database restarts the shop"
            assert "punctual" not in str(probe), f"{name}: a failover of the database restarts the shop"
            assert "db_server_status" not in str(container.get("startupProbe", {}))


@EACH
def test_secrets_are_only_named(case):
    for name, pod in pods_of(case):
        for container in pod["containers"]:
            for variable in container.get("env", []):
                secret = "PASS" in variable["name"]
                assert ("valueFrom" in variable) or not secret, f"{name} has {variable['name']} in Git"
    assert not objects_of(case, "Secret")


@EACH
def test_every_route_answers_to_the_tenants_own_hosts_and_to_no_pattern(case):
    hosts = {host for route in workloads.CASES[case].values.edge.routes for host in route.hosts}
    served = set()
    for name, route in objects_of(case, "IngressRoute").items():
        certificate = objects_of(case, "Certificate")[name]
        assert route["spec"]["tls"]["secretName"] == certificate["spec"]["secretName"]
        for one in route["spec"]["routes"]:
            match = parse_match(one["match"])
            assert match.always, one["match"]
            assert not match.by_pattern
            assert set(match.hosts) == set(certificate["spec"]["dnsNames"])
            served |= set(match.hosts)
    assert served == hosts


@pytest.mark.parametrize("case", ["shared", "hybrid", "dedicated", "local", "asleep"])
def test_a_rollout_keeps_capacity_and_a_drain_takes_one_pod_at_a_time(case):
    for name, one in objects_of(case, "Deployment").items():
        strategy = one["spec"]["strategy"]
        if name == "odoo-cron":
            assert strategy["type"] == "Recreate"
        else:
            assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert objects_of(case, "PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
        scaled = name in objects_of(case, "ScaledObject")
        assert ("replicas" in one["spec"]) is not scaled, (
            f"{name}: delivery and KEDA would fight over its pods"
        )


@pytest.mark.parametrize("case", ["migrate", "closed"])
def test_in_a_closed_shop_nothing_is_connected_to_the_database(case):
    for name, one in objects_of(case, "Deployment").items():
        if name != "closed":
            assert one["spec"]["replicas"] == 0, f"{name} would write while the schema moves"
    for one in objects_of(case, "ScaledObject").values():
        assert one["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] == "0"
    for one in objects_of(case, "IngressRoute").values():
        for route in one["spec"]["routes"]:
            assert {each["name"] for each in route["services"]} <= {"closed", "odoo"}
            if case == "closed":
                assert {"name": "closed"} in route["middlewares"]


@pytest.mark.parametrize(("case", "task"), [("migrate", "migrate"), ("rehearsal", "rehearse")])
def test_a_task_is_tried_once_and_has_a_deadline(case, task):
    (job,) = objects_of(case, "Job").values()
    assert job["metadata"]["name"] == f"{task}-19-0-3-1"
    assert job["spec"]["backoffLimit"] == 0, "a second try of a failed update makes it worse"
    assert job["spec"]["activeDeadlineSeconds"] > 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in job["spec"], (
        "delivery would bring the Job back, and it would run again"
    )


def test_a_rehearsal_has_neither_the_shops_password_nor_its_files():
    (job,) = objects_of("rehearsal", "Job").values()
    pod = job["spec"]["template"]["spec"]
    secrets = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for variable in pod["containers"][0]["env"]
        if "valueFrom" in variable
    }
    assert secrets == {"odoo-rehearsal"}
    assert not [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    assert job["spec"]["template"]["metadata"]["labels"]["storefleet.dev/copy"] == "true"
