"""An environment, as its stack file states it: only what differs from the defaults here."""

import ipaddress
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from spec.aws import AwsSpec
from spec.clusters import Cluster, EksCluster, EmbeddedCluster
from spec.databases import DATABASES
from spec.delivery import CHECKOUT, DeliverySpec
from spec.model import SpecModel
from spec.object_store import ObjectStoreSpec
from spec.problems import either, refusal, suggestion
from spec.recovery import RecoverySpec, check_recovery
from spec.regions import regions_of
from spec.tiers import RESERVED_CONNECTIONS, TIERS
from spec.vocabulary import (
    CellId,
    Cidr,
    EnvironmentName,
    Fqdn,
    Jurisdiction,
    Port,
    Quantity,
    Slug,
    TenantId,
    Tier,
)

CELL_LIMIT: Final = 40
"""Most tenants that any cell may hold: see the tier table for what each tier allows."""
CONNECTION_LIMIT: Final = 2000
"""Most connections of a cell: each is a process of PostgreSQL, with some 10 MB of its own."""


LOG_DAYS_WITH_CUSTOMERS: Final = 365
"""Fewest days that logs are kept where customers are: a year, as PCI DSS 4.0 asks in 10.5.1."""


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
    web_pool: Annotated[int, Field(strict=True, ge=1, le=200)] = Field(
        default_factory=lambda data: DATABASES[data["tier"]].web_pool if "tier" in data else 1
    )
    """Server connections that its web pooler may hold for each tenant; the tier's number unless stated."""
    generation: Annotated[int, Field(strict=True, ge=1, le=999)] = 1
    """Which life of its database this is: a recovered one has the next number, and archives under it."""

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


_WORDS: Final = ("all", "resident")


def _word(value: object) -> object:
    if value not in _WORDS:
        fix = suggestion(value, _WORDS)
        raise refusal("does not say which tenants", allowed="all, resident or a list of ids", fix=fix)
    return value


