"""The backups of an environment's tenants and the drills of its cells, and why: jobs, ways out, keys, alerts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from components.database.backups import BackupPlace, backup_place
from components.database.plan import has_databases
from components.database.secrets import external_secret
from components.database.walls import ways_to_store
from components.labelling import environment_labels, pod_security_labels, tenant_labels
from components.manifests import KubeObject, manifest
from components.network import Rule, namespace_peer, network_policy, ports, to_dns
from components.recovery.alerts import rule_groups
from components.recovery.jobs import (
    BACKUP,
    DRILL,
    IDENTITY,
    IDENTITY_KEY,
    STORE_FIELDS,
    STORE_KEYS,
    JobsArgs,
    plan_backup_job,
    plan_drill_job,
)
from components.secrets.plan import BACKUP_IDENTITY, PLATFORM_PREFIX, TENANT_PREFIX
from components.secrets.store import secret_store
from components.storage.plan import Store
from spec import labels
from spec.cloud_names import bucket_name
from spec.environment import EnvironmentSpec
from spec.naming import DRILLS, tenant_namespace
from spec.object_store import service_namespace
from spec.recovery import RecoverySpec
from spec.tenant import TenantSpec

_OUT: Final = "to-object-store"


@dataclass(frozen=True, kw_only=True)
class RecoveryPlan:
    """What backs tenants up and drills cells, each object with the namespace that it stands in."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]


def plan_recovery(environment: EnvironmentSpec, tenants: Sequence[TenantSpec]) -> RecoveryPlan | None:
    """Plan the backups and drills; None where the stack file names none, or no database runs.

    Raises:
        ValueError: there are backups and nowhere to put them; the spec refuses that.

    """
    recovery = environment.recovery
    if recovery is None or not has_databases(environment):
        return None
    place = backup_place(environment, next(iter(environment.cells)))
    if place is None:
        raise ValueError(f"the environment {environment.name.value} has backups of tenants and no store")
    args = jobs_args(environment, recovery)
    out = [*ways_to_store(environment, place), *_to_pushgateway(recovery)]
    objects = [*_room(environment, place, out)]
    for cell_id, cell in sorted(environment.cells.items()):
        drill = plan_drill_job(cell_id, cell, tenants, environment.name, args)
        objects += () if drill is None else (drill,)
    for tenant in tenants:
        objects += _backup(tenant, environment, args, out)
    return RecoveryPlan(wait_seconds=environment.wait_seconds, objects=tuple(objects))


def jobs_args(environment: EnvironmentSpec, recovery: RecoverySpec) -> JobsArgs:
    """Return what all jobs of an environment are told."""
    given, aws = environment.object_store, environment.aws
    if given is not None:
        store, backups, evidence = given.endpoint, given.bucket, given.bucket
    elif aws is not None:
        store = f"https://s3.{aws.region}.amazonaws.com"
        backups = bucket_name(environment, Store.BACKUPS.value)
        evidence = bucket_name(environment, Store.EVIDENCE.value)
    else:
        raise ValueError(f"the environment {environment.name.value} has no object store")
    return JobsArgs(
        image=recovery.image,
        store=store,
        backups=backups,
        evidence=evidence,
        recipients=recovery.recipients,
        region=None if aws is None else aws.region,
        with_keys=given is not None,
        pushgateway=recovery.pushgateway,
    )


def _to_pushgateway(recovery: RecoverySpec) -> list[Rule]:
    if recovery.pushgateway is None:
        return []
    parts = urlsplit(recovery.pushgateway)
    namespace = service_namespace(parts.hostname or "")
    port = parts.port or 9091
    return [{"to": [namespace_peer(namespace or "")], "ports": ports(port)}]


