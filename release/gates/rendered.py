"""The same gates as Argo Rollouts reads them: a template for each layer, and a run for a wave. Pure.

The controller runs them without any Rollout (``--controllers analysis``). A run has no reference to a template, so its
metrics are written out. What a run cannot see (that the Application is at the expected revision) the command line adds.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from components.operators.observability import PROMETHEUS
from release.gates.checks import Layer
from release.gates.definition import IMPACTS, INTERVAL, SAMPLES, Gate, Impact
from spec.naming import bounded

_API: Final = "argoproj.io/v1alpha1"
_ARGUMENT: Final = "{{args.tenant}}"
_SECONDS: Final = 20


def templates(address: str = PROMETHEUS) -> list[dict[str, Any]]:
    """Return a ClusterAnalysisTemplate for each layer, with the tenant as its argument."""
    return [
        {
            "apiVersion": _API,
            "kind": "ClusterAnalysisTemplate",
            "metadata": {"name": f"storefleet-{layer}"},
            "spec": {
                "args": [{"name": "tenant"}],
                "metrics": [_metric(Gate(tenant=_ARGUMENT, layer=layer), layer, address)],
            },
        }
        for layer in Layer
    ]


def run_of(
    layer: Layer,
    moved: Mapping[str, datetime],
    *,
    names: Sequence[str],
    namespace: str,
    address: str = PROMETHEUS,
) -> dict[str, Any]:
    """Return the AnalysisRun of some tenants and a layer.

    Args:
        layer: the layer.
        moved: when each tenant was moved, by its id.
        names: what the run is of: environment, release, wave and attempt; they make its name and its labels.
        namespace: where it is created.
        address: Prometheus' address as the controller reaches it.

    """
    metrics = [_metric(Gate(tenant=each, layer=layer), each, address) for each in sorted(moved)]
    if layer is Layer.APPLICATION:
        for tenant, at in sorted(moved.items()):
            metrics += [
                {
                    **_common(address, _comparison(impact, tenant, int(at.timestamp()))),
                    "name": bounded(f"{impact.name.replace('_', '-')}-{tenant}"),
                    "initialDelay": f"{int(impact.window.total_seconds())}s",
                    "successCondition": "len(result) == 1 && all(result, # == 1)",
                    "failureCondition": "len(result) == 1 && any(result, # == 0)",
                }
                for impact in IMPACTS
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
