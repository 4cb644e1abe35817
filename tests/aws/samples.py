"""A small environment of AWS to test with, so that the stacks are free to change."""

from typing import Any

from spec.aws import AwsSpec
from spec.environment import EnvironmentSpec
from spec.tenant import TenantSpec
from tests.components import samples

ACCOUNT = "111122223333"
AWS: dict[str, Any] = {
    "account": ACCOUNT,
    "region": "eu-central-1",
    "dr_region": "eu-west-1",
    "owner": "platform@storefleet.example",
    "kubernetes": {
        "pools": {
            "general": {"tier": "general", "instance_types": ["m7g.xlarge"], "min": 2, "max": 6},
            "spot": {"tier": "general", "spot": True, "instance_types": ["m7g.large"], "min": 0, "max": 4},
            "data": {"tier": "data", "instance_types": ["r7g.large"], "min": 3, "max": 3},
            "dune": {
                "tier": "dedicated",
                "tenant": "dune",
                "instance_types": ["m7g.xlarge"],
                "min": 2,
                "max": 6,
            },
        },
        "access": {
            "operator": [f"arn:aws:iam::{ACCOUNT}:role/operators"],
            "break-glass": [f"arn:aws:iam::{ACCOUNT}:role/on-call"],
        },
    },
    "zones": {
        "storefleet.example": {},
        "acme.example": {},
        "bolt.example": {"source": "given", "id": "Z0123456789ABC"},
        "dune.example": {"source": "elsewhere"},
    },
    "ingress_host": "ingress.storefleet.example",
    "standby_host": "standby.storefleet.example",
    "budget": {"monthly_usd": 3000, "alerts": ["platform@storefleet.example"]},
    "cache": "elasticache",
}


def environment(name: str = "production", *, law: str = "eu", **changes: Any) -> EnvironmentSpec:
    """Return an environment in AWS whose cells are under `law`; `changes` are of its AWS side."""
    cells = {cell: {**spec, "jurisdiction": law} for cell, spec in samples.CELLS.items()}
    content = {"name": name, "cluster": {"source": "eks"}, "cells": cells, "aws": AWS | changes}
    return EnvironmentSpec.model_validate(content | {"recovery": samples.RECOVERY})


def second() -> EnvironmentSpec:
    """Return the environment dr that stands in for the sample."""
    return environment(
        "dr",
        region="eu-west-1",
        dr_region=None,
        stands_in_for="eu-central-1",
        standby="pilot-light",
        standby_host=None,
        ingress_host="standby.storefleet.example",
    )


def aws_of(spec: EnvironmentSpec) -> AwsSpec:
    """Return the AWS side of an environment that has one."""
    assert spec.aws is not None
    return spec.aws


def tenants() -> tuple[TenantSpec, ...]:
    """One tenant of each tier, and a second one beside the shared one."""
    peak = {"name": "Black Friday", "starts": "11-20", "ends": "11-30", "factor": 4.0}
    return (
        samples.tenant("acme", domains=["www.acme.example", "acme.example"], peaks=[peak]),
        samples.tenant("bolt", domains=["shop.bolt.example"]),
        samples.tenant("corsair", tier="hybrid", domains=["corsair.storefleet.example"]),
        samples.tenant("dune", tier="dedicated", data_sensitivity="regulated"),
    )
