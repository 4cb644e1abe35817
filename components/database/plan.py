"""What the database of a cell consists of, and why: cluster, catalogue, backups, pooler, metrics, ways in and out."""

from typing import Any, Final

from components.database.access import CLOSE_SQL, HBA, plan_guard
from components.database.backups import (
    CREDENTIALS,
    FOUND_STORE,
    PLUGIN,
    archiving,
    backup_place,
    found_path,
    plan_backups,
)
from components.database.heartbeat import plan_heartbeat
from components.database.images import PGBOUNCER, POSTGRES
from components.database.pooling import CATALOGUE, PGBOUNCER_KEY, plan_pooler
from components.database.queries import OPERATORS_QUERIES, QUERIES, plan_queries
from components.database.secrets import external_secret, store_of
from components.database.walls import plan_walls
from components.eks.storage import DATABASE_CLASS
from components.labelling import cell_labels
from components.manifests import KubeObject, manifest
from components.monitoring.relabelling import DATABASE, endpoint
from components.monitoring.relabelling import POOLER as POOLING
from components.secrets.plan import CELL_PREFIX
from spec import labels
from spec.databases import DATABASES, POSTGRES_MAJOR, SLOT_KEEP_SHARE, instances_in
from spec.environment import CellSpec, EnvironmentSpec
from spec.kubernetes import PoolTier
from spec.naming import DATABASE_CLUSTER, PLATFORM_DATABASE, POOLER, cell_namespace, server_name
from spec.quantity import quantity_value

_API: Final = "postgresql.cnpg.io/v1"
_MEBIBYTE: Final = 2**20
_START_SECONDS: Final = 3600
"""Longest that an instance may replay its log before it counts as failed."""
_STOP_SECONDS: Final = 300
"""Longest that an instance may take to stop, and a switch-over to hand on: the operator's half hour is an outage."""
_GOODBYE_SECONDS: Final = 10
"""How long a server that stops waits for clients to leave, and takes no new ones: those of pools and of the bus never
leave. With the operator's 180, a primary that restarted in place on the real node took none for three minutes."""
LOCALE: Final = "C.UTF-8"
"""Of PostgreSQL's own provider: it sorts by code point and never changes with a library of the image."""


def has_databases(environment: EnvironmentSpec) -> bool:
    """Say whether an environment runs databases: a second region that stands by has no operator for them yet."""
    return environment.aws is None or environment.aws.standby not in {"pilot-light", "absent"}


def plan_database(cell_id: str, cell: CellSpec, environment: EnvironmentSpec) -> tuple[KubeObject, ...]:
    """Plan the database of a cell. Only the cell's own lines decide it: a tenant more changes nothing here."""
    if not has_databases(environment):
        return ()
    own = cell_labels(cell_id, cell, environment.name)
    place = backup_place(environment, cell_id)
    placement = _placement(environment)
    return (
        *plan_walls(cell_id, environment, place, own),
        *_secrets(cell_id, environment, own),
        _catalogue(cell_id, own),
        plan_queries(cell_id, own),
        _cluster(cell_id, cell, environment, own, placement),
        *plan_backups(cell_id, cell, environment, own),
        plan_pooler(cell_id, cell, environment, own, placement),
        *plan_guard(cell_id, own),
        plan_heartbeat(cell_id, own),
        _monitor(
            cell_id,
            own,
            DATABASE,
            DATABASE_CLUSTER,
            {"cnpg.io/cluster": DATABASE_CLUSTER, "cnpg.io/podRole": "instance"},
        ),
        _monitor(cell_id, own, POOLING, POOLER, {"cnpg.io/poolerName": POOLER}),
    )


