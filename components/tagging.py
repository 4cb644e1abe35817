"""The tags of everything in AWS: whose it is, what is in it, who pays, and where its data must stay."""

from typing import Final

from spec import labels
from spec.environment import EnvironmentSpec
from spec.vocabulary import CellId, Jurisdiction, Sensitivity, TenantId, Tier

PLATFORM_COST_CENTRE: Final = "platform"
"""Who pays for what no tenant has alone."""


def tags(
    environment: EnvironmentSpec,
    *,
    data_class: Sensitivity,
    cost_centre: str = PLATFORM_COST_CENTRE,
    owner: str | None = None,
    role: str = labels.ROLE_PLATFORM,
    tenant: TenantId | None = None,
    tier: Tier | None = None,
    cell: CellId | None = None,
    residency: Jurisdiction | None = None,
) -> dict[str, str]:
    """Return the tags of one resource: whatever holds data states its `residency`; a tenant's or cell's, its tier.

    `role` says what part of the platform something is that belongs to no tenant and no cell; `owner` is the
    environment's unless given.

    Raises:
        ValueError: something of a tenant or cell without its tier, or an environment without AWS.

    """
    if environment.aws is None:
        raise ValueError(f"the environment {environment.name.value} has nothing in AWS to tag")
    if (tenant or cell) and tier is None:
        raise ValueError(f"what belongs to {tenant or cell} needs its tier: costs are reported by it")
    found = {
        labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
        labels.ENVIRONMENT: environment.name.value,
        labels.DATA_CLASS: data_class.value,
        labels.COST_CENTRE: cost_centre,
        labels.OWNER: owner or environment.aws.owner,
    }
    if tenant is None and cell is None:
        found[labels.ROLE] = role
    further = {labels.TENANT: tenant, labels.CELL: cell}
    found |= {key: value for key, value in further.items() if value is not None}
    if tier is not None:
        found[labels.TIER] = tier.value
    if residency is not None:
        found[labels.RESIDENCY] = residency.value
    return found
