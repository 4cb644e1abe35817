"""The heartbeat of a cell: a row a minute in the platform's own database, which no tenant reaches.

After a moment to which a cell is wound back there has to be a transaction, or PostgreSQL never ends its recovery; and
the newest row that comes back says what a loss really cost.
"""

from typing import Final

from components.database.psql import psql_pod
from components.manifests import KubeObject, manifest
from spec.naming import DATABASE_CLUSTER, PLATFORM_DATABASE, cell_namespace

HEARTBEAT: Final = "heartbeat"
TABLE_SQL: Final = (
    "CREATE TABLE IF NOT EXISTS heartbeat (at timestamptz PRIMARY KEY DEFAULT clock_timestamp())"
)
FORGET_SQL: Final = "DELETE FROM heartbeat WHERE at < now() - make_interval(days => 40)"
"""Forty days are longer than any cell can be wound back."""
BEAT_SQL: Final = "INSERT INTO heartbeat DEFAULT VALUES RETURNING at"
_OWNER: Final = f"{DATABASE_CLUSTER}-app"
"""The operator's name for the Secret of the role that owns the first database."""
_SECONDS: Final = 50


def plan_heartbeat(cell_id: str, labels: dict[str, str]) -> KubeObject:
    """Plan the job that writes a row a minute, as the owner of the platform's database."""
    pod = psql_pod(
        {"PGUSER": PLATFORM_DATABASE, "PGDATABASE": PLATFORM_DATABASE},
        [TABLE_SQL, FORGET_SQL, BEAT_SQL],
        from_secrets={"PGPASSWORD": (_OWNER, "password")},
    )
    return KubeObject(
        key=HEARTBEAT,
        manifest=manifest(
            "batch/v1",
            "CronJob",
            HEARTBEAT,
            namespace=cell_namespace(cell_id),
            labels=labels,
            spec={
                "schedule": "* * * * *",
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": _SECONDS,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 1,
                "jobTemplate": {
                    "spec": {
                        "backoffLimit": 0,
                        "activeDeadlineSeconds": _SECONDS,
                        "template": {"metadata": {"labels": dict(labels)}, "spec": pod},
                    }
                },
            },
        ),
        why="A row a minute: every moment has a transaction after it, and what a loss cost is measured, not assumed.",
        after=("database",),
    )
