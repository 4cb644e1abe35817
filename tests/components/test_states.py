"""What exists for a tenant on its way out, and how the program knows what exists."""

from typing import Any

import pytest

from components.plan import plan_environment
from components.tenancy.applied import applied_tenants
from components.tenancy.explain import explain
from components.tenancy.plan import TenantPlan, plan_tenant
from spec import labels
from spec.fleet import Fleet
from spec.lifecycle import Applied
from spec.vocabulary import EnvironmentName, TenantState
from tests.components import samples
from tests.components.golden import as_yaml, check_golden
from tests.spec.cases import TODAY

pytestmark = pytest.mark.unit

BACKUP = {"at": "2026-10-01", "digest": "sha256:" + "0" * 64, "verified_by": "ops@acme.example"}
RECORDS: dict[str, dict[str, Any]] = {
    "active": {},
    "suspended": {"state": "suspended"},
    "archived": {"state": "archived", "final_backup": BACKUP},
    "purged": {"state": "purged", "final_backup": BACKUP, "purge": f"acme {TODAY}"},
}
STATES = list(RECORDS)


def planned(state: str) -> TenantPlan:
    return plan_tenant(samples.tenant(integrations=["payments"], **RECORDS[state]), samples.environment())


def spec_of(plan: TenantPlan, key: str) -> dict[str, Any]:
    (found,) = [one for one in plan.objects if one.key == key]
    return dict(found.manifest["spec"])


@pytest.mark.golden
@pytest.mark.parametrize("state", STATES[1:])
def test_what_a_tenant_consists_of_on_its_way_out_is_on_file(state):
    plan = planned(state)
    check_golden(
        f"tenant.{state}.yaml", as_yaml(plan.objects, plan.reasons), f"every {state} tenant would be changed."
    )


@pytest.mark.parametrize("state", STATES)
def test_the_namespace_carries_the_state_for_delivery_and_for_the_next_run(state):
    (namespace,) = [one for one in planned(state).objects if one.kind == "Namespace"]
    assert namespace.meta.labels[labels.STATE] == state


@pytest.mark.parametrize("state", STATES)
def test_everything_stateful_is_protected_until_a_purge_is_confirmed(state):
    (namespace,) = [one for one in planned(state).objects if one.kind == "Namespace"]
    assert namespace.protect == (state != "purged")


@pytest.mark.parametrize("state", STATES)
def test_the_wall_around_a_tenant_stands_in_every_state(state):
    keys = {one.key for one in planned(state).objects}
    assert {"namespace", "quota", "limits", "default-deny", "allow"} <= keys, (
        "the policy pack would refuse it"
    )


def test_nobody_gets_in_once_a_tenant_is_suspended():
    for state in STATES[1:]:
        assert "ingress" not in spec_of(planned(state), "allow"), f"the shop would be open while {state}"
    assert "ingress" in spec_of(planned("active"), "allow"), "the check above would hold for nothing"


def test_a_suspended_tenant_reaches_its_data_for_the_last_backup_and_nothing_outside():
    egress = str(spec_of(planned("suspended"), "allow")["egress"])
    assert "cell-shared" in egress
    assert "ipBlock" not in egress
    assert spec_of(planned("suspended"), "quota")["hard"]["pods"] == "1"


@pytest.mark.parametrize("state", ["archived", "purged"])
def test_nothing_runs_and_nobody_reaches_the_data_of_a_tenant_at_rest(state):
    plan = planned(state)
    assert spec_of(plan, "quota")["hard"]["pods"] == "0"
    assert not {"cell-access", "team", "service-account"} & {one.key for one in plan.objects}
    assert "cell-shared" not in str(spec_of(plan, "allow"))


@pytest.mark.parametrize("state", STATES[1:])
def test_the_plan_says_what_the_state_means(state):
    assert planned(state).reasons[0].startswith(f"The state is {state}")


