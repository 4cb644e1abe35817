"""Namespaces keep their labels, and what holds data is not deleted by a slip: on the live API server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from spec import labels
from spec.naming import cell_namespace, team_group, tenant_namespace
from tests.isolation.client import ADMIN, Actor, eventually
from tests.isolation.objects import claim, role_binding
from tests.isolation.test_bad_objects import REFUSED, check, policy

if TYPE_CHECKING:
    from collections.abc import Generator

    from spec.fleet import Fleet
    from spec.tenant import TenantSpec
    from tests.isolation.client import Answer, Client
    from tests.isolation.objects import Object

pytestmark = pytest.mark.integration

LABELS = policy("required-labels-namespaces")
STANDARD = policy("tenant-isolation-standard")
WALLS = policy("tenant-isolation-walls")
DELETION = policy("stateful-protected")
RBAC = "is forbidden: User"

PROBE = "t-isolation-probe"
POD_SECURITY = "pod-security.kubernetes.io/"


@pytest.fixture(scope="module")
def tenant(shared: tuple[TenantSpec, TenantSpec]) -> TenantSpec:
    return shared[0]


@pytest.fixture(scope="module")
def team(tenant: TenantSpec) -> Actor:
    return Actor("somebody@tenant.example", (team_group(tenant.id), "system:authenticated"))


@pytest.fixture(scope="module")
def home(tenant: TenantSpec) -> str:
    return f"/api/v1/namespaces/{tenant_namespace(tenant.id)}"


def patch(client: Client, path: str, actor: Actor = ADMIN, **metadata: object) -> Answer:
    return client.call("PATCH", path, {"metadata": metadata}, actor=actor, dryRun="All")


def test_a_tenants_team_reads_its_namespaces_objects_and_cannot_touch_the_namespace(
    client: Client, home: str, team: Actor
):
    pods = client.call("GET", f"{home}/pods", actor=team)
    for bad in (
        patch(client, home, team, labels={labels.TIER: "dedicated"}),
        patch(client, home, team, annotations={labels.DOMAINS: "www.other.example"}),
        patch(client, f"{home}/status", team, labels={labels.TENANT: "other"}),
        client.call("PUT", f"{home}/finalize", {}, actor=team, dryRun="All"),
        client.call("DELETE", home, actor=team, dryRun="All"),
        client.call("DELETE", f"{home}/persistentvolumeclaims", actor=team, dryRun="All"),
        client.call("GET", f"{home}/secrets", actor=team),
    ):
        check(bad, pods, RBAC)


def test_a_team_gets_no_further_rights(client: Client, home: str, tenant: TenantSpec, team: Actor):
    group = "rbac.authorization.k8s.io"
    bindings = f"/apis/{group}/v1/namespaces/{tenant_namespace(tenant.id)}/rolebindings"
    subject = {"apiGroup": group, "kind": "Group", "name": team.groups[0]}
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    pods = client.call("GET", f"{home}/pods", actor=team)
    for bad in (
        client.call("POST", bindings, role_binding(subject), actor=team, dryRun="All"),
        client.call("POST", f"/apis/{group}/v1/clusterrolebindings", {}, actor=team, dryRun="All"),
        client.call("POST", f"{home}/serviceaccounts/odoo/token", token, actor=team, dryRun="All"),
        client.call("POST", f"{home}/pods", {}, actor=team, dryRun="All"),
        client.call("GET", f"{home}/pods/any/exec", actor=team, command="sh"),
    ):
        check(bad, pods, RBAC)


def test_who_may_do_everything_but_is_not_the_platform_changes_no_bounds(
    client: Client, home: str, tenant: TenantSpec, operator: Actor
):
    name = tenant_namespace(tenant.id)
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
    quota = {"spec": {"hard": {"pods": "1000"}}}
    policies = f"/apis/networking.k8s.io/v1/namespaces/{name}/networkpolicies"
    bindings = f"/apis/{group}/v1/namespaces/{name}/rolebindings"
    requests: list[tuple[str, str, Object | None]] = [
        ("PATCH", f"{home}/resourcequotas/tenant", quota),
        ("DELETE", f"{home}/limitranges/tenant", None),
        ("DELETE", f"{policies}/default-deny", None),
        ("DELETE", policies, None),
        ("POST", bindings, role_binding(subject, "view")),
    ]
    for method, path, body in requests:
        bad = client.call(method, path, body, actor=operator, dryRun="All")
        check(bad, client.call(method, path, body, dryRun="All"), WALLS)


CHANGED = {
    "the tier": {"labels": {labels.TIER: "dedicated"}},
    "the domains": {"annotations": {labels.DOMAINS: "www.other.example"}},
    "a label taken away": {"labels": {labels.COST_CENTRE: None}},
    "a label added": {"labels": {f"{labels.DOMAIN}/exempt": "true"}},
    "the strictness of its pods": {"labels": {f"{POD_SECURITY}warn": "privileged"}},
    "the confirmation of its end": {"annotations": {labels.CONFIRM_DELETION: "t 2026-01-01"}},
}


@pytest.mark.parametrize("metadata", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("part", ["", "/status"])
def test_what_a_namespace_says_of_itself_is_changed_by_the_platform_alone(
    client: Client, home: str, operator: Actor, metadata: Object, part: str
):
    check(patch(client, home + part, operator, **metadata), patch(client, home + part, **metadata), LABELS)
    own = patch(client, home + part, operator, labels={"team.example/note": "ours"})
    assert own.status == 200, f"labels that mean nothing to the platform are nobody's business: {own.message}"


LASTING = {
    "whose it is": ({labels.TENANT: "other"}, LABELS),
    "that it is a tenant's": ({labels.ROLE: labels.ROLE_CELL}, LABELS),
    "nobody's": ({labels.TENANT: None}, LABELS),
    "without a role": ({labels.ROLE: None}, LABELS),
    "its environment": ({labels.ENVIRONMENT: "production"}, LABELS),
    "not restricted": ({f"{POD_SECURITY}enforce": "privileged"}, STANDARD),
    "without a standard": ({f"{POD_SECURITY}enforce": None}, STANDARD),
    "of the latest version": ({f"{POD_SECURITY}enforce-version": "latest"}, STANDARD),
}


@pytest.mark.parametrize(("change", "mechanism"), LASTING.values(), ids=LASTING)
def test_what_a_namespace_is_for_good_not_even_the_platform_changes(
    client: Client, home: str, change: Object, mechanism: str
):
    check(patch(client, home, labels=change), patch(client, home, labels={labels.RING: "2"}), mechanism)


def namespace(name: str, **own: str) -> Object:
    standard = {f"{POD_SECURITY}enforce": "restricted", f"{POD_SECURITY}enforce-version": "v1.37"}
    found = {f"{labels.DOMAIN}/{key.replace('_', '-')}": value for key, value in own.items()}
    metadata = {"name": name, "labels": {**standard, **found}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


IMPOSTORS = {
    "in a tenant's name, with another's label": namespace("t-new", role="tenant", tenant="other"),
    "with a tenant's role and no tenant's name": namespace("new", role="tenant", tenant="new"),
    "with a tenant's label alone": namespace("new", tenant="other"),
    "in a cell's name, as a tenant's": namespace("cell-new", role="tenant", tenant="new"),
    "in a tenant's name, as nobody's": namespace("t-new"),
}


@pytest.mark.parametrize("bad", IMPOSTORS.values(), ids=IMPOSTORS)
def test_a_namespace_that_pretends_is_refused(client: Client, operator: Actor, bad: Object):
    path, good = "/api/v1/namespaces", namespace("t-new", role="tenant", tenant="new")
    check(client.call("POST", path, bad, dryRun="All"), client.call("POST", path, good, dryRun="All"), LABELS)
    by_other = client.call("POST", path, good, actor=operator, dryRun="All")
    assert LABELS in by_other.message, "whoever may make namespaces could make himself a tenant"


def days(offset: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=offset):%Y-%m-%d}"


def confirm(client: Client, path: str, text: str | None) -> None:
    answer = client.call("PATCH", path, {"metadata": {"annotations": {labels.CONFIRM_DELETION: text}}})
    assert answer.status == 200, answer.message


def guarded(client: Client, path: str, name: str, *others: Actor) -> None:
    """Try to delete what is at `path`: only a confirmation of it, of this day, lets anybody do it."""
    unconfirmed = (
        None,
        "yes",
        name,
        days(0),
        f"{name} {days(-2)}",
        f"{name} {days(3)}",
        f"{name}x {days(0)}",
    )
    for text in (*unconfirmed, f"{name} and all {days(0)}", f"{name} 2026-02-30"):
        confirm(client, path, text)
        for actor in (ADMIN, *others):
            answer = client.call("DELETE", path, actor=actor, dryRun="All")
            assert answer.status in REFUSED, f"{path} can be deleted with {text!r}"
            assert DELETION in answer.message, answer.message
    assert f"{name} {days(0)}" in answer.message, "the refusal does not say what to write"
    confirm(client, path, f"{name} {days(0)}")
    answer = client.call("DELETE", path)
    assert answer.status in (200, 202), answer.message


def gone(client: Client, path: str) -> bool:
    return eventually(lambda: client.call("GET", path).status == 404)


@pytest.fixture
def probe(client: Client) -> Generator[str]:
    """A tenant's namespace of our own, with a claim in it."""
    path = f"/api/v1/namespaces/{PROBE}"
    made = client.call(
        "POST", "/api/v1/namespaces", namespace(PROBE, role="tenant", tenant="isolation-probe", tier="shared")
    )
    assert made.status == 201, made.message
    for name in ("one", "two", "three"):
        answer = client.call("POST", f"{path}/persistentvolumeclaims", claim("storefleet-files", name=name))
        assert answer.status == 201, answer.message
    yield path
    if client.call("GET", path).status == 200:
        confirm(client, path, f"{PROBE} {days(0)}")
        client.call("DELETE", path)
        assert gone(client, path)