def _room(environment: EnvironmentSpec, place: BackupPlace, out: Sequence[Rule]) -> Iterator[KubeObject]:
    """Yield the namespace in which drills run, closed but for the store, with the private key; and the alerts."""
    own = environment_labels(environment.name)
    role = {labels.ROLE: labels.ROLE_PLATFORM}
    yield KubeObject(
        key="drills",
        manifest=manifest(
            "v1",
            "Namespace",
            DRILLS,
            labels=own | role | pod_security_labels(environment.pod_security_version),
        ),
        why="Copies of tenants' data are restored here for some minutes, beside nothing that they could reach.",
    )
    nothing = {"services": "0", "persistentvolumeclaims": "0"}
    yield KubeObject(
        key="drills-quota",
        manifest=manifest(
            "v1", "ResourceQuota", "exposure", namespace=DRILLS, labels=own, spec={"hard": nothing}
        ),
        why="Nobody reaches a restored copy, and nothing of it is left when its pod ends.",
    )
    yield KubeObject(
        key="drills-default-deny",
        manifest=network_policy("default-deny", namespace=DRILLS, labels=own, ingress=(), egress=()),
        why="A restored copy that still knows its partners calls none of them, and no live database.",
    )
    yield KubeObject(
        key="drills-out",
        manifest=network_policy(
            _OUT,
            namespace=DRILLS,
            labels=own,
            pods={labels.JOB: DRILL},
            egress=[to_dns(environment.dns), *out],
        ),
        why="A drill reads a backup from the store and writes its evidence there; it needs nothing else.",
    )
    why = "The identity of drills: it reads the backups of tenants, and writes evidence."
    yield _account("drills-account", DRILL, DRILLS, own, why)
    if environment.aws is not None:
        yield secret_store(environment.aws, DRILLS, own, key="drills-store", whose="the platform's")
    entry = f"{PLATFORM_PREFIX}{BACKUP_IDENTITY}"
    yield KubeObject(
        key="drills-identity",
        manifest=external_secret(
            environment, DRILLS, IDENTITY, own, keys={IDENTITY_KEY: (entry, IDENTITY_KEY)}
        ),
        why="The private key that opens backups: here and in no namespace of a tenant or a cell.",
    )
    if place.endpoint:
        fields = {field: (f"{PLATFORM_PREFIX}drills", field) for field in STORE_FIELDS.values()}
        yield KubeObject(
            key="drills-store-keys",
            manifest=external_secret(environment, DRILLS, STORE_KEYS, own, keys=fields),
            why="The store's keys for drills: they read backups, and write evidence only.",
        )
    yield KubeObject(
        key="alerts",
        manifest=manifest(
            "monitoring.coreos.com/v1",
            "PrometheusRule",
            "recovery",
            namespace=DRILLS,
            labels=own,
            spec={"groups": rule_groups()},
        ),
        why="A backup or a drill that fails is told to somebody, and so is one that has not run.",
    )


def _account(key: str, name: str, namespace: str, own: dict[str, str], why: str) -> KubeObject:
    account = manifest(
        "v1", "ServiceAccount", name, namespace=namespace, labels=own, automountServiceAccountToken=False
    )
    return KubeObject(key=key, manifest=account, why=why)


def _backup(
    tenant: TenantSpec, environment: EnvironmentSpec, args: JobsArgs, out: Sequence[Rule]
) -> Iterator[KubeObject]:
    job = plan_backup_job(tenant, environment.name, args)
    if job is None:
        return
    namespace, own = tenant_namespace(tenant.id), tenant_labels(tenant, environment.name)
    why = (
        "The identity of the backup: it writes under the tenant's own prefix, which Odoo's pods do not reach."
    )
    yield _account(f"{job.key}-account", BACKUP, namespace, own, why)
    yield KubeObject(
        key=f"{job.key}-out",
        manifest=network_policy(_OUT, namespace=namespace, labels=own, pods={labels.JOB: BACKUP}, egress=out),
        why="Beside what every pod of the tenant reaches, the pod of the backup reaches the object store.",
    )
    # Elsewhere whoever runs the cluster fills it, as they do the tenant's other Secret.
    if args.with_keys and environment.aws is not None:
        fields = {
            field: (f"{TENANT_PREFIX}{tenant.id}/object-store", field) for field in STORE_FIELDS.values()
        }
        yield KubeObject(
            key=f"{job.key}-keys",
            manifest=external_secret(environment, namespace, STORE_KEYS, own, keys=fields),
            why="The keys of the object store, for the tenant's own prefix.",
        )
    yield job
