"""Alerts: what wakes somebody, and what becomes a ticket.

Each carries `severity`; those of a tenant carry its `criticality`, `ring` and `cell` as well, by which they are routed.
"""

from collections.abc import Iterable
from typing import Any, Final

from components.monitoring.check import Check, Layer
from components.monitoring.checks import GATE_CHECK, GATE_TENANT, GATE_VALUE
from components.monitoring.figures import INFO
from components.monitoring.objectives import burn_alerts
from components.monitoring.pace import Pace

SEVERITIES: Final = ("page", "ticket")

_HOLD: Final = {Layer.PLATFORM: 600, Layer.APPLICATION: 600, Layer.BUSINESS: 900}
"""Seconds that a check fails before it is an alert: what heals by itself wakes nobody."""
SLOW_TO_HURT: Final = frozenset(
    {
        "base_backup_age",
        "tenant_backup_age",
        "certificate_days",
        "longest_transaction",
        "failed_jobs",
        "restarts",
    }
)
"""Checks whose failure can wait for the morning."""
_WHO: Final = f"* on (tenant) group_left (cell, ring, criticality) {INFO}"


def alerts(checks: Iterable[Check], pace: Pace) -> list[dict[str, Any]]:
    """Return the alerts of an environment: one rule for each kind, whatever the number of tenants."""
    known = tuple(checks)
    return [
        *(_failing(check, pace) for check in known),
        _unmeasured(pace),
        _unknown(pace),
        *_of_cells(pace),
        *burn_alerts(pace),
    ]


def _failing(check: Check, pace: Pace) -> dict[str, Any]:
    return {
        "alert": "StorefleetCheckFails",
        # A figure that is missing is told apart: it is the monitoring that is broken then, not the shop.
        "expr": (
            f"({GATE_VALUE}{{{check.selector}}} and on (tenant, layer, check) "
            f"{GATE_CHECK}{{{check.selector}}} == 0) {_WHO}"
        ),
        "for": pace.of(_HOLD[check.layer]),
        "labels": {
            "severity": "ticket" if check.name in SLOW_TO_HURT else "page",
            "layer": check.layer.value,
            "check": check.name,
        },
        "annotations": {
            "summary": f"{{{{ $labels.tenant }}}}: {check.means}",
            "description": (
                f"{check.name} is {{{{ $value | humanize }}}} {check.unit}; good is {check.good} {check.threshold:g}."
            ),
        },
    }


def _unmeasured(pace: Pace) -> dict[str, Any]:
    return {
        "alert": "StorefleetNotMeasured",
        "expr": (
            "count by (tenant, layer) "
            f"({GATE_CHECK} == 0 unless on (tenant, layer, check) {GATE_VALUE}) {_WHO}"
        ),
        "for": pace.of(600),
        "labels": {"severity": "page"},
        "annotations": {
            "summary": "{{ $labels.tenant }}: {{ $value }} checks of the layer {{ $labels.layer }} have no figure",
            "description": "Gates of this tenant fail until they have. Look at the targets of Prometheus.",
        },
    }


def _unknown(pace: Pace) -> dict[str, Any]:
    return {
        "alert": "StorefleetKnowsNoTenant",
        "expr": f"absent({GATE_TENANT})",
        "for": pace.of(300),
        "labels": {"severity": "page", "criticality": "critical"},
        "annotations": {
            "summary": "No tenant is known to the monitoring",
            "description": (
                "kube-state-metrics is gone, or does not show the labels of namespaces. No other alert of a tenant "
                "can fire."
            ),
        },
    }


def _of_cells(pace: Pace) -> list[dict[str, Any]]:
    """Return what is a matter of a cell before any tenant feels it."""
    most = 'max by (cell) (cnpg_pg_settings_setting{name="max_connections",cell!=""})'
    free = (
        'min by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes{namespace=~"cell-.+"} / '
        'kubelet_volume_stats_capacity_bytes{namespace=~"cell-.+"})'
    )
    return [
        {
            "alert": "StorefleetConnectionsRunOut",
            "expr": f'max by (cell) (sum by (cell, pod) (cnpg_backends_total{{cell!=""}})) / on (cell) {most} > 0.9',
            "for": pace.of(600),
            "labels": {"severity": "page", "criticality": "high"},
            "annotations": {
                "summary": "Cell {{ $labels.cell }} uses {{ $value | humanizePercentage }} of its connections",
                "description": "When none is left no shop of the cell answers. See the budget in spec/tiers.py.",
            },
        },
        {
            "alert": "StorefleetVolumeFills",
            "expr": f'label_replace({free}, "cell", "$1", "namespace", "cell-(.+)") < 0.15',
            "for": pace.of(1800),
            "labels": {"severity": "page", "criticality": "high"},
            "annotations": {
                "summary": (
                    "{{ $labels.persistentvolumeclaim }} of cell {{ $labels.cell }} has "
                    "{{ $value | humanizePercentage }} free"
                ),
                "description": "PostgreSQL stops when its volume is full. The volume can be grown while it is used.",
            },
        },
    ]