def _selection(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "all"


Selection = Annotated[
    Annotated[Literal["all", "resident"], BeforeValidator(_word), Tag("all")]
    | Annotated[tuple[TenantId, ...], Field(min_length=1), Tag("list")],
    Discriminator(_selection),
]


_NETWORKS_HELP: Final = "address ranges of the cluster's own nodes, pods and services"


def _delivery_of(cluster: object) -> DeliverySpec | None:
    return DeliverySpec() if isinstance(cluster, EmbeddedCluster) else None


def _networks_of(aws: AwsSpec | None) -> tuple[str, ...]:
    return () if aws is None else (aws.network.cidr, aws.network.services)


def _version_of(aws: AwsSpec | None) -> str:
    return "v1.37" if aws is None else f"v{aws.kubernetes.version}"


class EnvironmentSpec(SpecModel):
    """An environment. Its name is the name of its stack."""

    name: EnvironmentName
    """local, dev, staging, production or dr."""
    cluster: Cluster
    """Where the cluster comes from."""
    aws: AwsSpec | None = None
    """What there is of AWS; None: nothing at all."""
    cluster_networks: Annotated[tuple[Cidr, ...], Field(min_length=1)] = Field(
        default_factory=lambda data: _networks_of(data.get("aws"))
    )
    """Address ranges of the cluster's own nodes, pods and services: no peer may lie in them. Those of the VPC
    and its services unless stated."""
    object_store: ObjectStoreSpec | None = None
    """An object store that is already there. None: the buckets of AWS, or in a local environment no backups."""
    recovery: RecoverySpec | None = None
    """How tenants are backed up one by one, and their backups drilled. None: not at all."""
    secret_store: Slug = "storefleet"  # noqa: S105 - the name of a store
    """The ClusterSecretStore that passwords are read from where there is no AWS; whoever runs the cluster has it."""
    cells: Annotated[dict[CellId, CellSpec], Field(min_length=1)]
    """The cells, by their ids."""
    delivery: DeliverySpec | None = Field(default_factory=lambda data: _delivery_of(data.get("cluster")))
    """What Argo CD reads. None: nothing is delivered by Argo CD, unless the cluster is the embedded one."""
    peers: dict[Slug, Peer] = Field(default_factory=dict)
    """Systems outside that tenants may name among their integrations."""
    tenants: Selection = "all"
    """Which tenants live here: all, resident (those whose data may lie here and whose cell is here), or a list
    of ids."""
    domain_suffix: Fqdn | None = None
    """Appended to every domain of the tenants, so that a copy never answers for the real shop."""
    wait_seconds: Annotated[int, Field(strict=True, ge=10, le=3600)] = 120
    """Longest wait, in seconds, for one object to become ready."""
    pod_security_version: Annotated[str, Field(pattern=r"^v1\.[0-9]{1,3}$")] = Field(
        default_factory=lambda data: _version_of(data.get("aws"))
    )
    """Version of the Pod Security Standards that namespaces are held to; that of an EKS cluster unless stated."""
    dns: Dns = Dns()
    """Where pods resolve names."""
    ingress_namespace: Slug = "traefik"
    """Namespace of the ingress controller: the only one from which tenants are reached."""

    @property
    def jurisdictions(self) -> frozenset[Jurisdiction]:
        """The laws under which data may lie here: that of the region, or without AWS those of the cells."""
        if self.aws is not None:
            return frozenset({self.aws.jurisdiction})
        return frozenset(cell.jurisdiction for cell in self.cells.values())

    @model_validator(mode="after")
    def _clouds_agree(self) -> Self:
        """Hold the cluster, the cells and what only the environment dr has against the region."""
        aws = self.aws
        if aws is None:
            if isinstance(self.cluster, EksCluster):
                message = "the cluster is made in AWS, and nothing says in which account"
                raise refusal(
                    message, at=("aws",), fix="add aws: and, under it, account, region and the rest"
                )
            return self
        for name, cell in self.cells.items():
            if cell.jurisdiction is not aws.jurisdiction:
                message = (
                    f"the cell {name} keeps its data in {cell.jurisdiction}, and {aws.region} is under the law "
                    f"of {aws.jurisdiction}"
                )
                fix = "declare the cell in a stack of a region there: " + either(
                    regions_of(cell.jurisdiction)
                )
                raise refusal(message, at=("cells", name, "jurisdiction"), fix=fix)
        second = self.name is EnvironmentName.DR
        for field, value in (("standby", aws.standby), ("stands_in_for", aws.stands_in_for)):
            if (value is not None) != second:
                message = (
                    f"belongs to the environment dr, {'where it is missing' if second else 'and to no other'}"
                )
                fix = f"add {field} under aws" if second else "remove the line"
                raise refusal(message, at=("aws", field), fix=fix)
        customers = self.name in {EnvironmentName.PRODUCTION, EnvironmentName.DR}
        if customers and aws.log_days is not None and aws.log_days < LOG_DAYS_WITH_CUSTOMERS:
            message = f"{aws.log_days} days are fewer than an intrusion goes unnoticed where customers are"
            allowed = f"{LOG_DAYS_WITH_CUSTOMERS} or more, or leave the line out"
            raise refusal(message, at=("aws", "log_days"), allowed=allowed)
        return self

    @model_validator(mode="after")
    def _delivers_what_it_can_read(self) -> Self:
        near = isinstance(self.cluster, EmbeddedCluster)
        if self.delivery is not None and self.delivery.repository == CHECKOUT and not near:
            message = "is a folder of this machine, and Argo CD runs in another cluster"
            fix = "write the https:// address of the repository"
            raise refusal(message, at=("delivery", "repository"), fix=fix)
        return self

    @model_validator(mode="after")
    def _has_one_object_store(self) -> Self:
        """Hold databases to a place for their backups: only what runs nothing may do without."""
        made = self.aws is not None and self.aws.object_storage == "s3"
        if self.object_store is None:
            if not made and self.name is not EnvironmentName.LOCAL:
                message = "nothing says where the backups of the databases go"
                fix = "name a store that is already there: object_store: {endpoint: ..., bucket: ...}"
                raise refusal(message, at=("object_store",), fix=fix)
            return self
        if made:
            message = "names a store, and the buckets of AWS are made as well"
            fix = "remove the lines, or write object_storage: given under aws"
            raise refusal(message, at=("object_store",), fix=fix)
        if self.object_store.endpoint.startswith("http://") and self.object_store.namespace is None:
            message = "would send backups through the network in plain text"
            raise refusal(
                message,
                at=("object_store", "endpoint"),
                allowed="https://, or http:// to a service of the cluster (name.namespace.svc)",
            )
        return self

    @model_validator(mode="after")
    def _backs_its_tenants_up(self) -> Self:
        customers = self.name in {EnvironmentName.PRODUCTION, EnvironmentName.DR}
        made = self.aws is not None and self.aws.object_storage == "s3"
        check_recovery(self.recovery, customers=customers, stored=made or self.object_store is not None)
        return self

    @model_validator(mode="after")
    def _takes_over_with_what_it_needs(self) -> Self:
        cluster = self.cluster
        if not isinstance(cluster, EmbeddedCluster) or cluster.stands_in_for is None:
            return self
        at = ("cluster", "stands_in_for")
        if cluster.pods != "real":
            message = "where nothing runs in pods, nothing can be taken over"
            raise refusal(message, at=at, fix="write pods: real beside it, or remove the line")
        if self.object_store is None or self.recovery is None:
            message = "nothing says where the copies of the lost environment's backups are, or who opens them"
            fix = "add object_store: {endpoint: ..., bucket: ...} and recovery: {image: ..., recipients: [age1...]}"
            raise refusal(message, at=at, fix=fix)
        return self

    @model_validator(mode="after")
    def _has_networks(self) -> Self:
        if not self.cluster_networks:
            fix = "add a line cluster_networks: ..."
            raise refusal("is missing", at=("cluster_networks",), allowed=_NETWORKS_HELP, fix=fix)
        return self

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
