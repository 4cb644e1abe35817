"""The same gates as Argo Rollouts reads them: a template for each layer, and a run for a wave. Pure.

The controller runs them without any Rollout (``--controllers analysis``). A run has no reference to a template, so its
metrics are written out. What a run cannot see (that the Application is at the expected revision) the command line adds.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from components.monitoring.check import Check, Layer
from components.operators.observability import PROMETHEUS
from release.gates.definition import IMPACTS, INTERVAL, SAMPLES, Gate, Impact, gates_of
from spec.naming import bounded

_API: Final = "argoproj.io/v1alpha1"
_ARGUMENT: Final = "{{args.tenant}}"
_SECONDS: Final = 20


def templates(checks: Sequence[Check], address: str = PROMETHEUS) -> list[dict[str, Any]]:
    """Return a ClusterAnalysisTemplate for each layer, with the tenant as its argument."""
    return [
        {
            "apiVersion": _API,
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
    address: str = PROMETHEUS,
) -> dict[str, Any]:
    """Return the AnalysisRun of some tenants and a layer.

    Args:
        layer: the layer.
        moved: when each tenant was moved, by its id.
        checks: the checks of the environment.
        names: what the run is of: environment, release, wave and attempt; they make its name and its labels.
        namespace: where it is created.
        address: Prometheus' address as the controller reaches it.

    """
    metrics: list[dict[str, Any]] = []
    for tenant, at in sorted(moved.items()):
        own = (gate for gate in gates_of(tenant, checks) if gate.layer == layer)
        metrics += [_metric(gate, tenant, address) for gate in own]
        metrics += [
            {
                **_common(address, _comparison(impact, tenant, int(at.timestamp()))),
                "name": bounded(f"{impact.name.replace('_', '-')}-{tenant}"),
                "initialDelay": f"{int(impact.window.total_seconds())}s",
                "successCondition": "len(result) == 1 && all(result, # == 1)",
                "failureCondition": "any(result, # == 0)",
            }
            for impact in IMPACTS
            if impact.layer == layer
        ]
    environment, release, wave, attempt = names
    return {
        "apiVersion": _API,
        "kind": "AnalysisRun",
        "metadata": {
            "name": bounded(f"{environment}-{release}-wave-{wave}-{layer}-{attempt}".replace(".", "-")),
            "namespace": namespace,
            "labels": {
                "storefleet.dev/environment": environment,
                "storefleet.dev/release": release,
                "storefleet.dev/wave": wave,
                "storefleet.dev/layer": layer.value,
            },
        },
        "spec": {"metrics": metrics},
    }


def _metric(gate: Gate, name: str, address: str) -> dict[str, Any]:
    return {
        **_common(address, gate.instant_query),
        "name": name,
        "successCondition": gate.success,
        "failureCondition": gate.failure,
    }


def _common(address: str, query: str) -> dict[str, Any]:
    return {
        "interval": f"{int(INTERVAL.total_seconds())}s",
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
