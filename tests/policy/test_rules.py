"""Each rule on the compliant baseline, broken in one place, through the SDK's proxies."""

from collections.abc import Mapping
from typing import Any

import pytest

from policy.rules import RULES
from tests.policy.baseline import baseline
from tests.policy.breaks import BREAKS, Break, broken
from tests.policy.cloud import CLOUD_BREAKS
from tests.policy.harness import PROVIDER, Judged, check_messages, judge, judge_resources
from tests.policy.parts import (
    CANARY,
    DIGEST,
    IMAGE,
    Stack,
    a_container,
    a_pod,
    a_template,
    an_object,
    containers_of,
)

pytestmark = pytest.mark.policy


def label(key: str, name: str, value: str) -> Break:
    return lambda stack: stack[key]["metadata"]["labels"].update({name: value})


def image(value: str | None, kind: str = "containers") -> Break:
    def change(stack: Stack) -> None:
        containers_of(stack, kind=kind)[0].pop("image")
        if value is not None:
            containers_of(stack, kind=kind)[0]["image"] = value

    return change


def resources(value: Mapping[str, Any] | None, kind: str = "containers") -> Break:
    def change(stack: Stack) -> None:
        containers_of(stack, kind=kind)[0]["resources"] = value

    return change


def rule_of(key: str, direction: str, rule: Mapping[str, Any]) -> Break:
    return lambda stack: stack[key]["spec"].setdefault(direction, []).append(rule)


def spec(key: str, field: str, value: object) -> Break:
    return lambda stack: stack[key]["spec"].update({field: value})


def remove(key: str) -> Break:
    return lambda stack: stack.remove(key)


def in_cron_job(stack: Stack) -> None:
    pod = stack["vacuum"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    del pod["containers"][0]["resources"]["requests"]


def bare_namespace(stack: Stack) -> None:
    stack["namespace"]["metadata"]["labels"] = dict(baseline()["config"]["metadata"]["labels"])


def image_volume(stack: Stack) -> None:
    pod = stack["web"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "addons", "image": {"reference": "docker.io/library/addons:1"}}]


REQUESTS = {"cpu": "1", "memory": "1Gi"}
KUBE_SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
PSS = "pod-security.kubernetes.io"

