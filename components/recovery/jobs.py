"""The jobs that back tenants up and drill their backups, as objects of the cluster. Pure.

A backup runs in the tenant's own namespace with the tenant's own identity: it reaches its database, its files and its
prefix of the bucket, and nothing of a neighbour. It holds public keys only. A drill runs where nothing else runs,
starts a server of its own in its pod, and holds the private key.

Both say `channel_binding=require` or reach no database at all: the server proves that it knows the tenant's password,
inside the very TLS connection that it ends, so that nobody's certificate has to be handed from cell to tenant.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.extensions.files import CLAIM
from components.files.plan import USER
from components.labelling import cell_labels, node_labels, tenant_labels
from components.manifests import KubeObject, manifest
from components.operators.inputs import CONTAINER
from spec import labels as keys
from spec.naming import DRILLS, bounded, database_host, tenant_namespace
from spec.tiers import RETENTION, TIERS, NodePool
from spec.vocabulary import TenantState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.manifests import Manifest
    from spec.environment import CellSpec
    from spec.tenant import TenantSpec
    from spec.vocabulary import EnvironmentName

BACKUP: Final = "backup"
"""Name of the CronJob of a tenant, of its service account, and what the label of its pods says."""
DRILL: Final = "drill"
"""Service account of all drills, what their names begin with, and what the label of their pods says."""
BACKUP_HOURS: Final = (0, 1, 2, 3, 4)
"""UTC. Spread by the tenant's id, so that the tenants of a cell do not all dump at once."""
DRILL_WEEKDAY: Final = 2
"""Tuesday: a drill that fails is seen by people on a working day, and not before a weekend."""
SCRATCH_GIB: Final = 20
"""Room for a dump on its way, or for a restored database: of the node's disk, so a large tenant needs larger nodes."""
SECRET: Final = "odoo"  # noqa: S105 - the name of a Secret
PASSWORD_KEY: Final = "database-password"  # noqa: S105 - the name of a key of it
"""What the chart of a tenant calls its Secret, and in it the password of its role."""
IDENTITY: Final = "backup-identity"
"""Secret with the private key, where drills run and nowhere else."""
IDENTITY_KEY: Final = "key"
STORE_KEYS: Final = "object-store"
"""Secret with the keys of a store that is given; in AWS the service account has a role instead."""
STORE_FIELDS: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "access-key-id",
    "AWS_SECRET_ACCESS_KEY": "secret-access-key",
}
_BACKUP_SECONDS: Final = 6 * 3600
_DRILL_SECONDS: Final = 8 * 3600
_RESOURCES: Final = {
    "requests": {"cpu": "250m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
    "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": f"{SCRATCH_GIB + 1}Gi"},
}


@dataclass(frozen=True, kw_only=True)
class JobsArgs:
    """What the jobs are told. Nothing of it is secret: passwords and keys are in Secrets, by name."""

    image: str
    """By digest."""
    store: str
    """Address of the object store."""
    backups: str
    evidence: str
    recipients: tuple[str, ...]
    region: str | None = None
    """Of the store; None for one that has none."""
    with_keys: bool = False
    """Whether the store is reached with keys from a Secret."""
    pushgateway: str | None = None


def drill_name(cell_id: str) -> str:
    """Return the name of a cell's drill."""
    return bounded(f"{DRILL}-{cell_id}", 52)


def plan_backup_job(tenant: TenantSpec, environment: EnvironmentName, args: JobsArgs) -> KubeObject | None:
    """Plan the nightly backup of a tenant; None for one whose data are at rest or gone."""
    if tenant.state not in {TenantState.ACTIVE, TenantState.SUSPENDED}:
        return None
    spread = int.from_bytes(hashlib.sha256(tenant.id.encode()).digest()[:4])
    hour, minute = BACKUP_HOURS[spread % len(BACKUP_HOURS)], spread // len(BACKUP_HOURS) % 60
    # Directly: a snapshot does not go through a transaction pooler.
    server = f"host={database_host(tenant.cell)} user={tenant.id} sslmode=require channel_binding=require"
    container = job_container(
        args,
        ["backup", "nightly", tenant.id],
        variables={
            "STOREFLEET_DATABASE": server,
            "STOREFLEET_FILESTORE": "/filestore",
            "STOREFLEET_RECIPIENTS": ",".join(args.recipients),
            "STOREFLEET_TIER": tenant.tier.value,
            "STOREFLEET_CELL": tenant.cell,
        },
        mounts={"scratch": "/scratch", "tmp": "/tmp", "filestore": "/filestore"},  # noqa: S108
        read_only=("filestore",),
    )
    container["env"].append(from_secret("PGPASSWORD", SECRET, PASSWORD_KEY))
    volumes = [
        *job_volumes(),
        {"name": "filestore", "persistentVolumeClaim": {"claimName": CLAIM, "readOnly": True}},
    ]
    return KubeObject(
        key=BACKUP,
        manifest=_cron(
            BACKUP,
            tenant_namespace(tenant.id),
            tenant_labels(tenant, environment),
            notes={keys.KEPT_DAYS: str(RETENTION[TIERS[tenant.tier].backup_class].days)},
            does=BACKUP,
            schedule=f"{minute} {hour} * * *",
            # In the same pod: what is on the scratch volume is gone on with.
            job={"activeDeadlineSeconds": _BACKUP_SECONDS, "backoffLimit": 2},
            pod={**pod_spec(container, volumes, account=BACKUP, restart="OnFailure"), **nodes_of(tenant)},
        ),
        why=(
            f"Every night at {hour:02}:{minute:02} UTC, in the tenant's own namespace: database, files, then the "
            "manifest that makes it a backup. Then what has expired is removed."
        ),
    )


