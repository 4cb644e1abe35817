"""The jobs that back tenants up and drill their backups, as objects of the cluster. Pure.

A backup runs in the tenant's own namespace with the tenant's own identity: it reaches its database, its files and its
prefix of the bucket, and nothing of a neighbour. It holds public keys only. A drill runs where no tenant runs, starts a
server of its own in its pod, and holds the private key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.labelling import cell_labels, tenant_labels
from components.manifests import KubeObject, manifest
from spec.naming import bounded, cell_namespace, tenant_namespace
from spec.vocabulary import TenantState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.manifests import Manifest
    from spec.environment import CellSpec
    from spec.tenant import TenantSpec
    from spec.vocabulary import EnvironmentName

USER: Final = 101
"""User of every file of a tenant: that of Odoo's own image, and of the access points."""
BACKUP_HOURS: Final = (0, 1, 2, 3, 4)
"""UTC. Spread by the tenant's id, so that the tenants of a cell do not all dump at once."""
DRILL_WEEKDAY: Final = 2
"""Tuesday: a drill that fails is seen by people on a working day, and not before a weekend."""
SCRATCH_GIB: Final = 20
SECRET: Final = "odoo"  # noqa: S105 - the name of a Secret
PASSWORD_KEY: Final = "database-password"  # noqa: S105 - the name of a key of it
CLAIM: Final = "odoo-files"
"""What the chart of a tenant calls its Secret, the password of its role in it, and the volume of its filestore."""
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
    pushgateway: str | None = None


def plan_backup_job(
    tenant: TenantSpec, environment: EnvironmentName, args: JobsArgs, *, host: str
) -> KubeObject | None:
    """Plan the nightly backup of a tenant; None for one whose data are at rest or gone.

    Args:
        tenant: whose.
        environment: where.
        args: what the job is told.
        host: the cell's direct endpoint: a snapshot does not go through a transaction pooler.

    """
    if tenant.state not in {TenantState.ACTIVE, TenantState.SUSPENDED}:
        return None
    spread = int.from_bytes(hashlib.sha256(tenant.id.encode()).digest()[:4])
    hour, minute = BACKUP_HOURS[spread % len(BACKUP_HOURS)], spread // len(BACKUP_HOURS) % 60
    secret = {"secretKeyRef": {"name": SECRET, "key": PASSWORD_KEY}}
    container = _container(
        args,
        ["backup", "take", tenant.id],
        variables={
            "STOREFLEET_DATABASE": f"host={host} user={tenant.id} sslmode=verify-full sslrootcert=/etc/database/ca.crt",
            "STOREFLEET_FILESTORE": "/filestore",
            "STOREFLEET_RECIPIENTS": ",".join(args.recipients),
            "STOREFLEET_TIER": tenant.tier.value,
            "STOREFLEET_CELL": tenant.cell,
        },
        mounts={"scratch": "/scratch", "tmp": "/tmp", "filestore": "/filestore", "ca": "/etc/database"},  # noqa: S108
        read_only=("filestore", "ca"),
    )
    container["env"].append({"name": "PGPASSWORD", "valueFrom": secret})
    volumes = [
        *_volumes(),
        {"name": "filestore", "persistentVolumeClaim": {"claimName": CLAIM, "readOnly": True}},
        {
            "name": "ca",
            "secret": {"secretName": "database-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]},
        },
    ]
    labels = tenant_labels(tenant, environment)
    return KubeObject(
        key="backup",
        manifest=_cron(
            bounded("backup", 52),
            tenant_namespace(tenant.id),
            labels,
            schedule=f"{minute} {hour} * * *",
            seconds=_BACKUP_SECONDS,
            pod=_pod(container, volumes),
        ),
        why=(
            f"Every night at {hour:02}:{minute:02} UTC, in the tenant's own namespace: database, files, then the "
            "manifest that makes it a backup."
        ),
    )


def plan_drill_job(
    cell_id: str, cell: CellSpec, tenants: Sequence[TenantSpec], environment: EnvironmentName, args: JobsArgs
) -> KubeObject | None:
    """Plan the weekly drill of a cell; None for a cell without tenants that have backups."""
    drilled = sorted(each.id for each in tenants if each.cell == cell_id and each.state is TenantState.ACTIVE)
    if not drilled:
        return None
    container = _container(
        args,
        ["drill", "weekly", cell_id, *drilled],
        variables={
            "STOREFLEET_IDENTITY": "/etc/identity/key",
            "STOREFLEET_TIER": cell.tier.value,
            "STOREFLEET_CELL": cell_id,
        },
        mounts={"scratch": "/scratch", "tmp": "/tmp", "identity": "/etc/identity"},  # noqa: S108
        read_only=("identity",),
    )
    volumes = [
        *_volumes(),
        {"name": "identity", "secret": {"secretName": "backup-identity", "defaultMode": 0o440}},
    ]
    spread = hashlib.sha256(cell_id.encode()).digest()[0]
    return KubeObject(
        key="drill",
        manifest=_cron(
            bounded(f"drill-{cell_id}", 52),
            cell_namespace(cell_id),
            cell_labels(cell_id, cell, environment),
            schedule=f"{spread % 60} {5 + spread % 3} * * {DRILL_WEEKDAY}",
            seconds=_DRILL_SECONDS,
            pod=_pod(container, volumes),
        ),
        why="Once a week one tenant's newest backup is restored on a server in the pod, checked, timed and removed.",
    )


def _cron(
    name: str, namespace: str, labels: Mapping[str, str], *, schedule: str, seconds: int, pod: dict[str, Any]
) -> Manifest:
    return manifest(
        "batch/v1",
        "CronJob",
        name,
        namespace=namespace,
        labels=labels,
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
                    "activeDeadlineSeconds": seconds,
                    "backoffLimit": 2,
                    "ttlSecondsAfterFinished": 7 * 24 * 3600,
                    "template": {"metadata": {"labels": dict(labels)}, "spec": pod},
                },
            },
        },
    )


def _pod(container: dict[str, Any], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "restartPolicy": "OnFailure",  # in the same pod: what is on the scratch volume is gone on with
        "serviceAccountName": "backup",
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
        "volumes": volumes,
    }


def _container(
    args: JobsArgs,
    command: list[str],
    *,
    variables: Mapping[str, str],
    mounts: Mapping[str, str],
    read_only: tuple[str, ...],
) -> dict[str, Any]:
    told = {
        "STOREFLEET_STORE": args.store,
        "STOREFLEET_BACKUPS": args.backups,
        "STOREFLEET_EVIDENCE": args.evidence,
        "STOREFLEET_SCRATCH": "/scratch",
        "HOME": "/tmp",  # noqa: S108
        **({"STOREFLEET_PUSHGATEWAY": args.pushgateway} if args.pushgateway else {}),
        **variables,
    }
    return {
        "name": "recovery",
        "image": args.image,
        "imagePullPolicy": "IfNotPresent",
        "args": command,
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "resources": _RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": path, **({"readOnly": True} if name in read_only else {})}
            for name, path in mounts.items()
        ],
    }


def _volumes() -> list[dict[str, Any]]:
    return [
        {"name": "scratch", "emptyDir": {"sizeLimit": f"{SCRATCH_GIB}Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
    ]
