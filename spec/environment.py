"""An environment, as its stack file states it: only what differs from the defaults here."""

import ipaddress
from typing import Annotated, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from spec.model import SpecModel
from spec.problems import refusal
from spec.tiers import RESERVED_CONNECTIONS, TIERS
from spec.vocabulary import (
    CellId,
    Cidr,
    EnvironmentName,
    Jurisdiction,
    Port,
    Quantity,
    Slug,
    TenantId,
    Tier,
    Title,
)

CELL_LIMIT: Final = 40
"""Most tenants that any cell may hold: see the tier table for what each tier allows."""
CONNECTION_LIMIT: Final = 2000
"""Most connections of a cell: each is a process of PostgreSQL, with some 10 MB of its own."""


class EmbeddedCluster(SpecModel):
    """The cluster that Storefleet starts itself."""

    source: Literal["embedded"] = "embedded"
    """embedded: started by ``make up`` on this machine."""


class GivenCluster(SpecModel):
    """A cluster that is already there."""

    source: Literal["kubeconfig"]
    """kubeconfig: any cluster that a kubeconfig file leads to."""
    path: Title
    """Path of the kubeconfig file; its content never enters the state."""
    context: Title | None = None
    """Context in that file; its current one unless stated."""


Cluster = Annotated[EmbeddedCluster | GivenCluster, Field(discriminator="source")]


class Dns(SpecModel):
    """Where the tenants' pods resolve names."""

    namespace: Slug = "kube-system"
    """Namespace of the DNS pods."""
    pod_labels: Annotated[dict[str, str], Field(min_length=1)] = Field(
        default_factory=lambda: {"k8s-app": "kube-dns"}
    )
    """Labels of the DNS pods."""


class Peer(SpecModel):
    """A system outside the cluster that tenants may call when they name it among their integrations."""

    cidr: Cidr
    """Its addresses."""
    ports: Annotated[tuple[Port, ...], Field(min_length=1, max_length=20)]
    """Its TCP ports."""


class CellSpec(SpecModel):
    """A cell: one PostgreSQL cluster and what belongs to it; the blast radius of a database."""

    tier: Tier
    """The tier of the tenants that it holds."""
    jurisdiction: Jurisdiction
    """Where its data stays: eu, uk or ch."""
    max_tenants: Annotated[int, Field(strict=True, ge=1, le=CELL_LIMIT)] = Field(
        default_factory=lambda data: TIERS[data["tier"]].max_tenants if "tier" in data else 1
    )
    """Most tenants that it may hold; the tier's number unless stated."""

    max_connections: Annotated[int, Field(strict=True, ge=RESERVED_CONNECTIONS + 10, le=CONNECTION_LIMIT)] = (
        Field(default_factory=lambda data: TIERS[data["tier"]].max_connections if "tier" in data else 1)
    )
    """Server connections of its PostgreSQL cluster; the tier's number unless stated."""
    storage: Quantity = Field(
        default_factory=lambda data: TIERS[data["tier"]].cell_storage if "tier" in data else "1Gi"
    )
    """Volume of its databases, in bytes; the tier's size unless stated."""

    @model_validator(mode="after")
    def _bears_its_tenants(self) -> Self:
        most = TIERS[self.tier].max_tenants
        if self.max_tenants > most:
            message = f"a {self.tier} cell cannot hold {self.max_tenants} tenants"
            raise refusal(
                message,
                at=("max_tenants",),
                allowed=f"at most {most}",
                fix=f"write max_tenants: {most} and add a cell",
            )
        return self


def _selection(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "all"


Selection = Annotated[
    Annotated[Literal["all"], Tag("all")] | Annotated[tuple[TenantId, ...], Field(min_length=1), Tag("list")],
    Discriminator(_selection),
]


class EnvironmentSpec(SpecModel):
    """An environment. Its name is the name of its stack."""

    name: EnvironmentName
    """local, dev, staging, production or dr."""
    cluster: Cluster
    """Where the cluster comes from."""
    cluster_networks: Annotated[tuple[Cidr, ...], Field(min_length=1)]
    """Address ranges of the cluster's own nodes, pods and services: no peer may lie in them."""
    cells: Annotated[dict[CellId, CellSpec], Field(min_length=1)]
    """The cells, by their ids."""
    peers: dict[Slug, Peer] = Field(default_factory=dict)
    """Systems outside that tenants may name among their integrations."""
    tenants: Selection = "all"
    """Which tenants live here: all, or a list of ids."""
    wait_seconds: Annotated[int, Field(strict=True, ge=10, le=3600)] = 120
    """Longest wait, in seconds, for one object to become ready."""
    pod_security_version: Annotated[str, Field(pattern=r"^v1\.[0-9]{1,3}$")] = "v1.37"
    """Version of the Pod Security Standards that namespaces are held to."""
    dns: Dns = Dns()
    """Where pods resolve names."""
    ingress_namespace: Slug = "traefik"
    """Namespace of the ingress controller: the only one from which tenants are reached."""

    @model_validator(mode="after")
    def _peers_are_outside(self) -> Self:
        inside = [ipaddress.ip_network(text) for text in self.cluster_networks]
        for name, peer in self.peers.items():
            network = ipaddress.ip_network(peer.cidr)
            for own in inside:
                if network.version == own.version and network.overlaps(own):
                    message = f"the peer {name} ({peer.cidr}) overlaps the cluster's own network {own}"
                    fix = "name only addresses outside: a peer inside would open a way between tenants"
                    raise refusal(message, at=("peers", name, "cidr"), fix=fix)
        return self
