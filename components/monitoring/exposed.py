"""Which labels of a tenant's namespace the monitoring sees, and under which names."""

from typing import Final

from spec import labels

CARRIED: Final = {
    "tenant": labels.TENANT,
    "cell": labels.CELL,
    "tier": labels.TIER,
    "ring": labels.RING,
    "criticality": labels.CRITICALITY,
}
"""Label of a series -> the label of a tenant's namespace that it is taken from."""
EXPOSED: Final = (*CARRIED.values(), labels.ROLE, labels.STATE, labels.ENVIRONMENT)
"""Labels of namespaces that kube-state-metrics has to show."""


def exposed_label(label: str) -> str:
    """Return a label of a namespace as kube-state-metrics names it."""
    return "label_" + "".join(one if one.isalnum() else "_" for one in label)
