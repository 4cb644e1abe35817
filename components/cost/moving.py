"""What a change of a tenant's tier would cost: the fleet as it would be, and what would have to be added for it."""

from dataclasses import dataclass
from typing import Final

from spec.aws import AwsSpec
from spec.environment import CellSpec, EnvironmentSpec
from spec.fleet import Fleet
from spec.kubernetes import PoolSpec, PoolTier
from spec.overrides import Overrides
from spec.placement import place
from spec.problems import SpecError
from spec.tenant import TenantSpec
from spec.tiers import TIERS
from spec.vocabulary import Tier

DEDICATED_TYPE: Final = "m7g.xlarge"
"""Nodes of a pool that would have to be made; as many as the processes ask for, and two at least."""
_FEWEST: Final = 2
_MOST: Final = 20


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The fleet after the change, and in sentences what the change takes."""

    fleet: Fleet
    aws: AwsSpec
    steps: tuple[str, ...]


def with_tier(fleet: Fleet, aws: AwsSpec, tenant_id: str, tier: Tier) -> Moved:
    """Return the fleet with a tenant in another tier, as if its database had been moved.

    Raises:
        SpecError: no such tenant lives in the environment.

    """
    tenant = fleet.tenant(tenant_id)
    steps: list[str] = []
    if tenant.tier is tier:
        return Moved(fleet=fleet, aws=aws, steps=(f"{tenant_id} is {tier.value} already: nothing changes.",))
    others = tuple(each for each in fleet.tenants if each.id != tenant_id)
    environment, cell = _cell_for(fleet.environment, others, tenant, tier, steps)
    if tenant.overrides.model_fields_set:
        steps.append("The overrides of its file were made for the present tier, and are left out here.")
    moved = tenant.model_copy(update={"tier": tier, "cell": cell, "overrides": Overrides()})
    steps.insert(
        0, f"The database moves from cell {tenant.cell} to cell {cell}: a restore, while the shop is closed."
    )
    aws = _pools_for(aws, tenant_id, tier, steps)
    environment = environment.model_copy(update={"aws": aws})
    if tenant.tier is Tier.DEDICATED:
        cells = {name: spec for name, spec in environment.cells.items() if name != tenant.cell}
        environment = environment.model_copy(update={"cells": cells})
        steps.append(f"Cell {tenant.cell} is removed once the move is verified.")
    members = tuple(sorted((*others, moved), key=lambda each: each.id))
    return Moved(fleet=Fleet(environment, members, fleet.left_out), aws=aws, steps=tuple(steps))


def _cell_for(
    environment: EnvironmentSpec,
    others: tuple[TenantSpec, ...],
    tenant: TenantSpec,
    tier: Tier,
    steps: list[str],
) -> tuple[EnvironmentSpec, str]:
    try:
        return environment, place(environment, others, tier, tenant.residency, TIERS[tier]).cell
    except SpecError:
        number, name = 1, f"{tenant.residency.value}-{tier.value}-new"
        while name in environment.cells:
            number += 1
            name = f"{tenant.residency.value}-{tier.value}-new-{number}"
        spec = CellSpec.model_validate({"tier": tier, "jurisdiction": tenant.residency})
        steps.append(f"A new {tier.value} cell is needed: no present one has room. It is {name} here.")
        return environment.model_copy(update={"cells": {**environment.cells, name: spec}}), name


def _pools_for(aws: AwsSpec, tenant_id: str, tier: Tier, steps: list[str]) -> AwsSpec:
    pools = {name: pool for name, pool in aws.kubernetes.pools.items() if pool.tenant != tenant_id}
    if len(pools) != len(aws.kubernetes.pools):
        steps.append("Its own pool of nodes is removed.")
    if tier is Tier.DEDICATED:
        pools[tenant_id] = PoolSpec(
            tier=PoolTier.DEDICATED,
            tenant=tenant_id,
            instance_types=(DEDICATED_TYPE,),
            min=_FEWEST,
            max=_MOST,
        )
        steps.append(f"A pool of its own is added, of {DEDICATED_TYPE}.")
    kubernetes = aws.kubernetes.model_copy(update={"pools": pools})
    return aws.model_copy(update={"kubernetes": kubernetes})
