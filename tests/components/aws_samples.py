"""A small environment in AWS to test with; `changes` reach into what stands under `aws`."""

from typing import Any

from spec.environment import EnvironmentSpec
from spec.fleet import Fleet
from tests.components import samples

ACCOUNT = "111122223333"
POOLS = {
    "general": {"tier": "general", "instance_types": ["m7g.xlarge"], "min": 2, "max": 6},
    "data": {"tier": "data", "instance_types": ["r7g.large"], "min": 3, "max": 6},
    "dune": {"tier": "dedicated", "tenant": "dune", "instance_types": ["m7g.large"], "min": 1, "max": 3},
}
ROLES = ("developer", "release-manager", "operator", "auditor", "break-glass")


def aws(**changes: Any) -> dict[str, Any]:
    """Return what a stack file says under `aws`."""
    content = {
        "account": ACCOUNT,
        "region": "eu-central-1",
        "owner": "platform@storefleet.example",
        "kubernetes": kubernetes(),
        "ingress_host": "ingress.storefleet.example",
        "budget": {"monthly_usd": 1000, "alerts": ["platform@storefleet.example"]},
    }
    content["zones"] = {"storefleet.example": {}} | {
        f"www.{name}.example": {} for name in ("acme", "bolt", "corsair", "dune")
    }
    return content | changes


def kubernetes(**changes: Any) -> dict[str, Any]:
    """Return what a stack file says under `aws.kubernetes`."""
    access = {role: [f"arn:aws:iam::{ACCOUNT}:role/directory/{role}"] for role in ROLES}
    return {"pools": POOLS, "access": access} | changes


def environment(name: str = "production", **changes: Any) -> EnvironmentSpec:
    """Return an environment in AWS with a cell of each tier."""
    own = {"standby": "pilot-light", "stands_in_for": "eu-west-1"} if name == "dr" else {}
    content = samples.environment().model_dump(
        mode="json", exclude={"pod_security_version", "cluster_networks", "object_store", "delivery"}
    )
    content["delivery"] = {"repository": "https://git.example/platform/storefleet.git"}
    if changes.get("object_storage") == "given":
        content["object_store"] = {"endpoint": "https://objects.example", "bucket": "acme-backups"}
    if name in {"production", "dr"}:
        content["recovery"] = samples.RECOVERY
    return EnvironmentSpec.model_validate(
        content | {"name": name, "cluster": {"source": "eks"}, "aws": aws(**{**own, **changes})}
    )


def fleet(name: str = "production", **changes: Any) -> Fleet:
    """Return the sample tenants in an environment in AWS."""
    return Fleet(environment(name, **changes), samples.fleet().tenants)