def test_a_namespace_goes_with_everything_in_it_only_after_it_was_confirmed(
    client: Client, probe: str, operator: Actor
):
    guarded(client, probe, PROBE, operator)
    assert gone(client, probe), "the guard keeps the controllers from finishing a confirmed deletion"


def test_a_claim_and_all_claims_at_once_are_guarded(client: Client, probe: str, operator: Actor):
    claims = f"{probe}/persistentvolumeclaims"
    answer = client.call("DELETE", claims, actor=operator)
    assert DELETION in answer.message, "one call deletes all volumes of a tenant"
    guarded(client, f"{claims}/one", "one", operator)
    left = [
        one["metadata"]["name"] for one in client.items(claims) if "deletionTimestamp" not in one["metadata"]
    ]
    assert left == ["three", "two"], "the guard of one claim let go of another"


def test_databases_of_a_cell_are_guarded(client: Client, fleet: Fleet, operator: Actor):
    home = cell_namespace(min(fleet.environment.cells))
    collection = f"/apis/postgresql.cnpg.io/v1/namespaces/{home}/clusters"
    cluster = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "isolation-probe"},
        "spec": {"instances": 1, "storage": {"size": "1Gi"}},
    }
    made = client.call("POST", collection, cluster)
    assert made.status == 201, made.message
    guarded(client, f"{collection}/isolation-probe", "isolation-probe", operator)