CASES: list[tuple[str, Break, str]] = [
    ("tenant-isolation", BREAKS["tenant-isolation"], "denies all ingress by default"),
    ("tenant-isolation", BREAKS["tenant-isolation"], "denies all egress by default"),
    ("tenant-isolation", spec("default-deny", "policyTypes", ["Ingress"]), "denies all egress by default"),
    (
        "tenant-isolation",
        spec("default-deny", "podSelector", {"matchLabels": {"a": "b"}}),
        "denies all ingress",
    ),
    ("tenant-isolation", rule_of("default-deny", "ingress", {}), "spec.ingress[0] names no peer in 'from'"),
    ("tenant-isolation", rule_of("allow", "egress", {}), "spec.egress[3] names no peer in 'to'"),
    (
        "tenant-isolation",
        rule_of("allow", "ingress", {"from": [{"namespaceSelector": {}}]}),
        "spec.ingress[1] selects every namespace",
    ),
    (
        "tenant-isolation",
        rule_of("allow", "egress", {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
        "spec.egress[3] names every address without exceptions",
    ),
    ("tenant-isolation", spec("allow", "egress", []), "resolve names"),
    (
        "tenant-isolation",
        spec("allow", "egress", [{"to": [KUBE_SYSTEM], "ports": [{"protocol": "UDP", "port": 53}]}]),
        "on UDP and TCP port 53",
    ),
    ("tenant-isolation", remove("quota"), "bounds requests.cpu, requests.memory, limits.memory, pods"),
    ("tenant-isolation", spec("quota", "hard", {"pods": "9"}), "bounds requests.cpu, requests.memory"),
    ("tenant-isolation", remove("limits"), "no LimitRange in t-acorn"),
    ("tenant-isolation", spec("limits", "limits", [{"type": "Pod", "max": REQUESTS}]), "no LimitRange"),
    ("tenant-isolation", label("namespace", f"{PSS}/enforce", "baseline"), f"{PSS}/enforce is 'baseline'"),
    ("tenant-isolation", label("namespace", f"{PSS}/warn-version", "latest"), "warn-version is 'latest'"),
    ("tenant-isolation", label("namespace", "storefleet.dev/role", "cell"), "storefleet.dev/role is 'cell'"),
    ("resources-set", BREAKS["resources-set"], "container web does not set limits.memory"),
    ("resources-set", resources(None), "does not set requests.cpu, requests.memory, limits.memory"),
    ("resources-set", resources({"limits": {"memory": "1Gi"}}, "initContainers"), "init container migrate"),
    ("resources-set", resources({"requests": REQUESTS, "limits": {"memory": "0"}}), "set limits.memory"),
    ("resources-set", in_cron_job, "spec.jobTemplate.spec.template.spec.containers[0].resources"),
    ("image-digest", BREAKS["image-digest"], "not from an allowed registry"),
    ("image-digest", image("docker.io/library/odoo:19.0"), "of container web is not pinned by digest"),
    ("image-digest", image("odoo", "initContainers"), "of init container migrate is not pinned"),
    ("image-digest", image(f"odoo@{DIGEST}extra"), "not pinned by digest"),
    ("image-digest", image(f"evil.example/odoo@{DIGEST}"), "not from an allowed registry"),
    ("image-digest", image(f"docker.io/library-of-evil/odoo@{DIGEST}"), "not from an allowed registry"),
    ("image-digest", image(f"localhost/odoo@{DIGEST}"), "not from an allowed registry"),
    ("image-digest", image(f"someone/odoo@{DIGEST}"), "not from an allowed registry"),
    ("image-digest", image(None), "container web names no image"),
    ("image-digest", image_volume, "spec.template.spec.volumes[0].image.reference"),
    (
        "no-plaintext-secret",
        BREAKS["no-plaintext-secret"],
        "environment variable PGPASSWORD of container web",
    ),
    ("explicit-provider", BREAKS["explicit-provider"], "by the default kubernetes provider"),
    ("required-labels", BREAKS["required-labels"], "lacks the labels storefleet.dev/cost-centre"),
    ("required-labels", label("quota", "storefleet.dev/tier", ""), "lacks the labels storefleet.dev/tier"),
    (
        "required-labels",
        lambda stack: stack["web"]["metadata"].pop("labels"),
        "app.kubernetes.io/managed-by, app.kubernetes.io/part-of, storefleet.dev/environment",
    ),
    (
        "required-labels",
        lambda stack: stack["namespace"]["metadata"]["labels"].pop("storefleet.dev/ring"),
        "storefleet.dev/ring",
    ),
    ("required-labels", label("web", "storefleet.dev/tenant", "birch"), "whose namespace is t-birch"),
]


IMPLIED = {"image-digest": {"image-signed"}}
"""What is not named by its digest cannot have a verified signature either."""


def test_the_compliant_baseline_breaks_no_rule():
    judgement = judge(baseline())
    assert not judgement.breaches, "a compliant stack would be refused"
    assert not judgement.skipped, "a rule gave up on a stack without unknown values"


def test_there_is_a_way_to_break_every_rule():
    assert {*BREAKS, *CLOUD_BREAKS} == {rule.name for rule in RULES}, (
        "a rule nobody can break may check nothing"
    )


@pytest.mark.parametrize(("rule", "change", "problem"), CASES, ids=[f"{r}: {p}" for r, _, p in CASES])
def test_a_stack_broken_in_one_place_is_refused_by_that_rule_alone(rule, change, problem):
    stack = broken(change)
    judgement = judge(stack)
    assert judgement.rules - IMPLIED.get(rule, set()) == {rule}, "the wrong rule speaks"
    assert any(problem in message for message in judgement.messages), judgement.messages
    assert not judgement.skipped
    check_messages(stack, judgement)


PODS: list[tuple[str, str, Any]] = [
    ("v1", "Pod", lambda pod: pod),
    ("apps/v1", "Deployment", lambda pod: {"template": a_template(pod)}),
    ("apps/v1", "StatefulSet", lambda pod: {"template": a_template(pod)}),
    ("apps/v1", "DaemonSet", lambda pod: {"template": a_template(pod)}),
    ("apps/v1", "ReplicaSet", lambda pod: {"template": a_template(pod)}),
    ("batch/v1", "Job", lambda pod: {"template": a_template(pod)}),
    ("batch/v1", "CronJob", lambda pod: {"jobTemplate": {"spec": {"template": a_template(pod)}}}),
    ("argoproj.io/v1alpha1", "Rollout", lambda pod: {"template": a_template(pod)}),
    ("keda.sh/v1alpha1", "ScaledJob", lambda pod: {"jobTargetRef": {"template": a_template(pod)}}),
    ("example.com/v1", "Fleet", lambda pod: {"ships": [{"crew": pod}]}),
]


@pytest.mark.parametrize(("api_version", "kind", "around"), PODS, ids=[kind for _, kind, _ in PODS])
def test_containers_are_found_in_every_kind_of_object(api_version, kind, around):
    bad = a_container(
        image="docker.io/library/nginx:1", resources=None, env=[{"name": "API_TOKEN", "value": CANARY}]
    )

    def add(*containers):
        return lambda stack: stack.add(
            "pods", an_object(api_version, kind, "pods", spec=around(a_pod(*containers)))
        )

    assert not judge(broken(add(a_container()))).breaches, f"a compliant {kind} is refused"
    assert judge(broken(add(bad))).rules == {
        *("resources-set", "image-digest", "image-signed", "no-plaintext-secret")
    }


def test_a_definition_of_containers_is_not_taken_for_containers():
    schema = {"properties": {"containers": {"type": "array", "default": [{"name": "x", "image": "y"}]}}}
    definition = an_object(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "fleets.example.com", spec={"schema": schema}
    )
    assert not judge(broken(lambda stack: stack.add("crd", definition))).breaches


def test_an_addition_to_an_operators_container_needs_no_image():
    spec = {"template": {"spec": {"containers": [a_container("pgbouncer", image=None)]}}}
    pooler = an_object("postgresql.cnpg.io/v1", "Pooler", "web", spec=spec)
    assert not judge(broken(lambda stack: stack.add("pooler", pooler))).breaches


def test_an_ephemeral_container_needs_no_resources_but_a_pinned_image():
    def debug(stack):
        container = a_container("debug", resources=None, image="odoo")
        stack["web"]["spec"]["template"]["spec"]["ephemeralContainers"] = [container]

    assert judge(broken(debug)).rules == {"image-digest", "image-signed"}


def test_only_namespaces_that_the_program_manages_are_judged():
    def elsewhere(stack):
        for key in ("namespace", "limits", "default-deny", "allow"):
            stack.remove(key)

    assert "tenant-isolation" not in judge(broken(elsewhere)).rules, (
        "a namespace of another was judged by half of it"
    )


@pytest.mark.parametrize(
    "change",
    [bare_namespace, lambda stack: stack["namespace"]["metadata"].update({"labels": {}})],
    ids=["without its role", "without any label"],
)
def test_a_tenants_namespace_that_lost_its_labels_is_still_judged(change):
    assert "tenant-isolation" in judge(broken(change)).rules


def test_a_cells_namespace_and_its_contents_say_which_cell():
    def change(stack):
        del stack["cell"]["metadata"]["labels"]["storefleet.dev/role"]
        del stack["object-store"]["metadata"]["labels"]["storefleet.dev/cell"]

    judgement = judge(broken(change))
    assert judgement.rules == {"required-labels"}, "a cell's namespace was taken for a tenant's"
    assert len(judgement.messages) == 2


def test_a_provider_without_a_kubeconfig_is_refused():
    for props, refused in (({}, True), ({"kubeconfig": "/state/kubeconfig"}, False)):
        judgement = judge_resources([Judged(PROVIDER, "cluster", props)])
        assert bool(judgement.breaches) is refused, judgement.messages


def test_resources_that_reach_nothing_may_use_their_default_provider():
    class Provider:
        resource_type, name, urn = "pulumi:providers:random", "default_4_21_4", "urn:random"

    resource = Judged("random:index/randomPassword:RandomPassword", "admin", {"length": 32}, Provider())
    assert not judge_resources([resource]).breaches
    only_pulumi = {"explicit-provider": {"harmlessPackages": ["pulumi"]}}
    assert judge_resources([resource], only_pulumi).rules == {"explicit-provider"}


def test_registries_come_from_the_configuration():
    change = image(f"registry.example/odoo@{DIGEST}")
    assert judge(broken(change)).rules == {"image-digest"}
    own = {
        "image-digest": {"registries": ["registry.example", "docker.io/library", "ghcr.io/cloudnative-pg"]}
    }
    assert not judge(broken(change), own).breaches
    assert IMAGE.startswith("docker.io/library/"), "the rest of the baseline would be refused"