def _secrets(cell_id: str, environment: EnvironmentSpec, own: dict[str, str]) -> tuple[KubeObject, ...]:
    given = environment.object_store is not None
    made = store_of(cell_id, environment, own)
    if not given:
        return made
    entry = external_secret(
        environment,
        cell_namespace(cell_id),
        CREDENTIALS,
        own,
        keys={
            field: (f"{CELL_PREFIX}{cell_id}/object-store", field)
            for field in ("access-key-id", "secret-access-key")
        },
    )
    why = "The keys of the object store come from the secret store; neither a file nor the state holds them."
    return (*made, KubeObject(key="object-store-keys", manifest=entry, why=why))


def _catalogue(cell_id: str, own: dict[str, str]) -> KubeObject:
    return KubeObject(
        key="catalogue",
        manifest=manifest(
            _API,
            "ImageCatalog",
            CATALOGUE,
            namespace=cell_namespace(cell_id),
            labels=own,
            spec={
                "images": [{"major": POSTGRES_MAJOR, "image": POSTGRES}],
                "componentImages": [{"key": PGBOUNCER_KEY, "image": PGBOUNCER}],
            },
        ),
        why=(
            "Images by digest. The cell's own catalogue, because environments may share a cluster and must not "
            "share an upgrade."
        ),
    )


def _cluster(
    cell_id: str,
    cell: CellSpec,
    environment: EnvironmentSpec,
    own: dict[str, str],
    placement: dict[str, Any],
) -> KubeObject:
    preset = DATABASES[cell.tier]
    instances = instances_in(cell.tier, environment.name)
    several = instances > 1
    postgresql: dict[str, Any] = {"parameters": parameters_of(cell), "pg_hba": list(HBA)}
    if several:
        postgresql["synchronous"] = {
            "method": "any",
            "number": 1,
            "dataDurability": preset.durability,
            "failoverQuorum": True,
        }
    spec: dict[str, Any] = {
        "description": f"Databases of the tenants of cell {cell_id}",
        "instances": instances,
        "imageCatalogRef": {
            "apiGroup": "postgresql.cnpg.io",
            "kind": "ImageCatalog",
            "name": CATALOGUE,
            "major": POSTGRES_MAJOR,
        },
        # Without the label of who manages them: what an operator makes is not ours to compare with the state.
        "inheritedMetadata": {
            "labels": {key: value for key, value in own.items() if key.startswith(labels.DOMAIN)}
        },
        "bootstrap": _bootstrap(environment, cell_id),
        "enableSuperuserAccess": False,
        "storage": _volume(cell.storage, environment),
        "walStorage": _volume(preset.wal_storage, environment),
        "postgresql": postgresql,
        "affinity": {
            "enablePodAntiAffinity": True,
            "topologyKey": "topology.kubernetes.io/zone",
            "podAntiAffinityType": "required",
            **placement,
        },
        "resources": {
            "requests": {"cpu": preset.cpu, "memory": preset.memory},
            "limits": {"memory": preset.memory},
        },
        "monitoring": {
            "customQueriesConfigMap": [dict(OPERATORS_QUERIES), {"name": QUERIES, "key": QUERIES}]
        },
        "enablePDB": several,
        "startDelay": _START_SECONDS,
        "stopDelay": _STOP_SECONDS,
        "smartShutdownTimeout": _GOODBYE_SECONDS,
        "switchoverDelay": _STOP_SECONDS,
        "primaryUpdateStrategy": "unsupervised",
        "primaryUpdateMethod": "switchover" if several else "restart",
    }
    if backup_place(environment, cell_id) is not None:
        spec["plugins"] = [archiving(cell)]
    if found_path(environment, cell_id) is not None:
        spec["externalClusters"] = [
            {
                "name": FOUND_STORE,
                "plugin": {
                    "name": PLUGIN,
                    "parameters": {
                        "barmanObjectName": FOUND_STORE,
                        "serverName": server_name(cell.generation),
                    },
                },
            }
        ]
    return KubeObject(
        key="database",
        manifest=manifest(
            _API, "Cluster", DATABASE_CLUSTER, namespace=cell_namespace(cell_id), labels=own, spec=spec
        ),
        why=_cluster_why(cell, instances),
        protect=True,
        after=("catalogue", "queries"),
    )


