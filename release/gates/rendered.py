"""The same gates as Argo Rollouts reads them: a template for each layer, and a run for a wave. Pure.

The controller runs them without any Rollout (``--controllers analysis``). A run has no reference to a template, so its
metrics are written out. What a run cannot see (that the Application is at the expected revision) the command line adds.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from components.monitoring.check import Check, Layer
from components.operators.observability import PROMETHEUS
from release.gates.definition import IMPACTS, INTERVAL, SAMPLES, Gate, Impact, gates_of
from spec.naming import bounded

API: Final = "argoproj.io/v1alpha1"
_ARGUMENT: Final = "{{args.tenant}}"
_SECONDS: Final = 20
_BAD: Final = "any(result, # == 0)"


def templates(checks: Sequence[Check], address: str = PROMETHEUS) -> list[dict[str, Any]]:
    """Return a ClusterAnalysisTemplate for each layer, with the tenant as its argument."""
    return [
        {
            "apiVersion": API,
            "kind": "ClusterAnalysisTemplate",
            "metadata": {"name": f"storefleet-{gate.layer}"},
            "spec": {
                "args": [{"name": "tenant"}],
                "metrics": [_metric(gate, gate.layer, address)],
            },
        }
        for gate in gates_of(_ARGUMENT, checks)
    ]


def run_of(
    layer: Layer,
    moved: Mapping[str, datetime],
    checks: Sequence[Check],
    *,
    names: Sequence[str],
    namespace: str,
    at: datetime,
    address: str = PROMETHEUS,
    interval: timedelta = INTERVAL,
) -> dict[str, Any]:
    """Return the AnalysisRun of some tenants and a layer.

    Args:
        layer: the layer.
        moved: when each tenant was moved, by its id.
        checks: the checks of the environment.
        names: what the run is of: environment, release, move and attempt; they make its name and its labels.
        namespace: where it is created.
        at: when it is created: what is compared from before a move to after it waits for the rest of its time.
        address: Prometheus' address as the controller reaches it.
        interval: how often it looks. A model that goes faster is looked at more often.

    """
    metrics: list[dict[str, Any]] = []
    for tenant, since in sorted(moved.items()):
        own = (gate for gate in gates_of(tenant, checks) if gate.layer == layer)
        metrics += [_metric(gate, tenant, address, interval) for gate in own if gate.checks]
        metrics += [
            {
                **_common(address, _comparison(impact, tenant, int(since.timestamp())), interval),
                "name": impact_name(impact, tenant),
                "initialDelay": f"{max(int((since + impact.window - at).total_seconds()), 0)}s",
                "successCondition": "len(result) == 1 && all(result, # == 1)",
                "failureCondition": _BAD,
            }
            for impact in IMPACTS
            if impact.layer == layer
        ]
    environment, release, move, attempt = names
    return {
        "apiVersion": API,
        "kind": "AnalysisRun",
        "metadata": {
            "name": bounded(f"{environment}-{release}-{move}-{layer}-{attempt}".replace(".", "-")),
            "namespace": namespace,
            "labels": {
                "storefleet.dev/environment": environment,
                "storefleet.dev/release": release,
                "storefleet.dev/move": move,
                "storefleet.dev/layer": layer.value,
                "storefleet.dev/attempt": attempt,
            },
        },
        "spec": {"metrics": metrics},
    }


def impact_name(impact: Impact, tenant: str) -> str:
    """Return the name of the metric that compares a tenant before its move with after it."""
    return bounded(f"{impact.name.replace('_', '-')}-{tenant}")


def _metric(gate: Gate, name: str, address: str, interval: timedelta = INTERVAL) -> dict[str, Any]:
    return {
        **_common(address, gate.instant_query, interval),
        "name": name,
        "successCondition": gate.success,
        "failureCondition": gate.failure,
    }


def _common(address: str, query: str, interval: timedelta) -> dict[str, Any]:
    return {
        "interval": f"{int(interval.total_seconds())}s",
        "count": SAMPLES,
        "consecutiveSuccessLimit": SAMPLES,
        "failureLimit": 0,
        "inconclusiveLimit": 0,
        "consecutiveErrorLimit": 0,
        "provider": {"prometheus": {"address": address, "query": query, "timeout": _SECONDS}},
    }


def _comparison(impact: Impact, tenant: str, moved: int) -> str:
    before = impact.before_query(tenant, moved)
    return f"{impact.after_query(tenant)} <= bool ({before} * {impact.factor:g} + {impact.floor:g})"
