"""Nobody of a tenant reaches anything of another: asked of the live API server's own authoriser.

A small fleet is asked about pair by pair. Beyond that the server is asked on behalf of a coalition: somebody who is
in the teams and behind the service accounts of all tenants but one at the same time. Rights only add up in RBAC,
nothing takes one away, so what the coalition may not do none of its members may; and the questions grow with the
tenants, not with their square. `STOREFLEET_TEST_MATRIX=pairs` or `=coalition` chooses.
"""

from __future__ import annotations

import os
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

import pytest

from components.tenancy.plan import SERVICE_ACCOUNT
from spec.naming import cell_namespace, team_group, tenant_namespace
from tests.isolation.client import Actor, Resource, eventually
from tests.isolation.objects import role_binding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from spec.fleet import Fleet
    from tests.isolation.client import Client

pytestmark = pytest.mark.integration

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")

FURTHER = (
    ("rbac.authorization.k8s.io", "roles", ("escalate", "bind")),
    ("rbac.authorization.k8s.io", "clusterroles", ("escalate", "bind")),
    ("", "serviceaccounts", ("impersonate",)),
    ("", "users", ("impersonate",)),
    ("", "groups", ("impersonate",)),
    ("certificates.k8s.io", "signers", ("approve", "sign", "attest")),
)
"""Verbs with a meaning of their own, some on resources that no discovery lists."""

READ = frozenset({"get", "list", "watch"})
OWN: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods/log",
            "pods/status",
            "resourcequotas",
            "serviceaccounts",
            "services",
            "deployments.apps",
            "replicasets.apps",
            "statefulsets.apps",
            "horizontalpodautoscalers.autoscaling",
            "cronjobs.batch",
            "jobs.batch",
            "endpointslices.discovery.k8s.io",
            "events.events.k8s.io",
            "ingresses.networking.k8s.io",
            "networkpolicies.networking.k8s.io",
            "poddisruptionbudgets.policy",
        ),
        READ,
    ),
    "pods": READ | {"delete"},
}
"""All that a tenant's team may do, in its own namespace: what docs/reference/security.md promises."""

EVERYBODY = {
    *((verb, "clustertrustbundles.certificates.k8s.io") for verb in READ),
    ("create", "selfsubjectaccessreviews.authorization.k8s.io"),
    ("create", "selfsubjectrulesreviews.authorization.k8s.io"),
    ("create", "selfsubjectreviews.authentication.k8s.io"),
}
"""What Kubernetes itself lets everybody do: ask about oneself; and every service account: read public roots."""

SYSTEM = ("kube-system", "default", "kube-public")


SMALL = 8
"""Tenants up to which asking for every pair takes less than a minute."""


class Access(NamedTuple):
    verb: str
    group: str
    resource: str

    @property
    def key(self) -> tuple[str, str]:
        return self.verb, f"{self.resource}.{self.group}" if self.group else self.resource

    def asked(self, actor: Actor, namespace: str) -> dict[str, Any]:
        name, _, part = self.resource.partition("/")
        attributes = {
            "verb": self.verb,
            "group": self.group,
            "resource": name,
            "subresource": part,
            "namespace": namespace,
        }
        return {"user": actor.user, "groups": list(actor.groups), "resourceAttributes": attributes}


def accesses(resources: Iterable[Resource], *, namespaced: bool) -> list[Access]:
    listed = [
        Access(verb, one.group, one.name)
        for one in resources
        if one.namespaced == namespaced
        for verb in VERBS
    ]
    return listed + [Access(verb, group, name) for group, name, verbs in FURTHER for verb in verbs]


def member(tenant_id: str) -> Actor:
    """Somebody who is the tenant's service account and in its team, and so may whatever either may."""
    space = tenant_namespace(tenant_id)
    groups = (team_group(tenant_id), "system:serviceaccounts", f"system:serviceaccounts:{space}")
    return Actor(f"system:serviceaccount:{space}:{SERVICE_ACCOUNT}", (*groups, "system:authenticated"))


