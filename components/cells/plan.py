"""What exists for a cell, and why: the namespace of its data, its PostgreSQL and its cache."""

from dataclasses import dataclass

from components.cache.pod import plan_cache_pod
from components.database.plan import plan_database
from components.labelling import cell_labels, pod_security_labels
from components.manifests import KubeObject, manifest
from components.network import namespace_peer, network_policy, to_dns
from spec import labels
from spec.environment import CellSpec, EnvironmentSpec
from spec.naming import cell_namespace


@dataclass(frozen=True, kw_only=True)
class CellPlan:
    """Everything that a cell consists of before its first tenant."""

    cell: str
    namespace: str
    wait_seconds: int
    objects: tuple[KubeObject, ...]


def plan_cell(cell_id: str, cell: CellSpec, environment: EnvironmentSpec) -> CellPlan:
    """Plan one cell. Its tenants are not looked at: each brings the policy that lets it in."""
    namespace = cell_namespace(cell_id)
    own = cell_labels(cell_id, cell, environment.name)
    here = namespace_peer(namespace)
    role = {labels.ROLE: labels.ROLE_CELL}
    return CellPlan(
        cell=cell_id,
        namespace=namespace,
        wait_seconds=environment.wait_seconds,
        objects=(
            KubeObject(
                key="namespace",
                manifest=manifest(
                    "v1",
                    "Namespace",
                    namespace,
                    labels=own | role | pod_security_labels(environment.pod_security_version),
                ),
                why=(
                    "Holds the data of all tenants of the cell, so it is protected. PostgreSQL runs as an "
                    "ordinary user without capabilities, so the restricted standard costs nothing here."
                ),
                protect=True,
            ),
            KubeObject(
                key="quota",
                manifest=manifest(
                    "v1",
                    "ResourceQuota",
                    "exposure",
                    namespace=namespace,
                    labels=own,
                    spec={"hard": {"services.nodeports": "0", "services.loadbalancers": "0"}},
                ),
                why="A database is never reachable from outside the cluster, whoever asks for it.",
            ),
            KubeObject(
                key="default-deny",
                manifest=network_policy(
                    "default-deny", namespace=namespace, labels=own, ingress=(), egress=()
                ),
                why="Nothing reaches the data and it reaches nothing, unless another policy says so.",
            ),
            KubeObject(
                key="allow",
                manifest=network_policy(
                    "allow",
                    namespace=namespace,
                    labels=own,
                    ingress=[{"from": [here]}],
                    egress=[{"to": [here]}, to_dns(environment.dns)],
                ),
                why="A primary and its replicas reach each other, and find each other by name.",
            ),
            *plan_database(cell_id, cell, environment),
            *plan_cache_pod(cell_id, cell, environment),
        ),
    )
