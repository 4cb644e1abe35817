"""How what programs measure gets the labels that rules join by: one list for the monitors and for a model of them."""

from typing import Any, Final

Relabelling = dict[str, Any]
"""One entry of `metric_relabel_configs`, in Prometheus' own words."""

EDGE: Final = "edge"
DATABASE: Final = "database"
POOLER: Final = "pooler"
DELIVERY: Final = "delivery"
CERTIFICATES: Final = "certificates"
LOGIN: Final = "login"

METRICS: Final[dict[str, tuple[Relabelling, ...]]] = {
    # The ingress controller joins namespace, route and number with a character that no name has.
    EDGE: ({"source_labels": ["service"], "regex": "(t-[a-z0-9-]+)_.*", "target_label": "tenant_namespace"},),
    # A tenant's database bears its id.
    DATABASE: ({"source_labels": ["datname"], "regex": "(.+)", "target_label": "tenant"},),
    POOLER: ({"source_labels": ["database"], "regex": "(.+)", "target_label": "tenant"},),
    DELIVERY: ({"source_labels": ["dest_namespace"], "regex": "(t-.+)", "target_label": "tenant_namespace"},),
    CERTIFICATES: ({"source_labels": ["namespace"], "regex": "(t-.+)", "target_label": "tenant_namespace"},),
    LOGIN: (),
}
"""Source of a target -> what is done to the labels of its series."""


def _as_monitor(one: Relabelling) -> Relabelling:
    return {
        "".join(part.capitalize() if number else part for number, part in enumerate(key.split("_"))): value
        for key, value in one.items()
    }


def endpoint(source: str, port: str, *, cell: str = "") -> dict[str, Any]:
    """Return the endpoint of a monitor: its targets say what they are, its series whose they are."""
    said = {"source": source} | ({"cell": cell} if cell else {})
    return {
        "port": port,
        "honorLabels": True,
        "relabelings": [{"targetLabel": key, "replacement": value} for key, value in said.items()],
        "metricRelabelings": [_as_monitor(one) for one in METRICS[source]],
    }