def coalition(members: list[Actor]) -> list[Actor]:
    """Return one actor with everybody's groups, once for each service account: a user has only one name."""
    groups = tuple(sorted({group for one in members for group in one.groups}))
    return [Actor(one.user, groups) for one in members]


def allowed(client: Client, asked: list[tuple[Access, Actor]], namespace: str) -> set[tuple[str, str]]:
    """Return what is allowed in a namespace to anybody who is asked about."""
    answers = client.reviews(access.asked(actor, namespace) for access, actor in asked)
    return {access.key for (access, _), yes in zip(asked, answers, strict=True) if yes}


def by_all(every: list[Access], fleet: Fleet, but: str = "") -> list[tuple[Access, Actor]]:
    """Ask for each access once, for a coalition of all tenants but one; its names take turns."""
    members = [member(one.id) for one in fleet.tenants if one.id != but]
    return list(zip(every, cycle(coalition(members)), strict=False))


def by_each(every: list[Access], fleet: Fleet, but: str) -> list[tuple[Access, Actor]]:
    """Ask for each access for each of the other tenants."""
    return [(access, member(one.id)) for one in fleet.tenants if one.id != but for access in every]


@pytest.fixture(scope="module")
def resources(client: Client) -> list[Resource]:
    return client.resources()


def test_no_tenant_may_do_anything_in_the_namespace_of_another(
    client: Client, fleet: Fleet, resources: list[Resource], figures: dict[str, int]
):
    every = accesses(resources, namespaced=True)
    usual = "pairs" if len(fleet.tenants) <= SMALL else "coalition"
    ask = by_each if os.environ.get("STOREFLEET_TEST_MATRIX", usual) == "pairs" else by_all
    total = 0
    for tenant in fleet.tenants:
        asked = ask(every, fleet, tenant.id)
        found = allowed(client, asked, tenant_namespace(tenant.id))
        assert not found, f"other tenants may do this in the namespace of {tenant.id}: {sorted(found)}"
        total += len(asked)
    pairs = len(fleet.tenants) * (len(fleet.tenants) - 1)
    figures["accesses across tenants (pairs x kinds and subresources x verbs) covered, 0 allowed"] = (
        pairs * len(every)
    )
    figures["SubjectAccessReviews for them"] = total
    assert len(every) > 1000, "the server lists far more than that: the matrix lost most of it"
    assert pairs > 1, "one tenant alone proves nothing"


def test_no_tenant_may_do_anything_in_a_cell_in_the_system_or_everywhere_at_once(
    client: Client, fleet: Fleet, resources: list[Resource]
):
    every = accesses(resources, namespaced=True)
    cells = [cell_namespace(cell) for cell in fleet.environment.cells]
    for namespace in (*cells, *SYSTEM, ""):
        found = allowed(client, by_all(every, fleet), namespace)
        assert not found, f"tenants may do this in {namespace or 'all namespaces'}: {sorted(found)}"


def test_no_tenant_may_do_anything_to_the_cluster_but_ask_about_itself(
    client: Client, fleet: Fleet, resources: list[Resource]
):
    found = allowed(client, by_all(accesses(resources, namespaced=False), fleet), "")
    assert found == EVERYBODY, "what is not in the list above is a way out"


def test_what_a_tenant_may_do_at_home_is_what_was_promised(
    client: Client, fleet: Fleet, resources: list[Resource]
):
    every = accesses(resources, namespaced=True)
    promised = {(verb, name) for name, verbs in OWN.items() for verb in verbs}
    for tenant in fleet.tenants:
        home = tenant_namespace(tenant.id)
        answers = client.reviews(access.asked(member(tenant.id), home) for access in every)
        found = {access.key for access, yes in zip(every, answers, strict=True) if yes}
        assert found == promised, f"{tenant.id}: {sorted(found ^ promised)}"


def test_a_service_account_may_do_nothing_even_at_home(
    client: Client, fleet: Fleet, resources: list[Resource]
):
    tenant = fleet.tenants[0]
    home = tenant_namespace(tenant.id)
    for name in (SERVICE_ACCOUNT, "default"):
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated")
        actor = Actor(f"system:serviceaccount:{home}:{name}", groups)
        every = accesses(resources, namespaced=True)
        answers = client.reviews(access.asked(actor, home) for access in every)
        assert not any(answers), f"whoever breaks into a pod with {name} can use the API"


