"""What backs one tenant up, and why: a job in its own namespace, an identity, and the way to the object store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from components.database.backups import backup_place
from components.database.plan import has_databases
from components.database.secrets import external_secret
from components.database.walls import ways_to_store
from components.labelling import tenant_labels
from components.manifests import KubeObject, manifest
from components.network import Rule, namespace_peer, network_policy, ports
from components.recovery.jobs import BACKUP, STORE_FIELDS, STORE_KEYS, JobsArgs, plan_backup_job
from components.secrets.plan import TENANT_PREFIX
from components.storage.plan import Store
from spec import labels
from spec.cloud_names import bucket_name
from spec.environment import EnvironmentSpec
from spec.naming import tenant_namespace
from spec.object_store import service_namespace
from spec.recovery import RecoverySpec
from spec.tenant import TenantSpec

OUT: Final = "to-object-store"
"""Name of the policies that open the way to the store."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is the same for all jobs of an environment: what they are told, and the ways that are open to them."""

    args: JobsArgs
    out: tuple[Rule, ...]


def surroundings_of(environment: EnvironmentSpec) -> Surroundings | None:
    """Return them; None where the stack file names no backups, or no database runs.

    Raises:
        ValueError: there are backups and nowhere to put them; the spec refuses that.

    """
    recovery = environment.recovery
    if recovery is None or not has_databases(environment):
        return None
    place = backup_place(environment, next(iter(environment.cells)))
    if place is None:
        raise ValueError(f"the environment {environment.name.value} has backups of tenants and no store")
    return Surroundings(
        args=_args(environment, recovery),
        out=(*ways_to_store(environment, place), *_to_pushgateway(recovery)),
    )


def _args(environment: EnvironmentSpec, recovery: RecoverySpec) -> JobsArgs:
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


def account(key: str, name: str, namespace: str, own: dict[str, str], why: str) -> KubeObject:
    """Return a service account whose pods get no token of the cluster's API."""
    made = manifest(
        "v1", "ServiceAccount", name, namespace=namespace, labels=own, automountServiceAccountToken=False
    )
    return KubeObject(key=key, manifest=made, why=why)


def plan_tenant_backups(tenant: TenantSpec, environment: EnvironmentSpec) -> Iterator[KubeObject]:
    """Plan the nightly backup of a tenant; nothing for one whose data are at rest, or where nothing is backed up."""
    surroundings = surroundings_of(environment)
    job = None if surroundings is None else plan_backup_job(tenant, environment.name, surroundings.args)
    if surroundings is None or job is None:
        return
    namespace, own = tenant_namespace(tenant.id), tenant_labels(tenant, environment.name)
    why = (
        "The identity of the backup: it writes under the tenant's own prefix, which Odoo's pods do not reach."
    )
    yield account("backup-account", BACKUP, namespace, own, why)
    yield KubeObject(
        key="backup-out",
        manifest=network_policy(
            OUT, namespace=namespace, labels=own, pods={labels.JOB: BACKUP}, egress=surroundings.out
        ),
        why="Beside what every pod of the tenant reaches, the pod of the backup reaches the object store.",
    )
    # Elsewhere whoever runs the cluster fills it, as they do the tenant's other Secret.
    if surroundings.args.with_keys and environment.aws is not None:
        fields = {
            field: (f"{TENANT_PREFIX}{tenant.id}/object-store", field) for field in STORE_FIELDS.values()
        }
        yield KubeObject(
            key="backup-keys",
            manifest=external_secret(environment, namespace, STORE_KEYS, own, keys=fields),
            why="The keys of the object store, for the tenant's own prefix.",
        )
    yield job
