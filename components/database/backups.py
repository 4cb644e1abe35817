"""Where a cell's base backups and write-ahead log go, how often they are taken, and how long they are kept."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from components.manifests import KubeObject, manifest
from components.network import Peer, namespace_peer
from components.storage.lifecycle import WITH_CUSTOMERS, recovery_window
from components.storage.plan import Store, plan_storage
from spec.cloud_names import bucket_name
from spec.environment import CellSpec, EnvironmentSpec
from spec.labels import DOMAIN
from spec.naming import DATABASE_CLUSTER, cell_namespace, server_name
from spec.tiers import RETENTION, TIERS

PLUGIN: Final = "barman-cloud.cloudnative-pg.io"
STORE: Final = "backups"
"""Name of the ObjectStore in each cell's namespace."""
FOUND_STORE: Final = "lost-region"
"""Name of the ObjectStore with the copies of a region that was lost, and of the cluster that is recovered from them."""
CREDENTIALS: Final = "object-store"
"""Secret with the keys of a store that is given; a bucket of AWS is reached by the pods' role instead."""
GENERATION: Final = f"{DOMAIN}/generation"

_HTTPS: Final = 443
_EVERYWHERE: Final = "0.0.0.0/0"
_LINK_LOCAL: Final = "169.254.0.0/16"
_FIRST_HOUR: Final = 1
_MINUTES: Final = 4 * 60
"""Base backups begin between 01:00 and 05:00 UTC, each cell at its own minute."""


@dataclass(frozen=True, kw_only=True)
class BackupPlace:
    """Where backups go. `endpoint` is empty for S3 of AWS; `peer` and `port` are the way there."""

    path: str
    endpoint: str
    peer: Peer
    port: int


def backup_place(environment: EnvironmentSpec, cell_id: str) -> BackupPlace | None:
    """Return where the backups of a cell go; None in a local environment that names no store."""
    namespace = cell_namespace(cell_id)
    given = environment.object_store
    if given is not None:
        inside = given.namespace
        return BackupPlace(
            path=f"s3://{given.bucket}/{namespace}",
            endpoint=given.endpoint,
            peer=outside(environment) if inside is None else namespace_peer(inside),
            port=given.port,
        )
    if environment.aws is None:
        return None
    return BackupPlace(
        path=f"s3://{bucket_name(environment, Store.BACKUPS.value)}/{namespace}",
        endpoint="",
        peer=outside(environment),
        port=_HTTPS,
    )


def outside(environment: EnvironmentSpec) -> Peer:
    """Return everything but the cluster's own networks and the addresses of its nodes' metadata, as a peer.

    The addresses of S3 are many and change, and a NetworkPolicy knows no names.
    """
    own = [cidr for cidr in environment.cluster_networks if ":" not in cidr]
    return {"ipBlock": {"cidr": _EVERYWHERE, "except": [*own, _LINK_LOCAL]}}


def found_path(environment: EnvironmentSpec, cell_id: str) -> str | None:
    """Return where the copies of a cell's backups are that production's region left in this one; None elsewhere."""
    if environment.aws is None or environment.aws.stands_in_for is None:
        return None
    storage = plan_storage(environment, environment.aws)
    bucket = None if storage is None else storage.found.get(Store.BACKUPS)
    return None if bucket is None else f"s3://{bucket}/{cell_namespace(cell_id)}"


def kept_days(environment: EnvironmentSpec, cell: CellSpec) -> int:
    """Return for how many days a cell's database can be wound back: by tier where customers are, else a week."""
    if environment.name in WITH_CUSTOMERS:
        return RETENTION[TIERS[cell.tier].backup_class].days
    return recovery_window(environment)


def schedule_of(cell_id: str) -> str:
    """Return when the base backup of a cell begins, in the six fields that the operator takes (seconds first)."""
    minute = int.from_bytes(hashlib.sha256(cell_id.encode()).digest()[:4], "big") % _MINUTES
    return f"0 {minute % 60} {_FIRST_HOUR + minute // 60} * * *"


def archiving(cell: CellSpec) -> dict[str, Any]:
    """Return the plugin's entry in a Cluster: it archives the log under the name of this life of the database."""
    return {
        "name": PLUGIN,
        "enabled": True,
        "isWALArchiver": True,
        "parameters": {"barmanObjectName": STORE, "serverName": server_name(cell.generation)},
    }


def plan_backups(
    cell_id: str, cell: CellSpec, environment: EnvironmentSpec, labels: dict[str, str]
) -> tuple[KubeObject, ...]:
    """Plan the store and the schedule of a cell's physical backups; nothing where no store is named."""
    place = backup_place(environment, cell_id)
    if place is None:
        return ()
    days = kept_days(environment, cell)
    objects = [
        KubeObject(
            key="object-store",
            manifest=_store(STORE, _configuration(place.path, place.endpoint), cell_id, labels, days=days),
            why=(
                f"Base backups and the log go to {place.path} and are kept for {days} days. Protected: without it "
                "nobody finds them."
            ),
            protect=True,
        ),
        KubeObject(
            key="scheduled-backup",
            manifest=manifest(
                "postgresql.cnpg.io/v1",
                "ScheduledBackup",
                DATABASE_CLUSTER,
                namespace=cell_namespace(cell_id),
                labels=labels,
                spec={
                    "schedule": schedule_of(cell_id),
                    "cluster": {"name": DATABASE_CLUSTER},
                    "method": "plugin",
                    "pluginConfiguration": {"name": PLUGIN},
                    "target": "prefer-standby",
                    "immediate": True,
                    "backupOwnerReference": "self",
                },
            ),
            why="A base backup a night, at a minute of the cell's own, and one as soon as the cell is there.",
            after=("database",),
        ),
    ]
    found = found_path(environment, cell_id)
    if found is not None:
        objects.append(
            KubeObject(
                key="found-store",
                manifest=_store(FOUND_STORE, _configuration(found, ""), cell_id, labels),
                why=(
                    "The copies that the lost region left here: read once, when the database is recovered. "
                    "Protected: a recovery that loses it on the way has nothing to go on from."
                ),
                protect=True,
            )
        )
    return tuple(objects)


def _configuration(path: str, endpoint: str) -> dict[str, Any]:
    credentials: dict[str, Any] = {"inheritFromIAMRole": True}
    if endpoint:
        names = {"accessKeyId": "access-key-id", "secretAccessKey": "secret-access-key"}
        credentials = {field: {"name": CREDENTIALS, "key": key} for field, key in names.items()}
    configuration: dict[str, Any] = {
        "destinationPath": path,
        "s3Credentials": credentials,
        # No field `encryption`: the bucket encrypts with its own key, whatever a client says.
        "wal": {"compression": "zstd", "maxParallel": 8},
        "data": {"compression": "lz4", "jobs": 4},
    }
    if endpoint:
        configuration["endpointURL"] = endpoint
    return configuration


def _store(
    name: str,
    configuration: dict[str, Any],
    cell_id: str,
    labels: dict[str, str],
    *,
    days: int | None = None,
) -> Any:  # noqa: ANN401 - a manifest
    spec: dict[str, Any] = {
        "configuration": configuration,
        "instanceSidecarConfiguration": {
            # Restores were seen to need more than half a gibibyte.
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        },
    }
    if days is not None:
        spec["retentionPolicy"] = f"{days}d"
    return manifest(
        "barmancloud.cnpg.io/v1",
        "ObjectStore",
        name,
        namespace=cell_namespace(cell_id),
        labels=labels,
        spec=spec,
    )