def test_nothing_in_the_cluster_is_bound_to_a_tenant_but_its_team(client: Client, fleet: Fleet):
    group = "/apis/rbac.authorization.k8s.io/v1"
    homes = {tenant_namespace(one.id): one.id for one in fleet.tenants}
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in client.items(f"{group}/{kind}"):
            for subject in binding.get("subjects") or []:
                name, where = subject["name"], binding["metadata"].get("namespace")
                if name.startswith("storefleet:tenant:"):
                    assert homes.get(where or "") == name.removeprefix("storefleet:tenant:"), binding[
                        "metadata"
                    ]
                assert subject.get("namespace") not in homes, f"{binding['metadata']} gives rights to a pod"
                assert not any(home in name for home in homes), (
                    f"{binding['metadata']} names a tenant's account"
                )


def test_the_matrix_finds_a_right_that_should_not_be_there(
    client: Client, fleet: Fleet, resources: list[Resource]
):
    victim, thief = fleet.tenants[:2]
    home = tenant_namespace(victim.id)
    group = "rbac.authorization.k8s.io"
    path = f"/apis/{group}/v1/namespaces/{home}/rolebindings"
    subject = {"apiGroup": group, "kind": "Group", "name": team_group(thief.id)}
    assert client.call("POST", path, role_binding(subject, "storefleet-tenant-team", home)).status == 201
    try:
        every = [one for one in accesses(resources, namespaced=True) if one.resource.startswith("pods")]
        promised = {(verb, name) for name, verbs in OWN.items() for verb in verbs if name.startswith("pods")}
        assert eventually(lambda: allowed(client, by_all(every, fleet, victim.id), home) == promised), (
            "the matrix above would not notice a binding for another tenant's team"
        )
    finally:
        client.call("DELETE", f"{path}/probe")


CALLS: Mapping[str, tuple[str, str]] = {
    "read a secret": ("GET", "/api/v1/namespaces/{}/secrets/any"),
    "list its pods": ("GET", "/api/v1/namespaces/{}/pods"),
    "see its namespace": ("GET", "/api/v1/namespaces/{}"),
    "relabel it": ("PATCH", "/api/v1/namespaces/{}"),
    "relabel it by its status": ("PATCH", "/api/v1/namespaces/{}/status"),
    "start a pod": ("POST", "/api/v1/namespaces/{}/pods"),
    "enter a pod": ("POST", "/api/v1/namespaces/{}/pods/web/exec"),
    "get a token": ("POST", "/api/v1/namespaces/{}/serviceaccounts/odoo/token"),
    "open its network": ("DELETE", "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/default-deny"),
    "raise its quota": ("PATCH", "/api/v1/namespaces/{}/resourcequotas/tenant"),
    "route its domain": ("POST", "/apis/traefik.io/v1alpha1/namespaces/{}/ingressroutes"),
    "delete it": ("DELETE", "/api/v1/namespaces/{}"),
}


def requests(fleet: Fleet) -> Iterator[tuple[str, Actor, str, str]]:
    ids = [one.id for one in fleet.tenants]
    for tenant_id, other in zip(ids, [*ids[1:], ids[0]], strict=True):
        for what, (method, path) in CALLS.items():
            yield (
                f"{tenant_id} may {what} of {other}",
                member(tenant_id),
                method,
                path.format(tenant_namespace(other)),
            )


def test_real_calls_to_another_tenants_namespace_are_refused(client: Client, fleet: Fleet):
    for what, actor, method, path in requests(fleet):
        body = None if method in {"GET", "DELETE"} else {}
        answer = client.call(
            method, path, body, actor=actor, **({} if method == "GET" else {"dryRun": "All"})
        )
        assert answer.status == 403, what
        assert "is forbidden: User" in answer.message, f"{what}: refused, but not for lack of rights"
