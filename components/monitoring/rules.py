"""Rules of Prometheus, generated once from the table of checks: their number does not grow with the tenants."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from components.monitoring.alerts import alerts
from components.monitoring.check import Check
from components.monitoring.checks import GATE_CHECK, GATE_LAYER, GATE_TENANT, GATE_VALUE
from components.monitoring.exposed import CARRIED, exposed_label
from components.monitoring.figures import FIGURES, INFO, helpers
from components.monitoring.objectives import objective_records
from components.monitoring.pace import PRODUCTION, Pace
from spec import labels
from spec.vocabulary import TenantState

Rule: TypeAlias = dict[str, Any]


def rule_groups(environment: str, checks: Iterable[Check], pace: Pace = PRODUCTION) -> list[dict[str, Any]]:
    """Return the groups of rules, as they stand in a file of rules and in a PrometheusRule.

    Args:
        environment: whose tenants: environments may share a cluster.
        checks: what its gates ask.
        pace: how far back rules look.

    The rules of a group are evaluated one after the other, at one instant, so each finds what those before it made.

    """
    known = tuple(checks)
    interval = f"{pace.interval}s"
    gates = [*_tenants(environment), *_helpers(pace), *_figures(known, pace), *_gates(known)]
    return [
        {"name": "storefleet-gates", "interval": interval, "rules": gates},
        {"name": "storefleet-objectives", "interval": interval, "rules": objective_records(pace)},
        {"name": "storefleet-alerts", "interval": interval, "rules": alerts(known, pace)},
    ]


def _record(series: str, expression: str, **own: str) -> Rule:
    rule: Rule = {"record": series, "expr": expression}
    return {**rule, "labels": own} if own else rule


def _tenants(environment: str) -> list[Rule]:
    wanted = {
        labels.ROLE: labels.ROLE_TENANT,
        labels.STATE: TenantState.ACTIVE.value,
        labels.ENVIRONMENT: environment,
    }
    selector = ",".join(f'{exposed_label(label)}="{value}"' for label, value in wanted.items())
    series = f"kube_namespace_labels{{{selector}}}"
    taken = {
        **{name: exposed_label(label) for name, label in CARRIED.items()},
        "tenant_namespace": "namespace",
    }
    for name, label in taken.items():
        series = f'label_replace({series}, "{name}", "$1", "{label}", "(.+)")'
    return [
        _record(INFO, f"max by ({', '.join(taken)}) ({series})"),
        _record(GATE_TENANT, f"max by (tenant) ({INFO})"),
    ]


def _helpers(pace: Pace) -> list[Rule]:
    return [_record(series, expression) for series, expression in helpers(pace)]


def _figures(checks: Iterable[Check], pace: Pace) -> list[Rule]:
    return [
        _record(
            GATE_VALUE,
            f"({FIGURES[check.name](pace)}) and on (tenant) {GATE_TENANT}",
            layer=check.layer.value,
            check=check.name,
        )
        for check in checks
    ]


def _gates(checks: Iterable[Check]) -> list[Rule]:
    # What is missing, or is not a number, is 0: a lost scrape never passes.
    judged = [
        _record(
            GATE_CHECK,
            f"{GATE_VALUE}{{{check.selector}}} {check.good} bool {check.threshold:g} "
            f"or on (tenant) {GATE_TENANT} * 0",
            layer=check.layer.value,
            check=check.name,
        )
        for check in checks
    ]
    return [*judged, _record(GATE_LAYER, f"min by (tenant, layer) ({GATE_CHECK})")]
