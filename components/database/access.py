"""Who may connect to a cell's PostgreSQL: the rules of pg_hba, and the right to connect that everybody has by default.

A database that is made lets every role connect (PostgreSQL grants CONNECT and TEMPORARY to PUBLIC), neither CREATE
DATABASE nor the kind Database can say otherwise, and a database that is restored and renamed is made anew. So two
things hold independently: pg_hba lets a role into the database of its own name alone, and a job takes the grant back
from every database that has it.

The operator's exporter of metrics is not the public either: the job lets it in by name, and gives it what it needs to
read the tables that its queries name, which new tables of a module are among. It cannot write.

The job may do that and nothing else. The right is in a function that the cluster's superuser owns since the database
was made; the role that may call it has no password, only a certificate that the operator makes and renews.
"""

from typing import Any, Final

from components.database.psql import psql_pod
from components.database.queries import EXPORTER_ROLE
from components.manifests import KubeObject, manifest
from spec.naming import DATABASE_CLUSTER, GUARD_ROLE, RESTORE_ROLE, cell_namespace

HBA: Final = (
    "hostssl sameuser all all scram-sha-256",
    f"hostssl postgres {GUARD_ROLE} all cert",
    # A restore makes a database beside a tenant's, whose name is no role's. The role is there while one lasts.
    f"hostssl all {RESTORE_ROLE} all cert",
    # Odoo's bus and cron LISTEN in this database, whichever tenant they belong to.
    "hostssl postgres all all scram-sha-256",
    "host all all all reject",
)
"""Rules of pg_hba in their order: they come before the operator's last one, which would let in everybody."""

CLOSE_FUNCTION: Final = "storefleet.close_databases"

CLOSE_SQL: Final = (
    f"CREATE ROLE {GUARD_ROLE} LOGIN",
    "REVOKE CREATE, TEMPORARY ON DATABASE postgres FROM PUBLIC",
    "CREATE SCHEMA storefleet",
    """
CREATE FUNCTION storefleet.close_databases() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  open_one record;
  closed integer := 0;
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{EXPORTER}') THEN
    FOR open_one IN
      SELECT d.datname
      FROM pg_database AS d
      WHERE NOT d.datistemplate AND NOT EXISTS (
        SELECT FROM aclexplode(d.datacl) AS granted
        WHERE granted.grantee = '{EXPORTER}'::regrole AND granted.privilege_type = 'CONNECT'
      )
    LOOP
      EXECUTE format('GRANT CONNECT ON DATABASE %I TO {EXPORTER}', open_one.datname);
    END LOOP;
    IF NOT pg_has_role('{EXPORTER}', 'pg_read_all_data', 'member') THEN
      GRANT pg_read_all_data TO {EXPORTER};
    END IF;
  END IF;
  FOR open_one IN
    SELECT d.datname
    FROM pg_database AS d
    WHERE NOT d.datistemplate AND d.datname <> 'postgres'
      AND EXISTS (
        SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS granted
        WHERE granted.grantee = 0
      )
  LOOP
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', open_one.datname);
    closed := closed + 1;
  END LOOP;
  RETURN closed;
END
$body$""".strip().replace("{EXPORTER}", EXPORTER_ROLE),
    f"REVOKE ALL ON FUNCTION {CLOSE_FUNCTION}() FROM PUBLIC",
    f"GRANT USAGE ON SCHEMA storefleet TO {GUARD_ROLE}",
    f"GRANT EXECUTE ON FUNCTION {CLOSE_FUNCTION}() TO {GUARD_ROLE}",
)
"""What is done in the database `postgres` when a cluster is made. A recovered one brings it along."""

GUARD: Final = "connect-guard"
_CERTIFICATE: Final = f"{GUARD}-client-cert"
"""The operator's name for the certificate of a role: that of the DatabaseRole and this ending."""
_EVERY: Final = "*/10 * * * *"
_SECONDS: Final = 120


def plan_guard(cell_id: str, labels: dict[str, str]) -> tuple[KubeObject, ...]:
    """Plan the role and the job that keep the tenants' databases closed to one another."""
    namespace = cell_namespace(cell_id)
    role = KubeObject(
        key="connect-guard-role",
        manifest=manifest(
            "postgresql.cnpg.io/v1",
            "DatabaseRole",
            GUARD,
            namespace=namespace,
            labels=labels,
            spec={
                "cluster": {"name": DATABASE_CLUSTER},
                "name": GUARD_ROLE,
                "comment": "May call the function that closes databases, and nothing else.",
                "login": True,
                "connectionLimit": 2,
                "clientCertificate": {"enabled": True},
                "databaseRoleReclaimPolicy": "retain",
            },
        ),
        why="Logs in with a certificate that the operator renews, so that there is no password to keep.",
        protect=True,
        after=("database",),
    )
    job = KubeObject(
        key="connect-guard",
        manifest=manifest(
            "batch/v1",
            "CronJob",
            GUARD,
            namespace=namespace,
            labels=labels,
            spec={
                "schedule": _EVERY,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": _SECONDS,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {
                    "spec": {
                        "backoffLimit": 1,
                        "activeDeadlineSeconds": _SECONDS,
                        "template": {"metadata": {"labels": dict(labels)}, "spec": _pod()},
                    }
                },
            },
        ),
        why="Takes the right to connect from PUBLIC in every database that is new, restored or renamed.",
        after=("connect-guard-role",),
    )
    return role, job


def _pod() -> dict[str, Any]:
    return psql_pod(
        GUARD_ROLE,
        "postgres",
        [f"SELECT {CLOSE_FUNCTION}() AS closed"],
        variables={"PGSSLCERT": "/run/certificate/tls.crt", "PGSSLKEY": "/run/certificate/tls.key"},
        secrets=[("certificate", {"secretName": _CERTIFICATE, "defaultMode": 0o440})],
    )
