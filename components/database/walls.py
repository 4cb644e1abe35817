"""Who reaches the pods of a cell besides its tenants, and whom PostgreSQL reaches."""

from collections.abc import Sequence
from typing import Final

from components.database.backups import BackupPlace
from components.manifests import KubeObject
from components.network import Rule, namespace_peer, network_policy, ports
from spec.clusters import EksCluster
from spec.environment import EnvironmentSpec
from spec.naming import DATABASE_CLUSTER, MONITORING, cell_namespace

OPERATOR_NAMESPACE: Final = "cnpg-system"
STATUS_PORT: Final = 8000
"""Where the operator asks each instance how it is."""
METRICS_PORTS: Final = (9127, 9187)
"""Metrics of PgBouncer and of PostgreSQL."""
API_PORTS: Final = (443, 6443)
"""Where an API server listens: its Service, or itself."""
POSTGRES_PODS: Final = {"cnpg.io/cluster": DATABASE_CLUSTER}
"""Instances, their jobs and the pooler."""
_POSTGRES_PORT: Final = 5432
_POD_IDENTITY: Final = "169.254.170.23/32"
"""Where the pods of EKS get the credentials of their role."""
_HTTP: Final = 80


def plan_walls(
    cell_id: str, environment: EnvironmentSpec, place: BackupPlace | None, labels: dict[str, str]
) -> tuple[KubeObject, ...]:
    """Plan the ways in for operator and metrics, and the ways out for PostgreSQL."""
    namespace = cell_namespace(cell_id)
    return (
        KubeObject(
            key="operators",
            manifest=network_policy(
                "from-operators",
                namespace=namespace,
                labels=labels,
                pods=POSTGRES_PODS,
                ingress=[
                    {
                        "from": [namespace_peer(OPERATOR_NAMESPACE)],
                        "ports": ports(STATUS_PORT, _POSTGRES_PORT),
                    },
                    {"from": [namespace_peer(MONITORING)], "ports": ports(*METRICS_PORTS)},
                ],
            ),
            why="The operator asks PostgreSQL how it is, and metrics are collected; neither reaches the cache.",
        ),
        KubeObject(
            key="database-out",
            manifest=network_policy(
                "database-out",
                namespace=namespace,
                labels=labels,
                pods=POSTGRES_PODS,
                egress=_ways_out(environment, place),
            ),
            why="PostgreSQL's pods talk to the API server about who is primary"
            + (", and write their backups to the object store." if place else "; there are no backups here."),
        ),
    )


def _ways_out(environment: EnvironmentSpec, place: BackupPlace | None) -> Sequence[Rule]:
    # An API server has no pods that could be selected, and its address is not known when this is planned.
    api = [{"ipBlock": {"cidr": cidr}} for cidr in environment.cluster_networks]
    rules: list[Rule] = [{"to": api, "ports": ports(*API_PORTS)}]
    return rules if place is None else [*rules, *ways_to_store(environment, place)]


def ways_to_store(environment: EnvironmentSpec, place: BackupPlace) -> list[Rule]:
    """Return the egress rules by which a pod reaches the object store, and in EKS the credentials for it."""
    rules: list[Rule] = [{"to": [place.peer], "ports": ports(place.port)}]
    if not place.endpoint and isinstance(environment.cluster, EksCluster):
        rules.append({"to": [{"ipBlock": {"cidr": _POD_IDENTITY}}], "ports": ports(_HTTP)})
    return rules
