"""What is planned of the operators, and how it is declared."""

from pathlib import Path

import pytest

from components.operators.component import Operators, OperatorsArgs
from components.operators.plan import inputs_of, plan_operators
from components.plan import plan_environment
from spec.fleet import load_fleet
from tests.components.recorder import record

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


def environment(name="production", **aws):
    found = load_fleet(ROOT, name).environment
    return found.model_copy(update={"aws": found.aws.model_copy(update=aws)}) if aws else found


def plan(name="production", **aws):
    chosen = environment(name, **aws)
    return plan_operators(chosen, inputs_of(chosen))


def test_operators_that_are_there_already_are_not_installed_again():
    for nothing in (plan(operators="installed"), plan("local")):
        assert nothing.releases == (), "two copies of an operator would fight over the same objects"
        assert nothing.namespaces == ()
        assert nothing.service_accounts == {}, (
            "a role would be bound to a service account that nobody vouches for"
        )


def test_definitions_come_before_what_needs_them():
    planned = plan()
    order = [each.key for each in planned.releases]
    for each in planned.releases:
        assert set(each.needs) <= set(order[: order.index(each.key)]), (
            f"{each.key} would not find its definitions"
        )
    assert "cloudnative-pg-crds" in order


def test_a_cluster_that_is_not_eks_gets_no_operator_that_only_eks_can_feed():
    chosen = environment()
    given = chosen.model_copy(update={"cluster": load_fleet(ROOT, "local").environment.cluster})
    names = {each.name for each in plan_operators(given, inputs_of(given)).releases}
    assert not names & {"karpenter", "karpenter-crds", "aws-load-balancer-controller"}
    assert "cloudnative-pg" in names


def test_roles_are_bound_to_the_very_service_accounts_that_the_charts_make():
    planned = plan()
    values = {each.key: each.values for each in planned.releases}
    for name, (namespace, account) in planned.service_accounts.items():
        part = values[name].get("webhook", {}) if name == "policy-controller" else values[name]
        assert part["serviceAccount"]["name"] == account, f"{name} would have no rights in AWS"
        assert next(each.namespace for each in planned.releases if each.key == name) == namespace


def test_production_has_two_of_what_may_have_two_and_dev_one():
    replicas = {
        name: next(
            each.values["deployment"]["replicas"] for each in plan(name).releases if each.key == "traefik"
        )
        for name in ("dev", "production", "dr")
    }
    assert replicas == {"dev": 1, "production": 2, "dr": 2}


def test_namespaces_are_held_to_a_standard_and_none_is_also_a_tenants():
    planned = plan()
    fleet = load_fleet(ROOT, "production")
    theirs = {one.meta.name for one in plan_environment(fleet).objects() if one.kind == "Namespace"}
    spaces = [one for one in planned.namespaces if one.kind == "Namespace"]
    limited = {one.meta.namespace for one in planned.namespaces if one.kind == "LimitRange"}
    assert {one.meta.name for one in spaces} == limited, "a container without a limit could take a whole node"
    for one in spaces:
        assert one.meta.labels["pod-security.kubernetes.io/enforce"] in ("restricted", "privileged")
        assert one.meta.labels["storefleet.dev/role"] == "platform"
        assert one.meta.name not in theirs


def test_a_release_waits_for_its_namespace_and_its_needs_and_goes_back_when_it_fails():
    planned = plan()
    recorder = record(lambda: Operators("operators", OperatorsArgs(plan=planned)), stack="production")
    plugin = recorder.named("operators/plugin-barman-cloud")
    waited = {urn.rpartition("::")[2] for urn in plugin.depends_on}
    assert waited == {
        "operators/plugin-barman-cloud-crds",
        "operators/cert-manager",
        "operators/cloudnative-pg",
        "operators/namespace-cnpg-system",
    }
    assert plugin.inputs["atomic"] is True, "a release that failed half-way would stand there, half-made"
    assert plugin.inputs["repositoryOpts"] == {"repo": "https://cloudnative-pg.github.io/charts"}
    assert plugin.inputs["version"] == "0.7.0"
    crds = recorder.named("operators/cloudnative-pg-crds")
    assert crds.inputs["chart"] == ".storefleet/charts/cloudnative-pg", (
        "a path of this machine would make the release another one on the next machine"
    )
    assert recorder.duplicates() == []


def test_the_state_of_a_release_names_no_manifest():
    planned = plan()
    recorder = record(lambda: Operators("operators", OperatorsArgs(plan=planned)), stack="production")
    for one in recorder.registered:
        assert "manifest" not in one.inputs, "Secrets that a chart renders would reach the engine's state"