def test_a_volume_that_outlives_its_claim_is_guarded(client: Client, tenant: TenantSpec):
    name = "isolation-probe"
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "storefleet-files",
            "claimRef": {"namespace": tenant_namespace(tenant.id), "name": "files"},
            "csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0"},
        },
    }
    made = client.call("POST", "/api/v1/persistentvolumes", volume)
    assert made.status == 201, made.message
    guarded(client, f"/api/v1/persistentvolumes/{name}", name)


def test_what_holds_nothing_is_deleted_as_ever(client: Client):
    path = "/api/v1/namespaces/isolation-plain"
    made = client.call("POST", "/api/v1/namespaces", {"metadata": {"name": "isolation-plain"}})
    assert made.status == 201, made.message
    assert client.call("DELETE", path).status == 200
    assert gone(client, path)


def test_the_server_finds_no_fault_with_the_types_in_any_policy(client: Client):
    group = "/apis/admissionregistration.k8s.io/v1"
    policies = client.items(f"{group}/validatingadmissionpolicies")
    assert len(policies) == len(client.items(f"{group}/validatingadmissionpolicybindings")) >= 8
    for one in policies:
        status = one.get("status", {})
        assert status.get("observedGeneration") == one["metadata"]["generation"]
        assert not status["typeChecking"].get("expressionWarnings"), one["metadata"]["name"]
