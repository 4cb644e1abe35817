"""What restores one tenant inside the cluster, and why: a role, a way to the store, and a job. Pure.

A restore makes and renames databases, ends sessions and checks pages, which a superuser alone may; and it opens what
was sealed. So none of it stands anywhere until somebody restores: the role is made for the restore and goes with it,
and the certificate and the private key are brought into the tenant's namespace for as long.
"""

from typing import Any, Final

from components.extensions.files import CLAIM
from components.labelling import cell_labels, tenant_labels
from components.manifests import KubeObject, manifest
from components.network import network_policy
from components.recovery.jobs import BACKUP, IDENTITY_KEY, job_container, job_volumes, nodes_of, pod_spec
from components.recovery.tenants import Surroundings, surroundings_of
from spec import labels
from spec.environment import EnvironmentSpec
from spec.naming import (
    DATABASE_CLUSTER,
    RESTORE_ROLE,
    bounded,
    cell_namespace,
    database_host,
    tenant_namespace,
)
from spec.tenant import TenantSpec

RESTORE: Final = "restore"
"""Name of the role's object, of the policy and the Secret, and what the label of the pod says."""
CERTIFICATE: Final = f"{RESTORE}-client-cert"
"""The operator's Secret with the role's certificate, in the cell's namespace."""
AUTHORITY: Final = f"{DATABASE_CLUSTER}-ca"
"""The operator's Secret with the authority of the cell; its `ca.crt` alone is brought along."""
_CONNECTIONS: Final = 12
"""Those of pg_restore's and pg_amcheck's jobs, and two of the restore itself."""
_SECONDS: Final = 8 * 3600
_KEPT: Final = 24 * 3600
"""How long a job that ended stays to be read."""
_HELD: Final = f"/etc/{RESTORE}"


def restore_job_name(backup: str) -> str:
    """Return the name of the Job that restores a backup."""
    return bounded(f"{RESTORE}-{backup}", 63).lower()


def plan_restore(tenant: TenantSpec, environment: EnvironmentSpec, backup: str) -> tuple[KubeObject, ...]:
    """Plan the restore of a tenant from a backup (its id, or a release); nothing where nothing is backed up."""
    surroundings = surroundings_of(environment)
    if surroundings is None:
        return ()
    namespace, own = tenant_namespace(tenant.id), tenant_labels(tenant, environment.name)
    cell = environment.cells[tenant.cell]
    role = {
        "cluster": {"name": DATABASE_CLUSTER},
        "name": RESTORE_ROLE,
        "comment": "Restores a tenant, and goes when that is done.",
        "login": True,
        "superuser": True,
        "connectionLimit": _CONNECTIONS,
        "clientCertificate": {"enabled": True},
        "databaseRoleReclaimPolicy": "delete",
    }
    container = _container(tenant, backup, surroundings)
    volumes = [
        *job_volumes(),
        {"name": "filestore", "persistentVolumeClaim": {"claimName": CLAIM}},
        {"name": RESTORE, "secret": {"secretName": RESTORE, "defaultMode": 0o440}},
    ]
    does = {**own, labels.JOB: RESTORE}
    return (
        KubeObject(
            key="restore-role",
            manifest=manifest(
                "postgresql.cnpg.io/v1",
                "DatabaseRole",
                RESTORE,
                namespace=cell_namespace(tenant.cell),
                labels=cell_labels(tenant.cell, cell, environment.name),
                spec=role,
            ),
            why="Who makes, checks and renames databases, by a certificate, until this object is deleted.",
        ),
        KubeObject(
            key="restore-out",
            manifest=network_policy(
                RESTORE,
                namespace=namespace,
                labels=own,
                pods={labels.JOB: RESTORE},
                egress=surroundings.out,
            ),
            why="Beside what every pod of the tenant reaches, the pod of the restore reaches the object store.",
        ),
        KubeObject(
            key="restore",
            manifest=manifest(
                "batch/v1",
                "Job",
                restore_job_name(backup),
                namespace=namespace,
                labels=own,
                spec={
                    "activeDeadlineSeconds": _SECONDS,
                    # Run again, it goes on where it was interrupted.
                    "backoffLimit": 2,
                    "ttlSecondsAfterFinished": _KEPT,
                    "template": {
                        "metadata": {"labels": does},
                        "spec": {
                            **pod_spec(container, volumes, account=BACKUP, restart="OnFailure"),
                            **nodes_of(tenant),
                        },
                    },
                },
            ),
            why=f"Loads {backup} beside {tenant.id}, compares it with its manifest, and swaps both by rename.",
            after=("restore-role", "restore-out"),
        ),
    )


def _container(tenant: TenantSpec, backup: str, surroundings: Surroundings) -> dict[str, Any]:
    args = surroundings.args
    made = job_container(
        args,
        ["restore", "run", tenant.id, "--from", backup, "--confirm", tenant.id],
        variables={
            "STOREFLEET_DATABASE": f"host={database_host(tenant.cell)} user={RESTORE_ROLE}",
            "STOREFLEET_FILESTORE": "/filestore",
            "STOREFLEET_IDENTITY": f"{_HELD}/{IDENTITY_KEY}",
            "STOREFLEET_TIER": tenant.tier.value,
            "STOREFLEET_CELL": tenant.cell,
            # libpq's own: programs that take no connection string are told the same.
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": f"{_HELD}/ca.crt",
            "PGSSLCERT": f"{_HELD}/tls.crt",
            "PGSSLKEY": f"{_HELD}/tls.key",
        },
        mounts={"scratch": "/scratch", "tmp": "/tmp", "filestore": "/filestore", RESTORE: _HELD},  # noqa: S108
        read_only=(RESTORE,),
    )
    if args.backups != args.evidence:
        # A tenant's identity writes backups alone: what was done then stands in the job's log.
        made["env"] = [each for each in made["env"] if each["name"] != "STOREFLEET_EVIDENCE"]
    return made
