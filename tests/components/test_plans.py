"""The plans of a tenant, a cell and the platform."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cells.plan import plan_cell
from components.manifests import KubeObject
from components.plan import EnvironmentPlan, plan_environment
from components.platform.plan import TEAM_ROLE, plan_platform
from components.tenancy.plan import TenantPlan, plan_tenant
from spec import labels
from spec.fleet import Fleet
from spec.tenant import TenantSpec
from tests.components import samples
from tests.components.golden import as_yaml, check_golden

pytestmark = pytest.mark.unit

TIERS = ("shared", "hybrid", "dedicated")
IDS = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,6}){0,8}", fullmatch=True).filter(
    lambda one: len(one) <= 63
)
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def by_key(plan: TenantPlan) -> dict[str, KubeObject]:
    return {one.key: one for one in plan.objects}


def identity(one: KubeObject) -> tuple[str, str, str | None, str]:
    return one.api_version, one.kind, one.meta.namespace, one.meta.name


def peers(one: KubeObject) -> Iterator[Mapping[str, Any]]:
    spec = one.manifest["spec"]
    for rule in spec.get("ingress", []):
        yield from rule["from"]
    for rule in spec.get("egress", []):
        yield from rule["to"]


def policies(plan: EnvironmentPlan) -> list[KubeObject]:
    return [one for one in plan.objects() if one.kind == "NetworkPolicy"]


@pytest.mark.golden
@pytest.mark.parametrize("tier", TIERS)
def test_what_a_tenant_of_each_tier_gets_is_on_file(tier):
    wanted = samples.tenant("acme", tier=tier, integrations=["payments"])
    plan = plan_tenant(wanted, samples.environment())
    check_golden(
        f"tenant.{tier}.yaml",
        as_yaml(plan.objects, plan.reasons),
        f"every {tier} tenant would be changed by the next deployment.",
    )


@pytest.mark.golden
def test_what_a_cell_and_the_platform_consist_of_is_on_file():
    environment = samples.environment()
    cell = plan_cell("shared", environment.cells["shared"], environment)
    check_golden("cell.yaml", as_yaml(cell.objects), "every cell would be changed.")
    check_golden(
        "platform.yaml",
        as_yaml(plan_platform(environment).objects),
        "what all tenants share would be changed.",
    )


def test_a_tenant_costs_at_most_eight_objects_a_project_a_probe_and_three_in_its_database():
    for tier in TIERS:
        plan = plan_tenant(samples.tenant(tier=tier), samples.environment())
        projects = [one for one in plan.objects if one.kind == "AppProject"]
        probes = [one for one in plan.objects if one.kind == "Probe"]
        in_database = [one for one in plan.objects if one.custom and one not in (*projects, *probes)]
        assert len(projects) == 1, "Argo CD would be confined by nothing, or by what nobody reads"
        assert len(probes) == 1, "nobody would know whether the shop can be signed in to, or twice"
        assert len(in_database) <= 3, "a password, a role and a database are what a tenant needs there"
        assert len(plan.objects) - len(in_database) - 2 <= 8, (
            "the time of every deployment grows with the objects of a tenant"
        )


def test_every_object_says_why_it_exists():
    for one in plan_environment(samples.fleet()).objects():
        assert one.why.endswith("."), f"{one.key} leaves its reader without a reason"


def test_every_object_of_a_tenant_carries_its_tenants_labels():
    plan = plan_tenant(samples.tenant("acme"), samples.environment())
    expected = {
        labels.TENANT: "acme",
        labels.TIER: "shared",
        labels.CELL: "shared",
        labels.ENVIRONMENT: "local",
        labels.DATA_CLASS: "personal",
        labels.COST_CENTRE: "acme-group",
        labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
    }
    for one in plan.objects:
        assert expected.items() <= one.meta.labels.items(), (
            f"{one.key} could not be billed, found or cleaned up"
        )


def test_namespaces_are_protected_and_held_to_the_restricted_standard_of_a_pinned_version():
    namespaces = [one for one in plan_environment(samples.fleet()).objects() if one.kind == "Namespace"]
    assert len(namespaces) == 9, "four cells, four tenants and the monitoring have a namespace each"
    for one in namespaces:
        assert one.protect, f"a slip would delete {one.meta.name} with all its volumes"
        for mode in ("enforce", "audit", "warn"):
            assert one.meta.labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
            assert one.meta.labels[f"pod-security.kubernetes.io/{mode}-version"] == "v1.37"


def test_a_change_of_ring_touches_the_namespace_alone():
    before = by_key(plan_tenant(samples.tenant(ring=1), samples.environment()))
    after = by_key(plan_tenant(samples.tenant(ring=2), samples.environment()))
    changed = [key for key in before if before[key] != after[key]]
    assert changed == ["namespace"], "moving a tenant to another ring would rewrite its policies and rights"


def test_an_override_reaches_the_quota_and_the_reasons():
    wanted = samples.tenant(overrides={"quota": {"storage": "80Gi"}})
    plan = plan_tenant(wanted, samples.environment())
    assert by_key(plan)["quota"].manifest["spec"]["hard"]["requests.storage"] == "80Gi"
    assert [one for one in plan.reasons if "requests.storage is 80Gi instead of the tier's 30Gi" in one], (
        "nobody could tell from the plan why this tenant has more than the others"
    )


def test_both_ways_are_denied_in_every_namespace():
    plan = plan_environment(samples.fleet())
    closed = {
        one.meta.namespace
        for one in policies(plan)
        if one.manifest["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    }
    namespaces = {part.namespace for part in (*plan.cells, *plan.tenants)}
    assert closed == namespaces, "a namespace without it is open to the whole cluster"


def test_every_peer_is_one_namespace_by_its_unforgeable_name_or_a_declared_range():
    plan = plan_environment(samples.fleet())
    # What PostgreSQL itself may reach is looked at in test_database.
    judged = [one for one in policies(plan) if one.key != "database-out"]
    found = [(one, peer) for one in judged for peer in peers(one)]
    assert len(found) > 20, "the check below would hold for nothing"
    for one, peer in found:
        if "ipBlock" in peer:
            assert peer["ipBlock"]["cidr"] in {"198.51.100.0/28", "203.0.113.16/28"}
        else:
            selector = peer["namespaceSelector"]
            assert list(selector) == ["matchLabels"]
            assert list(selector["matchLabels"]) == [labels.NAMESPACE_NAME], (
                f"{one.meta.name} selects namespaces by a label that somebody may be able to set"
            )


def test_a_tenant_reaches_its_own_cell_and_no_other():
    plan = plan_environment(samples.fleet())
    names = {part.namespace for part in (*plan.cells, *plan.tenants)}
    for tenant in plan.tenants:
        allowed = {
            peer["namespaceSelector"]["matchLabels"][labels.NAMESPACE_NAME]
            for peer in peers(by_key(tenant)["allow"])
            if "namespaceSelector" in peer
        }
        assert allowed & names == {tenant.namespace, f"cell-{tenant.cell}"}
        access = by_key(tenant)["cell-access"]
        assert access.meta.namespace == f"cell-{tenant.cell}"
        assert [
            peer["namespaceSelector"]["matchLabels"][labels.NAMESPACE_NAME] for peer in peers(access)
        ] == [tenant.namespace], "the cell would open its data to somebody else"


def test_a_tenant_reaches_outside_only_what_it_names_among_its_integrations():
    def ranges(tenant: TenantSpec) -> set[str]:
        planned = plan_tenant(tenant, samples.environment()).objects
        policies = [one for one in planned if one.kind == "NetworkPolicy"]
        return {peer["ipBlock"]["cidr"] for one in policies for peer in peers(one) if "ipBlock" in peer}

    assert ranges(samples.tenant()) == set()
    assert ranges(samples.tenant(integrations=["payments"])) == {"198.51.100.0/28"}


def test_a_copy_of_a_tenants_data_reaches_nothing_outside_the_cluster():
    planned = plan_tenant(samples.tenant(integrations=["payments"]), samples.environment()).objects
    for one in planned:
        if one.kind == "NetworkPolicy" and any("ipBlock" in peer for peer in peers(one)):
            assert one.manifest["spec"]["podSelector"] == {
                "matchExpressions": [{"key": labels.COPY, "operator": "DoesNotExist"}]
            }, f"a rehearsal on real customers' data would pay real invoices through {one.meta.name}"


def test_the_order_in_which_integrations_are_named_changes_nothing():
    one = plan_tenant(samples.tenant(integrations=["payments", "warehouse"]), samples.environment())
    other = plan_tenant(samples.tenant(integrations=["warehouse", "payments"]), samples.environment())
    assert one == other, "sorting a list in a tenant's file would change the cluster"


def test_a_team_may_read_no_secret_and_write_nothing_but_restart_a_pod():
    (role,) = [one for one in plan_platform(samples.environment()).objects if one.kind == "ClusterRole"]
    granted = {
        (group, resource, verb)
        for rule in role.manifest["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    resources = {resource for _, resource, _ in granted}
    assert not {one for one in resources if "*" in one or one.startswith(("namespaces", "secrets"))}
    assert not resources & {"pods/exec", "pods/portforward", "pods/attach", "serviceaccounts/token"}, (
        "each of them leads to the database server that other tenants use too"
    )
    assert {one for one in granted if one[2] not in {"get", "list", "watch"}} == {("", "pods", "delete")}


def test_a_team_has_its_rights_in_its_own_namespace_alone():
    plan = plan_environment(samples.fleet())
    bindings = [one for one in plan.objects() if one.kind.endswith("RoleBinding")]
    assert len(bindings) == len(plan.tenants)
    for tenant, one in zip(plan.tenants, bindings, strict=True):
        assert (one.kind, one.meta.namespace) == ("RoleBinding", tenant.namespace)
        assert one.manifest["roleRef"]["name"] == TEAM_ROLE
        assert [subject["name"] for subject in one.manifest["subjects"]] == [
            f"storefleet:tenant:{tenant.tenant}"
        ]


def test_higher_tiers_go_first_when_nodes_are_short():
    classes = [one for one in plan_platform(samples.environment()).objects if one.kind == "PriorityClass"]
    values = {one.meta.name: one.manifest["value"] for one in classes}
    assert values["storefleet-shared"] < values["storefleet-hybrid"] < values["storefleet-dedicated"]
    assert not any(one.manifest["globalDefault"] for one in classes), (
        "pods of other systems would be promoted"
    )


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Fleet, TenantSpec]:
    """Draw a random fleet, and one more tenant that is not in it."""
    ids = draw(st.lists(IDS, min_size=1, max_size=8, unique=True))
    everyone = [
        samples.tenant(
            one,
            cell=draw(st.sampled_from(["shared", "other"])),
            ring=draw(st.integers(0, 3)),
            data_sensitivity=draw(st.sampled_from(["internal", "personal"])),
            integrations=draw(st.lists(st.sampled_from(["payments", "warehouse"]), unique=True)),
        )
        for one in ids
    ]
    newcomer = everyone.pop(draw(st.integers(0, len(everyone) - 1)))
    return Fleet(samples.environment(), tuple(everyone)), newcomer


@given(fleets())
def test_one_more_tenant_changes_nothing_that_others_have(drawn):
    fleet, newcomer = drawn
    before = plan_environment(fleet)
    after = plan_environment(Fleet(fleet.environment, (*fleet.tenants, newcomer)))
    assert after.platform == before.platform
    assert after.cells == before.cells, "adding a tenant would touch the data namespaces of the others"
    assert [one for one in after.tenants if one.tenant != newcomer.id] == list(before.tenants)


@given(fleets())
def test_no_two_objects_of_an_environment_have_the_same_name(drawn):
    fleet, newcomer = drawn
    plan = plan_environment(Fleet(fleet.environment, (*fleet.tenants, newcomer)))
    seen = [identity(one) for one in plan.objects()]
    assert len(seen) == len(set(seen)), "two tenants would overwrite each other's object"
    for part in (plan.platform, *plan.cells, *plan.tenants):
        keys = [one.key for one in part.objects]
        assert len(keys) == len(set(keys)), "the engine refuses two resources of one name"


@given(IDS)
def test_names_and_labels_of_any_tenant_are_accepted_by_the_api_server(tenant_id):
    plan = plan_tenant(samples.tenant(tenant_id), samples.environment())
    assert len(plan.namespace) <= 63
    for one in plan.objects:
        assert NAME.fullmatch(one.meta.name), f"{one.kind} {one.meta.name} would be refused"
        for key, value in one.meta.labels.items():
            assert LABEL.fullmatch(value), f"{key}={value} would be refused"


def test_a_tenant_called_like_a_cell_shares_no_namespace_with_it():
    fleet = Fleet(samples.environment(), (samples.tenant("shared"), samples.tenant("cell-shared")))
    plan = plan_environment(fleet)
    namespaces = [part.namespace for part in (*plan.cells, *plan.tenants)]
    assert len(namespaces) == len(set(namespaces)), "a tenant would land among other tenants' databases"
