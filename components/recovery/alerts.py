"""What somebody is told about backups and drills. Pure data: an expression, how long it must hold, how bad it is.

They read what kube-state-metrics says of the jobs, which is there wherever Prometheus is: a job that never ran, or was
deleted, says nothing of itself. Where these series are missing altogether, that is an alert too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from components.recovery.jobs import BACKUP, DRILL
from spec.naming import DRILLS, tenant_namespace

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKUP_HOURS: Final = 26
"""Oldest that the newest good backup of a tenant may be: a day, and two hours for one that takes long."""
DRILL_HOURS: Final = 8 * 24
"""Oldest that the last good drill of a cell may be: a week, and a day in which somebody mends it."""

_BACKUPS: Final = f'namespace=~"{tenant_namespace(".+")}",cronjob="{BACKUP}"'
_DRILLS: Final = f'namespace="{DRILLS}",cronjob=~"{DRILL}-.+"'
_SUCCESS: Final = "kube_cronjob_status_last_successful_time"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert. `lasting` is Prometheus' `for`; `critical` goes to the pager, `warning` is a ticket."""

    name: str
    expr: str
    lasting: str
    severity: Literal["critical", "warning"]
    summary: str
    description: str
    runbook: str
    """In this repository: what to do."""


def _old(which: str, hours: int) -> str:
    """Select CronJobs whose last success, or whose creation if they never had one, is longer ago than that."""
    by = "by (namespace, cronjob)"
    never = (
        f"(max {by} (kube_cronjob_created{{{which}}}) unless on (namespace, cronjob) {_SUCCESS}{{{which}}})"
    )
    return f"time() - (max {by} ({_SUCCESS}{{{which}}}) or {never}) > {hours} * 3600"


def _failed(which: str) -> str:
    """Select CronJobs of which a job failed that began after the last good one, if there is a good one."""
    where, _, name = which.partition(",")
    owner = name.replace("cronjob", "owner_name", 1)
    owned = f'kube_job_owner{{{where},owner_kind="CronJob",{owner}}}'
    failed = f'kube_job_failed{{{where},condition="true"}} == 1'
    began = (
        f"kube_job_created{{{where}}} * on (namespace, job_name) group_left (owner_name) {owned}"
        f" and on (namespace, job_name) ({failed})"
    )
    last = f'max by (namespace, cronjob) (label_replace({began}, "cronjob", "$1", "owner_name", "(.+)"))'
    good = f"max by (namespace, cronjob) ({_SUCCESS}{{{which}}})"
    return f"({last} > on (namespace, cronjob) {good}) or ({last} unless on (namespace, cronjob) {good})"


ALERTS: Final = (
    Alert(
        name="StorefleetBackupFailed",
        expr=_failed(_BACKUPS),
        lasting="5m",
        severity="warning",
        summary="The backup of {{ $labels.namespace }} failed",
        description="The last backup that is good is still there; no good one was taken since this one failed.",
        runbook="docs/how-to/back-tenants-up.md",
    ),
    Alert(
        name="StorefleetBackupOld",
        expr=_old(_BACKUPS, BACKUP_HOURS),
        lasting="5m",
        severity="critical",
        summary="{{ $labels.namespace }} has no good backup of the last "
        f"{BACKUP_HOURS} hours: {{{{ $value | humanizeDuration }}}}",
        description="What is lost with the tenant grows by the hour. The cell's own log still covers it.",
        runbook="docs/how-to/back-tenants-up.md",
    ),
    Alert(
        name="StorefleetDrillFailed",
        expr=_failed(_DRILLS),
        lasting="0m",
        severity="critical",
        summary="The restore drill {{ $labels.cronjob }} failed",
        description="A backup that was called good could not be restored, or not within the tier's time.",
        runbook="docs/runbooks/restore-drill.md",
    ),
    Alert(
        name="StorefleetDrillOld",
        expr=_old(_DRILLS, DRILL_HOURS),
        lasting="5m",
        severity="critical",
        summary="{{ $labels.cronjob }} was last good {{ $value | humanizeDuration }} ago",
        description="Nobody knows whether the backups of this cell can be restored.",
        runbook="docs/runbooks/restore-drill.md",
    ),
    Alert(
        name="StorefleetRecoveryUnwatched",
        expr=f"absent(kube_cronjob_info{{{_BACKUPS}}}) or absent(kube_cronjob_info{{{_DRILLS}}})",
        lasting="15m",
        severity="critical",
        summary="Nothing is known about backups or drills",
        description="The jobs are gone, or kube-state-metrics is: the other alerts of this group cannot fire.",
        runbook="docs/how-to/back-tenants-up.md",
    ),
)

AGES: Final = (
    ("storefleet:backup_age:seconds", f"time() - max by (namespace) ({_SUCCESS}{{{_BACKUPS}}})"),
    ("storefleet:drill_age:seconds", f"time() - max by (cronjob) ({_SUCCESS}{{{_DRILLS}}})"),
)
"""Recorded: the age of the last good backup of each tenant, and of the last good drill of each cell."""


def rule_groups(alerts: Sequence[Alert] = ALERTS) -> list[dict[str, Any]]:
    """Return the groups of a PrometheusRule."""
    recorded = [{"record": name, "expr": expr} for name, expr in AGES]
    firing = [
        {
            "alert": each.name,
            "expr": each.expr,
            "for": each.lasting,
            "labels": {"severity": each.severity},
            "annotations": {
                "summary": each.summary,
                "description": each.description,
                "runbook": each.runbook,
            },
        }
        for each in alerts
    ]
    return [{"name": "storefleet-recovery", "rules": [*recorded, *firing]}]
