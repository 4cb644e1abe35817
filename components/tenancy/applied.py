"""Which tenants exist in an environment, read from the cluster before anything is planned.

Nothing keeps a list: a tenant exists when its namespace does. Its labels carry what the last apply made of it, and
its team has no right to change them.
"""

from typing import Any, Protocol

from spec import labels
from spec.lifecycle import Applied, AppliedTenants
from spec.vocabulary import EnvironmentName, TenantState


class ClusterReader(Protocol):
    """What can list objects of the cluster."""

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the items of the list at an API path."""
        ...


def applied_tenants(cluster: ClusterReader, environment: EnvironmentName) -> AppliedTenants:
    """Return the tenants of one environment that exist in a cluster, which other environments may use too.

    A namespace of a time before states had a label counts as active: from there the way out is longest.
    """
    selector = ",".join(
        f"{key}={value}"
        for key, value in (
            (labels.MANAGED_BY, labels.MANAGED_BY_VALUE),
            (labels.ROLE, labels.ROLE_TENANT),
            (labels.ENVIRONMENT, environment.value),
        )
    )
    found: dict[str, Applied] = {}
    for namespace in cluster.items("/api/v1/namespaces", labelSelector=selector):
        metadata = namespace["metadata"]
        annotations = metadata.get("annotations", {})
        state = metadata["labels"].get(labels.STATE)
        found[metadata["labels"][labels.TENANT]] = Applied(
            state=TenantState(state) if state in set(TenantState) else TenantState.ACTIVE,
            cell=metadata["labels"][labels.CELL],
            domains=frozenset(filter(None, annotations.get(labels.DOMAINS, "").split(","))),
            confirmed=annotations.get(labels.CONFIRM_DELETION, ""),
            ending="deletionTimestamp" in metadata,
        )
    return found
