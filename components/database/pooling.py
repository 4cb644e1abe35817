"""The pooler of a cell: web processes share server connections by transaction, and everybody else goes past it."""

from typing import Any, Final

from components.manifests import KubeObject, manifest
from spec.databases import pool_share, poolers_in
from spec.environment import CellSpec, EnvironmentSpec
from spec.naming import DATABASE_CLUSTER, POOLER, cell_namespace

CATALOGUE: Final = "storefleet"
"""Name of the ImageCatalog in each cell's namespace."""
PGBOUNCER_KEY: Final = "pgbouncer"

_CLIENTS_FOR_EACH: Final = 10
"""Client connections for each server connection of a full cell: workers that wait cost PgBouncer a few kB."""


def plan_pooler(
    cell_id: str,
    cell: CellSpec,
    environment: EnvironmentSpec,
    labels: dict[str, str],
    placement: dict[str, Any],
) -> KubeObject:
    """Plan the pooler of a cell; `placement` is where its pods may run, as the fields of a pod's spec."""
    pods = poolers_in(cell.tier, environment.name)
    share = pool_share(cell.web_pool, pods)
    parameters = {
        "default_pool_size": str(share),
        # No reserve: PostgreSQL's own limit of the role would refuse what goes beyond the budget.
        "reserve_pool_size": "0",
        "max_client_conn": str(share * cell.max_tenants * _CLIENTS_FOR_EACH),
        # psycopg2 prepares nothing on the server, so nothing is to be tracked.
        "max_prepared_statements": "0",
        "server_idle_timeout": "60",
        "query_wait_timeout": "30",
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"cnpg.io/poolerName": POOLER}},
    }
    container = {
        "name": "pgbouncer",
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }
    return KubeObject(
        key="pooler",
        manifest=manifest(
            "postgresql.cnpg.io/v1",
            "Pooler",
            POOLER,
            namespace=cell_namespace(cell_id),
            labels=labels,
            spec={
                "cluster": {"name": DATABASE_CLUSTER},
                "type": "rw",
                "instances": pods,
                "pgbouncer": {
                    "poolMode": "transaction",
                    "parameters": parameters,
                    "imageCatalogRef": {
                        "apiGroup": "postgresql.cnpg.io",
                        "kind": "ImageCatalog",
                        "name": CATALOGUE,
                        "key": PGBOUNCER_KEY,
                    },
                },
                "template": {
                    "metadata": {"labels": dict(labels)},
                    "spec": {
                        **placement,
                        "containers": [container],
                        "topologySpreadConstraints": [spread],
                    },
                },
            },
        ),
        why=(
            f"Web processes only: pooled by transaction, {share} server connections a tenant and pod, {pods} pods. "
            "Bus, cron, jobs and tasks LISTEN or hold locks, so they connect directly."
        ),
        after=("database", "catalogue"),
    )
