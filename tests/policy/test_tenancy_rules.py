"""The rules between tenants (routes, rights, nodes, references), each broken in several ways."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.policy.baseline import CELL_NAMESPACE, baseline
from tests.policy.breaks import BREAKS, Break, broken
from tests.policy.changes import Case, added, another_tenant, assert_refused, both, pop, put
from tests.policy.harness import judge
from tests.policy.parts import CELL, NAMESPACE, Stack, an_object

pytestmark = pytest.mark.policy

POD = "spec/template/spec"


def peer(*names: str, key: str = "kubernetes.io/metadata.name") -> Mapping[str, Any]:
    expression = {"key": key, "operator": "In", "values": list(names)}
    return {"from": [{"namespaceSelector": {"matchExpressions": [expression]}}]}


def binding(kind: str, role: str, subject: Mapping[str, str], **more: Any) -> Break:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return added("rbac.authorization.k8s.io/v1", kind, roleRef=reference, subjects=[subject], **more)


def volume(handle: str, claim: str, **labels: str) -> Mapping[str, Any]:
    spec = {
        "csi": {"driver": "efs.csi.aws.com", "volumeHandle": handle},
        "claimRef": {"namespace": claim, "name": "files"},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    own = {**baseline()["files"]["metadata"]["labels"], **labels}
    return an_object("v1", "PersistentVolume", "extra", namespace=None, labels=own, spec=spec)


def two_claims_on_one_volume(stack: Stack) -> None:
    stack.add("a", volume("fs-1::ap-1", NAMESPACE))
    stack.add("b", volume("fs-1::ap-1", "t-birch", **{"storefleet.dev/tenant": "birch"}))


def claim_of_another(stack: Stack) -> None:
    other = volume("fs-1::ap-1", "t-birch", **{"storefleet.dev/tenant": "birch"})
    stack.add("volume", other)
    stack["files"]["spec"]["volumeName"] = "extra"


ROUTE = "spec/routes/0"
GROUP = {"kind": "Group", "name": "storefleet:tenant:acorn"}
EVERYBODY = {"kind": "Group", "name": "system:authenticated"}
ACCOUNT = {"kind": "ServiceAccount", "name": "odoo", "namespace": "t-birch"}

CASES: list[Case] = [
    ("ingress-tls", BREAKS["ingress-tls"], "no certificate for acorn.example"),
    ("ingress-tls", put("ingress", "spec/rules/0/host", pop), "spec.rules[0] names no host"),
    ("ingress-tls", put("ingress", "spec/defaultBackend", {"service": {}}), "spec.defaultBackend"),
    ("ingress-tls", put("ingress", "metadata/annotations", {}), "nothing sends plain HTTP to HTTPS"),
    ("ingress-tls", put("route", "spec/tls", pop), "spec.tls names no certificate"),
    ("ingress-tls", put("route", "spec/tls", {}), "its own self-signed one"),
    ("ingress-tls", put("route", "spec/entryPoints", pop), "served on every entry point"),
    ("ingress-tls", put("route", "spec/entryPoints", ["web", "websecure"]), "entry points without TLS"),
    ("ingress-tls", put("route", f"{ROUTE}/match", "PathPrefix(`/`)"), "hosts that it does not name"),
    (
        "ingress-host-owned",
        BREAKS["ingress-host-owned"],
        "birch.example, which is none of the domains of t-acorn",
    ),
    ("ingress-host-owned", put("namespace", "metadata/annotations", {}), "none of the domains of t-acorn"),
    (
        "ingress-host-owned",
        added("cert-manager.io/v1", "Certificate", spec={"dnsNames": ["birch.example"]}),
        "spec.dnsNames is birch.example, which is none of the domains of t-acorn",
    ),
    (
        "ingress-host-owned",
        added("cert-manager.io/v1", "Certificate", spec={"dnsNames": ["*.acorn.example"]}),
        "spec.dnsNames is the wildcard *.acorn.example",
    ),
    (
        "ingress-host-owned",
        both(
            put("ingress", "spec/rules/0/host", "*.acorn.example"),
            put("ingress", "spec/tls/0/hosts", ["*.acorn.example"]),
        ),
        "is the wildcard *.acorn.example",
    ),
    (
        "ingress-host-owned",
        put("route", f"{ROUTE}/match", "Host(`shop.acorn.example`) && HostRegexp(`.*`)"),
        "gives hosts as a pattern",
    ),
    (
        "ingress-host-owned",
        both(
            another_tenant(cell="south", tier="shared"),
            lambda stack: stack.add(
                "extra",
                {
                    **stack["route"],
                    "metadata": {**stack["other-quota"]["metadata"], "name": "stolen"},
                },
            ),
        ),
        "is shop.acorn.example, which is a domain of t-acorn",
    ),
    (
        "ingress-host-owned",
        both(
            another_tenant(cell="south", tier="shared"),
            put("namespace", "metadata/annotations/storefleet.dev~domains", "birch.example"),
        ),
        "its domain birch.example is also a domain of t-acorn",
    ),
    ("service-exposure", BREAKS["service-exposure"], "of type NodePort"),
    ("service-exposure", put("service", "spec/type", "ExternalName"), "of type ExternalName"),
    ("service-exposure", put("service", "spec/externalIPs", ["203.0.113.7"]), "spec.externalIPs"),
    (
        "service-exposure",
        added("v1", "Service", namespace=CELL_NAMESPACE, labels=CELL, spec={"type": "LoadBalancer"}),
        "of type LoadBalancer",
    ),
    ("rbac-least", BREAKS["rbac-least"], "rules[0].verbs has a wildcard"),
    ("rbac-least", put("role", "rules/0/resources", ["*/scale"]), "rules[0].resources has a wildcard"),
    ("rbac-least", put("role", "rules/0/verbs", ["get", "escalate"]), "rules[0] gives escalate"),
    ("rbac-least", put("role", "rules/0/resources", ["namespaces/finalize"]), "reaches namespaces/finalize"),
    ("rbac-least", binding("RoleBinding", "cluster-admin", GROUP), "it gives cluster-admin"),
    (
        "rbac-least",
        binding("RoleBinding", "view", EVERYBODY),
        "which is everybody",
    ),
    ("rbac-least", binding("ClusterRoleBinding", "view", GROUP, namespace=None), "holds in every namespace"),
    ("rbac-least", binding("ClusterRoleBinding", "view", ACCOUNT, namespace=None), "belongs to one tenant"),
    ("dedicated-compute", BREAKS["dedicated-compute"], "nodes without storefleet.dev/pool=dedicated"),
    (
        "dedicated-compute",
        put("web", f"{POD}/nodeSelector/storefleet.dev~tenant", "birch"),
        "storefleet.dev/tenant=acorn",
    ),
    ("dedicated-compute", put("web", f"{POD}/tolerations", []), "do not tolerate"),
    ("dedicated-compute", lambda stack: stack.remove("nodes"), "no pool of nodes is labelled"),
    ("dedicated-compute", put("nodes", "spec/template/spec/taints", []), "no pool of nodes"),
    ("dedicated-compute", another_tenant(tier="shared"), "together with that of other"),
    (
        "dedicated-compute",
        put("namespace", "metadata/labels/storefleet.dev~tier", "shared"),
        "which others pay for",
    ),
    ("no-cross-tenant-ref", BREAKS["no-cross-tenant-ref"], "who belongs to t-birch"),
    (
        "no-cross-tenant-ref",
        binding("RoleBinding", "view", ACCOUNT),
        "subjects[0] is odoo, who belongs to t-birch",
    ),
    ("no-cross-tenant-ref", put("allow", "spec/ingress", [peer("t-birch")]), "names t-birch"),
    (
        "no-cross-tenant-ref",
        put("allow", "spec/ingress", [peer("a", key="team")]),
        "by labels that others may set",
    ),
    ("no-cross-tenant-ref", put("route", f"{ROUTE}/services/0/namespace", "t-birch"), "leads to t-birch"),
    (
        "no-cross-tenant-ref",
        put("route", f"{ROUTE}/services/0/name", "api@internal"),
        "names api@internal, which is not in t-acorn",
    ),
    ("no-cross-tenant-ref", two_claims_on_one_volume, "the same storage as PersistentVolume extra (a)"),
    ("no-cross-tenant-ref", claim_of_another, "spec.volumeName is extra, which is kept for t-birch"),
    (
        "no-cross-tenant-ref",
        lambda stack: stack.add("volume", volume("fs-1::ap-1", "t-birch")),
        "is a volume of acorn and is kept for a claim in t-birch",
    ),
    (
        "no-cross-tenant-ref",
        both(
            another_tenant(cell="south", tier="shared"),
            added(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                namespace=CELL_NAMESPACE,
                labels=CELL,
                spec={"podSelector": {}, "ingress": [peer("t-birch")]},
            ),
        ),
        "spec.ingress[0] names t-birch, which is another tenant's",
    ),
]


@pytest.mark.parametrize(("rule", "change", "problem"), CASES, ids=[f"{r}: {p}" for r, _, p in CASES])
def test_a_stack_broken_in_one_place_is_refused_by_that_rule_alone(rule, change, problem):
    assert_refused(rule, change, problem)


def route_in(namespace: str) -> Mapping[str, Any]:
    spec = {
        "entryPoints": ["websecure"],
        "routes": [{"kind": "Rule", "match": "Host(`status.platform.example`)"}],
        "tls": {"secretName": "x"},
    }
    return an_object("traefik.io/v1alpha1", "IngressRoute", "status", namespace=namespace, spec=spec)


def test_a_host_outside_all_tenants_belongs_to_the_namespace_that_has_it_first():
    def change(stack):
        stack.add("one", route_in("argocd"))
        stack.add("two", route_in("argocd"))

    assert not judge(broken(change)).breaches
    assert_refused(
        "ingress-host-owned",
        both(change, lambda stack: stack.add("three", route_in("monitoring"))),
        "claims status.platform.example, which a route in argocd answers to",
    )


def test_domains_of_a_namespace_of_another_program_come_from_the_configuration():
    own = {"ingress-host-owned": {"domains": ["t-acorn=acorn.example", "t-acorn=shop.acorn.example"]}}
    stack = broken(lambda stack: stack.remove("namespace"))
    assert "ingress-host-owned" in judge(stack).rules
    assert "ingress-host-owned" not in judge(stack, own).rules


def test_a_cluster_that_is_given_needs_no_pool_in_the_program():
    given = {"dedicated-compute": {"poolRequired": False}}
    assert not judge(broken(lambda stack: stack.remove("nodes")), given).breaches


def test_outside_production_the_pool_need_not_be_the_tenants_own():
    def change(stack):
        stack.remove("nodes")
        stack["namespace"]["metadata"]["labels"]["storefleet.dev/environment"] = "local"
        del stack["web"]["spec"]["template"]["spec"]["nodeSelector"]["storefleet.dev/tenant"]

    assert not judge(broken(change)).breaches


def test_a_tenant_of_the_cell_may_be_named_in_the_cells_policies():
    spec = {"podSelector": {}, "ingress": [peer(NAMESPACE)]}
    policy = an_object(
        "networking.k8s.io/v1", "NetworkPolicy", "x", namespace=CELL_NAMESPACE, labels=CELL, spec=spec
    )
    assert not judge(broken(lambda stack: stack.add("x", policy))).breaches