def plan_drill_job(cell_id: str, cell: CellSpec, environment: EnvironmentName, args: JobsArgs) -> KubeObject:
    """Plan the weekly drill of a cell. Its tenants are not named: a drill finds them by what their backups say."""
    container = job_container(
        args,
        ["drill", "weekly", cell_id],
        variables={
            "STOREFLEET_IDENTITY": f"/etc/identity/{IDENTITY_KEY}",
            "STOREFLEET_TIER": cell.tier.value,
            "STOREFLEET_CELL": cell_id,
        },
        mounts={"scratch": "/scratch", "tmp": "/tmp", "identity": "/etc/identity"},  # noqa: S108
        read_only=("identity",),
    )
    volumes = [
        *job_volumes(),
        {"name": "identity", "secret": {"secretName": IDENTITY, "defaultMode": 0o440}},
    ]
    spread = hashlib.sha256(cell_id.encode()).digest()[0]
    # A drill that failed is not tried again until it passes: somebody is told. A node that was emptied is no failure.
    ignored = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return KubeObject(
        key=f"{DRILL}-{cell_id}",
        manifest=_cron(
            drill_name(cell_id),
            DRILLS,
            cell_labels(cell_id, cell, environment),
            does=DRILL,
            schedule=f"{spread % 60} {5 + spread % 3} * * {DRILL_WEEKDAY}",
            job={
                "activeDeadlineSeconds": _DRILL_SECONDS,
                "backoffLimit": 0,
                "podFailurePolicy": {"rules": [ignored]},
            },
            pod={
                **pod_spec(container, volumes, account=DRILL, restart="Never"),
                "nodeSelector": {keys.POOL: NodePool.GENERAL.value},
            },
        ),
        why="Once a week one tenant's newest backup is restored on a server in the pod, checked, timed and removed.",
    )


def _cron(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    *,
    does: str,
    notes: Mapping[str, str] | None = None,
    schedule: str,
    job: dict[str, Any],
    pod: dict[str, Any],
) -> Manifest:
    return manifest(
        "batch/v1",
        "CronJob",
        name,
        namespace=namespace,
        labels=labels,
        annotations=notes,
        spec={
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": dict(labels)},
                "spec": {
                    **job,
                    "ttlSecondsAfterFinished": 7 * 24 * 3600,
                    "template": {"metadata": {"labels": {**labels, keys.JOB: does}}, "spec": pod},
                },
            },
        },
    )


def pod_spec(
    container: dict[str, Any],
    volumes: Sequence[dict[str, Any]] = (),
    *,
    account: str | None,
    restart: str,
) -> dict[str, Any]:
    """Return a pod of the recovery image: an ordinary user without a token, as an account or, with None, as nobody."""
    return {
        "restartPolicy": restart,
        **({} if account is None else {"serviceAccountName": account}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        **({"volumes": list(volumes)} if volumes else {}),
    }


def nodes_of(tenant: TenantSpec) -> dict[str, Any]:
    """Return where a tenant's pods run: on the nodes that it pays for, where it has any."""
    selected = {"nodeSelector": node_labels(tenant)}
    pool = tenant.preset.node_pool
    if pool is not NodePool.DEDICATED:
        return selected
    taint = {"key": keys.POOL, "operator": "Equal", "value": pool.value, "effect": "NoSchedule"}
    return {**selected, "tolerations": [taint]}


def job_container(
    args: JobsArgs,
    command: list[str],
    *,
    variables: Mapping[str, str],
    mounts: Mapping[str, str],
    read_only: tuple[str, ...],
) -> dict[str, Any]:
    """Return the container of a job: what all are told, and `variables` beside; `mounts` maps volumes to paths."""
    told = {
        "STOREFLEET_STORE": args.store,
        "STOREFLEET_BACKUPS": args.backups,
        "STOREFLEET_EVIDENCE": args.evidence,
        "STOREFLEET_SCRATCH": "/scratch",
        "HOME": "/tmp",  # noqa: S108
        **({"STOREFLEET_PUSHGATEWAY": args.pushgateway} if args.pushgateway else {}),
        **({"AWS_REGION": args.region} if args.region else {}),
        **variables,
    }
    secret = STORE_FIELDS.items() if args.with_keys else ()
    return {
        "name": "recovery",
        "image": args.image,
        "imagePullPolicy": "IfNotPresent",
        "args": command,
        "env": [
            *({"name": name, "value": value} for name, value in told.items()),
            *(from_secret(name, STORE_KEYS, field) for name, field in secret),
        ],
        "resources": _RESOURCES,
        "securityContext": CONTAINER,
        "volumeMounts": [
            {"name": name, "mountPath": path, **({"readOnly": True} if name in read_only else {})}
            for name, path in mounts.items()
        ],
    }


def from_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    """Return a variable whose value is a key of a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def job_volumes() -> list[dict[str, Any]]:
    """Return the volumes of every job: room for what is on its way, and for the programs' own files."""
    return [
        {"name": "scratch", "emptyDir": {"sizeLimit": f"{SCRATCH_GIB}Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
    ]
