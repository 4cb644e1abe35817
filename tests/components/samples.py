"""A small environment to test with, so that the examples in `tenants/` stay free to change."""

from typing import Any

from spec.environment import EnvironmentSpec
from spec.fleet import Fleet
from spec.tenant import TenantSpec

CELLS = {
    "shared": {"tier": "shared", "jurisdiction": "eu"},
    "other": {"tier": "shared", "jurisdiction": "eu"},
    "small": {"tier": "hybrid", "jurisdiction": "eu"},
    "own": {"tier": "dedicated", "jurisdiction": "eu"},
}
CELL_OF_TIER = {"shared": "shared", "hybrid": "small", "dedicated": "own"}

RECOVERY: dict[str, Any] = {
    "image": f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/storefleet-production/tools@sha256:{'5f1e1d00' * 8}",
    "recipients": ["age1d6zp7zear2q0ahzql3fas8dks6vwl2j0hpteyvjua7x80mdmnezsg0tjdy"],
}
"""How tenants are backed up, with the digest that the stacks have as well; the private half was thrown away."""


def environment(**changes: Any) -> EnvironmentSpec:
    """Return an environment with a cell of each tier and two peers."""
    content = {
        "name": "local",
        "cluster": {"source": "embedded"},
        "cluster_networks": ["10.0.0.0/8"],
        "cells": CELLS,
        "peers": {
            "payments": {"cidr": "198.51.100.0/28", "ports": [443]},
            "warehouse": {"cidr": "203.0.113.16/28", "ports": [443, 8883]},
        },
    }
    if "aws" not in changes:  # whose buckets are made
        content["object_store"] = {"endpoint": "http://objects.storage.svc:9000", "bucket": "acme-backups"}
    if changes.get("name") in {"production", "dr"}:  # where nobody may do without
        content["recovery"] = RECOVERY
    return EnvironmentSpec.model_validate(content | changes)


def tenant(tenant_id: str = "acme", *, tier: str = "shared", **changes: Any) -> TenantSpec:
    """Return a tenant of the given tier, in the cell of that tier."""
    content = {
        "id": tenant_id,
        "display_name": "Acme",
        "group": "acme-group",
        "country": "FR",
        "residency": "eu",
        "time_zone": "Europe/Paris",
        "currency": "EUR",
        "domains": [f"www.{tenant_id[:40].strip('-')}.example"],
        "contacts": {"business": "trade@acme.example", "technical": "it@acme.example"},
        "criticality": "standard",
        "data_sensitivity": "personal",
        "customisation": "light",
        "release_tolerance": "normal",
        "orders_per_day": 500,
        "tier": tier,
        "cell": CELL_OF_TIER[tier],
        "ring": 2,
    }
    return TenantSpec.model_validate(content | changes)


def fleet() -> Fleet:
    """One tenant of each tier, and a second one beside the shared one."""
    return Fleet(
        environment(),
        (
            tenant("acme", integrations=["payments"]),
            tenant("bolt"),
            tenant("corsair", tier="hybrid"),
            tenant("dune", tier="dedicated", integrations=["warehouse", "payments"]),
        ),
    )
