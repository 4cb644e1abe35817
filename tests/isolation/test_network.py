"""Who reaches whom: the live network policies, judged by an analyser that is not ours, against a declared table.

Nothing runs in the pods of the embedded environment, so no packet is sent. Cyclonus reads the policies as the API
server holds them and says for each connection whether they allow it, which is what a network plugin would enforce.
"""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from components.database.walls import OPERATOR_NAMESPACE, POSTGRES_PODS
from components.monitoring.logins import NAME, ROUTER
from components.monitoring.prober import PROBER
from local.progress import Progress
from local.toolchain import catalog
from local.toolchain.build import ensure
from spec import labels
from spec.naming import MONITORING, cell_namespace, tenant_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from spec.fleet import Fleet
    from tests.isolation.client import Client

pytestmark = pytest.mark.integration

Kind = Literal[
    "tenant", "cell", "database", "prober", "ingress", "dns", "system", "operator", "metrics", "store", "other",
    "peer", "internet",
]  # fmt: skip
"""`database` is a pod of a cell that PostgreSQL runs in; `cell` is any other one, such as the cache."""

PORTS = (
    ("TCP", 22),
    ("TCP", 53),
    ("UDP", 53),
    ("TCP", 80),
    ("TCP", 443),
    ("UDP", 443),
    ("TCP", 5432),
    ("TCP", 6379),
    ("UDP", 6379),
    ("TCP", 6443),
    ("TCP", 8000),
    ("TCP", 8069),
    ("TCP", 8072),
    ("TCP", 8443),
    ("TCP", 8883),
    ("TCP", 9000),
    ("TCP", 9115),
    ("TCP", 9187),
)
WEB = {("TCP", 8069), ("TCP", 8072)}
DATA = {("TCP", 5432), ("TCP", 6379)}
DNS = {("TCP", 53), ("UDP", 53)}
API = {("TCP", 443), ("TCP", 6443)}
STATUS = {("TCP", 5432), ("TCP", 8000)}
DOORS: dict[tuple[Kind, Kind], set[tuple[str, int]]] = {
    ("ingress", "tenant"): WEB,
    ("operator", "database"): STATUS,
    ("metrics", "database"): {("TCP", 9187)},
    ("prober", "ingress"): {("TCP", 8443)},
}
"""What is open whoever the two are."""

UNGOVERNED: frozenset[Kind] = frozenset(
    {"ingress", "dns", "system", "operator", "metrics", "store", "other", "peer", "internet"}
)
"""Where Storefleet closes nothing: what happens among these is not its business."""

