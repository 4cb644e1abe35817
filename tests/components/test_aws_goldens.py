"""What the network, the cluster and the identities of a small environment in AWS are, as people read it."""

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum

import pytest
import yaml

from components.eks.plan import plan_eks
from components.identity.plan import plan_identity
from components.vpc.plan import plan_vpc
from tests.components import aws_samples, samples
from tests.components.golden import check_golden

pytestmark = [pytest.mark.unit, pytest.mark.golden]

OPERATORS = {"cert-manager": ("cert-manager", "cert-manager"), "karpenter": ("kube-system", "karpenter")}
ENVIRONMENT = aws_samples.environment()
PLANS = {
    "vpc": lambda: plan_vpc(ENVIRONMENT, ENVIRONMENT.aws),
    "eks": lambda: plan_eks(ENVIRONMENT, ENVIRONMENT.aws),
    "identity": lambda: plan_identity(ENVIRONMENT, samples.fleet().tenants, OPERATORS),
}


def plain(value):
    """Return a plan as YAML takes it; a policy as the document that it is."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


@pytest.mark.parametrize("part", PLANS)
def test_a_part_in_aws_is_on_file(part):
    check_golden(
        f"aws.{part}.yaml",
        yaml.safe_dump(plain(PLANS[part]()), sort_keys=False, width=110),
        "somebody's rights, addresses or nodes change with the next upgrade.",
    )
