"""The AWS program of the policy tests, for the real engine; `BREAK=<rule>` breaks that rule in one place."""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pulumi
from pulumi_aws import _utilities

from components.cloud.component import aws_provider
from components.cloud.plan import ENDPOINT_VARIABLE, CloudPlan
from tests.policy.cloud import CLOUD_BREAKS, From, broken_cloud

breaking = os.environ.get("BREAK")
if breaking and breaking not in CLOUD_BREAKS:
    raise pulumi.RunError(f"BREAK={breaking} is no rule about AWS; they are {', '.join(CLOUD_BREAKS)}")
plan = CloudPlan(
    environment="production",
    account=os.environ["MOTO_ACCOUNT_ID"],
    region="eu-central-1",
    dr_region="eu-west-1",
    endpoint=os.environ[ENDPOINT_VARIABLE],
)
providers = {region: aws_provider(region, plan, region) for region in ("eu-central-1", "eu-west-1")}
declared: dict[str, Any] = {}


def rendered(value: Any) -> Any:
    """Return inputs with what comes from another resource taken from there."""
    if isinstance(value, From):
        return getattr(declared[value.name], value.attribute)
    if isinstance(value, dict):
        return {key: rendered(item) for key, item in value.items()}
    return [rendered(item) for item in value] if isinstance(value, list) else value


for name, recorded in broken_cloud(*([CLOUD_BREAKS[breaking]] if breaking else [])).resources.items():
    inputs = {**rendered(recorded.inputs), "arn": None}
    opts = pulumi.ResourceOptions(
        provider=providers[recorded.region] if recorded.region else None,
        protect=recorded.protect,
        version=_utilities.get_version(),
    )
    declared[name] = pulumi.CustomResource(f"aws:{recorded.type}", name, inputs, opts)
