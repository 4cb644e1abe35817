"""The nodes of the embedded cluster: two pools in each of three zones. Nothing runs on them."""

from __future__ import annotations

from typing import Any

from local.controlplane.services import FAKE_NODE
from spec import labels
from spec.naming import bounded
from spec.tiers import NodePool

REGION = "local"
ZONES = ("local-a", "local-b", "local-c")
_CAPACITY = {"cpu": "256", "memory": "1Ti", "pods": "2000", "ephemeral-storage": "1Ti"}
"""Large on purpose: the examples are planned for a region, and capacity is not what is rehearsed here."""


def manifests() -> tuple[dict[str, Any], ...]:
    """Return a Node for each zone and pool; only the dedicated pool is tainted."""
    return tuple(_node(zone, pool) for zone in ZONES for pool in NodePool)


def manifests_of(tenant_id: str) -> tuple[dict[str, Any], ...]:
    """Return a Node in each zone for one tenant of the dedicated pool: its pods run on no other's."""
    return tuple(_node(zone, NodePool.DEDICATED, tenant_id) for zone in ZONES)


def _node(zone: str, pool: NodePool, tenant_id: str | None = None) -> dict[str, Any]:
    name = f"{zone}-{pool}" if tenant_id is None else bounded(f"{zone}-for-{tenant_id}")
    own = {} if tenant_id is None else {labels.TENANT: tenant_id}
    taint = {"key": labels.POOL, "value": str(pool), "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {FAKE_NODE: "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "arm64",
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": zone,
                "type": "kwok",
                labels.POOL: str(pool),
                **own,
            },
        },
        "spec": {"taints": [taint] if pool is NodePool.DEDICATED else []},
        "status": {"capacity": _CAPACITY, "allocatable": _CAPACITY},
    }
