"""What the nodes of an environment cost in a month, and whose pods they are paid for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from components.cost.peaks import USABLE, cores_of
from components.cost.usage import (
    DATABASE,
    DATABASE_INSTANCES,
    HOURS,
    OPERATORS_CORES,
    OPERATORS_MEMORY,
    SPOT,
    USABLE_MEMORY,
    memory_of,
)
from components.storage.lifecycle import WITH_CUSTOMERS
from spec.aws import AwsSpec, OfficeHours
from spec.environment import EnvironmentSpec
from spec.kubernetes import PoolSpec, PoolTier
from spec.prices import PriceFile, Service
from spec.quantity import quantity_value
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState, Tier

PLATFORM: Final = ""
"""Stands for whoever belongs to no tenant and no cell."""
_GIB: Final = Decimal(2**30)
_DAYS_OF_WEEK: Final = 7
_HOURS_OF_DAY: Final = 24
_DATA_ZONES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Want:
    """What pods ask for: cores and GiB; `tenant` or `cell` is who they belong to, neither for the platform."""

    tenant: str = PLATFORM
    cell: str = PLATFORM
    cores: Decimal
    memory: Decimal


def switched_on(hours: OfficeHours | None) -> Decimal:
    """Return the share of a week in which an environment has nodes."""
    if hours is None:
        return Decimal(1)
    opens, closes = (datetime.strptime(text, "%H:%M") for text in (hours.opens, hours.closes))  # noqa: DTZ007
    daily = Decimal((closes - opens).seconds) / 3600
    return daily * len(set(hours.days)) / (_DAYS_OF_WEEK * _HOURS_OF_DAY)


def instances_of(environment: EnvironmentSpec) -> int:
    """Return how many instances of PostgreSQL a cell has."""
    return DATABASE_INSTANCES if environment.name in WITH_CUSTOMERS else 1


def node_costs(
    environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec], prices: PriceFile
) -> tuple[tuple[Want, Decimal], ...]:
    """Return what each of those who have pods pays for nodes in a month, in US dollars.

    A pool costs what its nodes cost, whoever fills them: it is shared out by what each asks for of the resource
    that it asks most of. Nodes are as many as asked for, and never fewer than the pool's fewest.

    Raises:
        SpecError: a type of instance has no price.

    """
    if aws.standby in {"pilot-light", "absent"}:
        return ()
    pools = aws.kubernetes.pools.values()
    active = [tenant for tenant in tenants if tenant.state is TenantState.ACTIVE]
    general = [pool for pool in pools if pool.tier is PoolTier.GENERAL]
    data = [pool for pool in pools if pool.tier is PoolTier.DATA]
    databases = [_of_database(environment, cell, tenants) for cell in sorted(environment.cells)]
    databases = [want for want in databases if want.cores]
    platform = Want(cores=OPERATORS_CORES, memory=OPERATORS_MEMORY)
    shared = [_of_tenant(tenant) for tenant in active if tenant.tier is not Tier.DEDICATED]
    on = switched_on(aws.hours)
    found = list(_shared_out(general, [platform, *shared, *([] if data else databases)], prices, on))
    if data:
        found += _shared_out(data, databases or [platform], prices, on)
    for tenant in active:
        if tenant.tier is Tier.DEDICATED:
            own = [pool for pool in pools if pool.tenant == tenant.id]
            found += _shared_out(own or general, [_of_tenant(tenant)], prices, on)
    return tuple(found)


def _of_tenant(tenant: TenantSpec) -> Want:
    sizes = [size for _, size in tenant.preset.processes.each()]
    return Want(
        tenant=tenant.id,
        cores=sum((quantity_value(size.cpu_request) * size.replicas for size in sizes), Decimal(0)),
        memory=sum((quantity_value(size.memory_request) * size.replicas for size in sizes), Decimal(0))
        / _GIB,
    )


def _of_database(environment: EnvironmentSpec, cell: str, tenants: Sequence[TenantSpec]) -> Want:
    # A cell that nobody lives in has no database yet.
    used = any(tenant.cell == cell and tenant.state is not TenantState.PURGED for tenant in tenants)
    one, number = DATABASE[environment.cells[cell].tier], instances_of(environment) if used else 0
    return Want(cell=cell, cores=one.cores * number, memory=one.memory * number)


def _shared_out(
    pools: Sequence[PoolSpec], wants: Sequence[Want], prices: PriceFile, on: Decimal
) -> list[tuple[Want, Decimal]]:
    cores = sum((want.cores for want in wants), Decimal(0))
    memory = sum((want.memory for want in wants), Decimal(0))
    numbers = _numbers(pools, cores, memory)
    prices_of = [_price(pool, prices, on) for pool in pools]
    cost = sum((price * number for price, number in zip(prices_of, numbers, strict=True)), Decimal(0))
    weights = [max(want.cores / cores, want.memory / memory) for want in wants]
    return [(want, cost * weight / sum(weights)) for want, weight in zip(wants, weights, strict=True)]


def _numbers(pools: Sequence[PoolSpec], cores: Decimal, memory: Decimal) -> list[int]:
    """Return how many nodes each pool has: its fewest, and one of them what is lacking (the Spot one, if any)."""
    numbers = [_fewest(pool) for pool in pools]
    grows = next((place for place, pool in enumerate(pools) if pool.spot), 0)
    rooms = [_room(pool) for pool in pools]
    there = [sum(room[kind] * number for room, number in zip(rooms, numbers, strict=True)) for kind in (0, 1)]
    lacking = max((cores - there[0]) / rooms[grows][0], (memory - there[1]) / rooms[grows][1])
    numbers[grows] += max(math.ceil(lacking), 0)
    return numbers


def _fewest(pool: PoolSpec) -> int:
    if pool.tier is PoolTier.DATA:
        return math.ceil(pool.min / _DATA_ZONES) * _DATA_ZONES
    return pool.min


def _room(pool: PoolSpec) -> tuple[Decimal, Decimal]:
    cores = cores_of(pool.instance_types[0])
    return cores * USABLE, memory_of(pool.instance_types[0], cores) * USABLE_MEMORY


def _price(pool: PoolSpec, prices: PriceFile, on: Decimal) -> Decimal:
    hour = prices.node(pool.instance_types[0]) * (SPOT if pool.spot else 1)
    # A node that is gone has no disk either.
    return (hour * HOURS + pool.disk_gib * prices.of(Service.DISK_GB_MONTH)) * on