_ANSWER = re.compile(r"IS ALLOWED\?\s*\|\s*(TRUE|FALSE)")


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod of a namespace, or an address outside."""

    kind: Kind
    name: str
    address: str
    namespace: str = ""
    pods: tuple[tuple[str, str], ...] = ()

    def peer(self) -> dict[str, Any]:
        if not self.namespace:
            return {"IP": self.address}
        inside = {
            "Namespace": self.namespace,
            "NamespaceLabels": {labels.NAMESPACE_NAME: self.namespace},
            "PodLabels": dict(self.pods),
        }
        return {"IP": self.address, "Internal": inside}


def expected(fleet: Fleet, source: End, target: End, protocol: str, port: int) -> bool:
    """Say whether a connection is meant to be possible. This is the declared table."""
    door = (protocol, port)
    match source.kind, target.kind:
        case ("tenant", "tenant") | ("cell" | "database", "cell" | "database"):
            meant = source.namespace == target.namespace
        case pair if pair in DOORS:
            meant = door in DOORS[pair]
        case ("tenant", "cell" | "database"):
            meant = cell_namespace(fleet.tenant(source.name).cell) == target.namespace and door in DATA
        # Whoever may ask the prober can have it call any address: Prometheus alone, and of addresses few.
        case ("metrics", "prober"):
            meant = source.name == "metrics" and door == ("TCP", 9115)
        case ("database", "store") if door == ("TCP", 9000):
            meant = True
        # An API server has no pods that could be named, so its ports are open to the cluster's addresses.
        case ("database", _) if target.kind in UNGOVERNED and door in API:
            meant = any(
                ipaddress.ip_address(target.address) in ipaddress.ip_network(own)
                for own in fleet.environment.cluster_networks
            )
        case ("tenant" | "cell" | "database" | "prober", "dns"):
            meant = door in DNS
        case ("tenant", "peer"):
            peer = fleet.environment.peers[target.name]
            meant = (
                target.name in fleet.tenant(source.name).integrations
                and protocol == "TCP"
                and port in peer.ports
            )
        case _:
            meant = source.kind in UNGOVERNED and target.kind in UNGOVERNED
    return meant


def ends(fleet: Fleet) -> Iterator[End]:
    """Every kind of end: two pods in each namespace of ours, and whoever else there is."""
    environment = fleet.environment
    numbers = iter(range(1, 10_000))

    def inside(kind: Kind, name: str, namespace: str, **pods: str) -> End:
        address = str(ipaddress.ip_address("10.0.0.0") + next(numbers))
        return End(kind, name, address, namespace, tuple(pods.items()))

    for tenant in fleet.tenants:
        yield inside("tenant", tenant.id, tenant_namespace(tenant.id), app="web")
        yield inside("tenant", tenant.id, tenant_namespace(tenant.id), app="cron")
    for cell in environment.cells:
        for role in ("primary", "replica"):
            yield inside("database", cell, cell_namespace(cell), role=role, **POSTGRES_PODS)
            yield inside("cell", cell, cell_namespace(cell), role=role)
    yield inside("ingress", "ingress", environment.ingress_namespace, **ROUTER)
    yield inside("dns", "dns", environment.dns.namespace, **environment.dns.pod_labels)
    yield inside("system", "system", environment.dns.namespace, app="other")
    yield inside("other", "neighbour", "default", app="neighbour")
    yield inside("operator", "operator", OPERATOR_NAMESPACE, app="cloudnative-pg")
    yield inside("metrics", "metrics", MONITORING, **{NAME: "prometheus"})
    yield inside("metrics", "grafana", MONITORING, **{NAME: "grafana"})
    yield inside("prober", "prober", MONITORING, **{NAME: PROBER})
    if environment.object_store and environment.object_store.namespace:
        yield inside("store", "store", environment.object_store.namespace, app="objects")
    # As a tenant's, cell's and ingress controller's pods look, but in somebody else's namespace.
    yield inside("other", "impostor", "somebodys", **ROUTER, **POSTGRES_PODS, **environment.dns.pod_labels)
    yield inside("other", "impostor of Prometheus", "somebodys", **{NAME: "prometheus"})
    for name, peer in environment.peers.items():
        yield End("peer", name, str(ipaddress.ip_network(peer.cidr)[1]))
    yield End("internet", "a server", "93.184.216.34")
    yield End("internet", "the metadata of the node", "169.254.169.254")
    yield End("internet", "an address of the cluster that nobody has", "10.200.0.1")


Connection: TypeAlias = tuple[End, End, str, int]


def connections(fleet: Fleet) -> list[Connection]:
    """Return every connection between two ends of which at least one is in the cluster, on every port."""
    everybody = list(ends(fleet))
    return [
        (source, target, protocol, port)
        for source, target in product(everybody, everybody)
        if source is not target and (source.namespace or target.namespace)
        for protocol, port in PORTS
    ]


def judge(policies: list[dict[str, Any]], asked: list[Connection], folder: Path) -> list[bool]:
    """Return what Cyclonus says of each connection."""
    (folder / "policies").mkdir()
    for number, policy in enumerate(policies):
        # It reads the first document of a file alone, so each policy has a file of its own.
        document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **policy}
        (folder / "policies" / f"{number}.yaml").write_text(json.dumps(document))
    traffic = [
        {"Source": source.peer(), "Destination": target.peer(), "Protocol": protocol, "ResolvedPort": port}
        for source, target, protocol, port in asked
    ]
    (folder / "traffic.json").write_text(json.dumps(traffic))
    cyclonus = ensure(Progress(), [catalog.CYCLONUS])[catalog.CYCLONUS.name]
    command = [str(cyclonus), "analyze", "--mode", "query-traffic"]
    command += ["--policy-path", str(folder / "policies"), "--traffic-path", str(folder / "traffic.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    answers = [found == "TRUE" for found in _ANSWER.findall(done.stdout)]
    assert len(answers) == len(asked), "the analyser left something unanswered"
    return answers


@pytest.fixture(scope="module")
def policies(client: Client, fleet: Fleet) -> list[dict[str, Any]]:
    found = client.items("/apis/networking.k8s.io/v1/networkpolicies")
    assert len(found) >= 2 * (len(fleet.tenants) + len(fleet.environment.cells))
    return found


@pytest.fixture(scope="module")
def verdicts(
    fleet: Fleet, policies: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[Connection, bool]:
    asked = connections(fleet)
    return dict(zip(asked, judge(policies, asked, tmp_path_factory.mktemp("network")), strict=True))


def test_the_live_network_policies_allow_what_was_declared_and_nothing_else(
    fleet: Fleet, verdicts: dict[Connection, bool], figures: dict[str, int]
):
    wrong: dict[bool, list[str]] = {True: [], False: []}
    for (source, target, protocol, port), allowed in verdicts.items():
        if allowed != expected(fleet, source, target, protocol, port):
            wrong[allowed].append(
                f"{source.kind} {source.name} -> {target.kind} {target.name} {protocol}/{port}"
            )
    assert not wrong[True], f"{len(wrong[True])} connections are open that must not be: {wrong[True][:10]}"
    assert not wrong[False], (
        f"{len(wrong[False])} connections are closed that are needed: {wrong[False][:10]}"
    )
    figures["connections judged: 0 false allows, 0 false denies"] = len(verdicts)
    figures["of them allowed"] = sum(verdicts.values())


def test_every_row_of_the_table_was_put_to_the_test(fleet: Fleet, verdicts: dict[Connection, bool]):
    kinds = {(source.kind, target.kind, allowed) for (source, target, *_), allowed in verdicts.items()}
    for row in (
        ("tenant", "tenant", True),
        ("tenant", "tenant", False),
        ("cell", "cell", True),
        ("cell", "cell", False),
        ("ingress", "tenant", True),
        ("ingress", "tenant", False),
        ("tenant", "cell", True),
        ("tenant", "cell", False),
        ("cell", "tenant", False),
        ("tenant", "dns", True),
        ("tenant", "system", False),
        ("tenant", "peer", True),
        ("tenant", "peer", False),
        ("cell", "peer", False),
        ("cell", "database", True),
        ("cell", "database", False),
        ("database", "database", True),
        ("database", "database", False),
        ("tenant", "database", True),
        ("tenant", "database", False),
        ("operator", "database", True),
        ("operator", "cell", False),
        ("metrics", "database", True),
        ("metrics", "database", False),
        ("metrics", "prober", True),
        ("metrics", "prober", False),
        ("prober", "ingress", True),
        ("prober", "ingress", False),
        ("prober", "dns", True),
        ("prober", "tenant", False),
        ("prober", "database", False),
        ("prober", "internet", False),
        ("ingress", "prober", False),
        ("other", "prober", False),
        ("tenant", "prober", False),
        ("database", "store", True),
        ("database", "store", False),
        ("cell", "store", False),
        ("database", "internet", False),
        ("database", "tenant", False),
        ("other", "tenant", False),
        ("other", "cell", False),
        ("ingress", "cell", False),
        ("internet", "tenant", False),
        ("tenant", "internet", False),
    ):
        assert row in kinds, f"no connection of the row {row} was judged: its ends are missing from the fleet"


def test_a_policy_that_is_missing_is_noticed(fleet: Fleet, policies: list[dict[str, Any]], tmp_path: Path):
    home = tenant_namespace(fleet.tenants[0].id)
    left = [one for one in policies if one["metadata"]["namespace"] != home]
    asked = [one for one in connections(fleet) if one[1].namespace == home and one[0].kind == "other"]
    assert any(judge(left, asked, tmp_path)), "a namespace without policies would pass for a closed one"