def test_a_purge_takes_two_runs_and_touches_nobody_else():
    others = [samples.tenant("bolt"), samples.tenant("dune", tier="dedicated")]
    fleet = Fleet(samples.environment(), (samples.tenant(**RECORDS["purged"]), *others))
    archived = {"acme": Applied(state=TenantState.ARCHIVED, cell="shared")}
    first = plan_environment(fleet, archived)
    written = {"acme": Applied(state=TenantState.PURGED, cell="shared", confirmed=f"t-acme {TODAY}")}
    second = plan_environment(fleet, written)
    assert [each.tenant for each in first.tenants] == ["acme", "bolt", "dune"]
    assert [each.tenant for each in second.tenants] == ["bolt", "dune"]
    assert second.tenants == first.tenants[1:]
    assert second.cells == first.cells
    assert plan_environment(fleet) == second, "a new cluster would bring a purged tenant back"


class Namespaces:
    """A cluster that holds what a plan would have created, as the API server lists it."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.listed, self.query = list(items), dict[str, str]()

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        self.query = query
        return self.listed if path == "/api/v1/namespaces" else []


@pytest.mark.parametrize("state", STATES)
def test_what_was_planned_is_read_back_from_the_cluster(state):
    (namespace,) = [one for one in planned(state).objects if one.kind == "Namespace"]
    cluster = Namespaces(dict(namespace.manifest))
    (found,) = applied_tenants(cluster, EnvironmentName.LOCAL).items()
    confirmed = f"t-acme {TODAY}" if state == "purged" else ""
    assert found == (
        "acme",
        Applied(
            state=TenantState(state),
            cell="shared",
            domains=frozenset({"www.acme.example"}),
            confirmed=confirmed,
        ),
    )


def test_only_the_tenants_of_this_environment_are_asked_for():
    cluster = Namespaces()
    assert applied_tenants(cluster, EnvironmentName.STAGING) == {}
    selector = cluster.query["labelSelector"].split(",")
    assert f"{labels.ENVIRONMENT}=staging" in selector, "dev and staging may share a cluster"
    assert f"{labels.ROLE}=tenant" in selector


@pytest.mark.parametrize("state", [None, "retired"])
def test_a_namespace_without_a_known_state_counts_as_active(state):
    own = {labels.TENANT: "acme", labels.CELL: "shared"} | ({labels.STATE: state} if state else {})
    found = applied_tenants(Namespaces({"metadata": {"labels": own}}), EnvironmentName.LOCAL)
    assert found["acme"].state is TenantState.ACTIVE, "it could be purged without having been suspended"


def test_a_namespace_that_is_being_deleted_is_known_to_be():
    own = {labels.TENANT: "acme", labels.CELL: "shared", labels.STATE: "purged"}
    metadata = {"labels": own, "deletionTimestamp": "2026-11-23T10:00:00Z"}
    assert applied_tenants(Namespaces({"metadata": metadata}), EnvironmentName.LOCAL)["acme"].ending


def test_an_explanation_names_every_object_and_every_reason():
    waiver = {
        "rule": "deep-customisation", "owner": "risk@acme.example", "reason": "Until January",
        "expires": "2026-12-03",
    }  # fmt: skip
    own = samples.tenant(customisation="deep", waivers=[waiver])
    told = explain(own, Fleet(samples.environment(), (own, samples.tenant("bolt"))), TODAY)
    assert told.plan == plan_tenant(own, samples.environment())
    text = "\n".join((*told.reasoning, *told.guarantees))
    for part in (
        "where hybrid is recommended", "10 days left", "2 of 40 tenants", "48 of 960 connections",
        "web 4 (2 x 2 through the pooler) + websocket 8 ((1 + 1) x 1 x 4)", "= 24;", "its role at most 28",
        "web through postgres-web.cell-shared.svc, all others to postgres-rw.cell-shared.svc",
        "kept for 30 days", "5 minutes", "4 hours", "www.acme.example",
    ):  # fmt: skip
        assert part in text, f"the reader would not learn: {part}"


def test_the_explanation_of_a_purged_tenant_says_that_nothing_is_left():
    gone = samples.tenant(**RECORDS["purged"])
    told = explain(gone, Fleet(samples.environment(), (gone,)), TODAY)
    assert told.plan is None
    assert "nothing exists" in told.guarantees[0]