def _cluster_why(cell: CellSpec, instances: int) -> str:
    if instances == 1:
        return "All databases of the cell, in one instance: this environment can wait for a restore."
    durability = DATABASES[cell.tier].durability
    meaning = (
        "an order is confirmed once a second zone has it, and without a standby none is taken"
        if durability == "required"
        else "an order is confirmed once a second zone has it, while there is a standby"
    )
    return f"All databases of the cell, {instances} instances in as many zones: {meaning}."


def _bootstrap(environment: EnvironmentSpec, cell_id: str) -> dict[str, Any]:
    application = {"database": PLATFORM_DATABASE, "owner": PLATFORM_DATABASE}
    if found_path(environment, cell_id) is not None:
        return {"recovery": {"source": FOUND_STORE, **application}}
    return {
        "initdb": {
            **application,
            "dataChecksums": True,
            "encoding": "UTF8",
            "localeProvider": "builtin",
            "builtinLocale": LOCALE,
            "postInitSQL": list(CLOSE_SQL),
        }
    }


def parameters_of(cell: CellSpec) -> dict[str, str]:
    """Return PostgreSQL's parameters for a cell: what the tier's memory, volumes and RPO make of them."""
    preset = DATABASES[cell.tier]
    memory = int(quantity_value(preset.memory)) // _MEBIBYTE
    log = int(quantity_value(preset.wal_storage)) // _MEBIBYTE
    return {
        "max_connections": str(cell.max_connections),
        "shared_buffers": f"{memory // 4}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "maintenance_work_mem": f"{memory // 16}MB",
        "work_mem": "8MB",
        "random_page_cost": "1.1",
        "archive_timeout": f"{preset.archive_timeout_seconds}s",
        "max_wal_size": f"{log // 8}MB",
        "max_slot_wal_keep_size": f"{int(log * SLOT_KEEP_SHARE)}MB",
        "wal_compression": "lz4",
        # A transaction that somebody forgot keeps every dead row of the whole cluster alive.
        "idle_in_transaction_session_timeout": "1h",
        "log_lock_waits": "on",
        "log_min_duration_statement": "5s",
        "pg_stat_statements.max": "10000",
        "pg_stat_statements.track": "top",
        "track_io_timing": "on",
    }


def _volume(size: str, environment: EnvironmentSpec) -> dict[str, Any]:
    volume: dict[str, Any] = {"size": size, "resizeInUseVolumes": True}
    if environment.aws is not None:
        volume["storageClass"] = DATABASE_CLASS
    return volume


def _placement(environment: EnvironmentSpec) -> dict[str, Any]:
    """Return where pods of databases run: on the nodes for data, where the environment has any."""
    pools = environment.aws.kubernetes.pools.values() if environment.aws is not None else ()
    if not any(pool.tier is PoolTier.DATA for pool in pools):
        return {}
    data = PoolTier.DATA.value
    taint = {"key": labels.POOL, "operator": "Equal", "value": data, "effect": "NoSchedule"}
    return {"nodeSelector": {labels.POOL: data}, "tolerations": [taint]}


def _monitor(cell_id: str, own: dict[str, str], source: str, name: str, pods: dict[str, str]) -> KubeObject:
    return KubeObject(
        key="monitor" if source == DATABASE else f"{source}-monitor",
        manifest=manifest(
            "monitoring.coreos.com/v1",
            "PodMonitor",
            name,
            namespace=cell_namespace(cell_id),
            labels=own,
            spec={
                "selector": {"matchLabels": pods},
                "podMetricsEndpoints": [endpoint(source, "metrics", cell=cell_id)],
            },
        ),
        why="Metrics by an object of our own: the operator's switch for it is going to be removed.",
    )
