"""What tenants and the platform use, as far as no file says it: the assumptions behind every estimate.

All figures were chosen by this project and not measured; replace them when an environment has run for a month.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from spec.databases import DATABASES
from spec.quantity import quantity_value
from spec.vocabulary import Tier

HOURS: Final = Decimal(730)
"""Hours of a month, as AWS counts: 8,760 / 12."""
SPOT: Final = Decimal("0.35")
"""What a Spot node costs, as a share of the list price: it changes by the hour, and some two thirds are usual."""


@dataclass(frozen=True, kw_only=True)
class TenantUsage:
    """What a tenant uses in a month, in GB: files on the shared volume, objects, backups kept, sent, logged."""

    files: Decimal
    objects: Decimal
    backups: Decimal
    egress: Decimal
    logs: Decimal


@dataclass(frozen=True, kw_only=True)
class DatabaseUsage:
    """What one instance of a cell's PostgreSQL takes of a node: cores and GiB."""

    cores: Decimal
    memory: Decimal


TENANT: Final[Mapping[Tier, TenantUsage]] = MappingProxyType(
    {
        Tier.SHARED: TenantUsage(
            files=Decimal(5), objects=Decimal(5), backups=Decimal(30), egress=Decimal(30), logs=Decimal(3)
        ),
        Tier.HYBRID: TenantUsage(
            files=Decimal(30),
            objects=Decimal(30),
            backups=Decimal(200),
            egress=Decimal(150),
            logs=Decimal(10),
        ),
        Tier.DEDICATED: TenantUsage(
            files=Decimal(150),
            objects=Decimal(200),
            backups=Decimal(2000),
            egress=Decimal(1000),
            logs=Decimal(60),
        ),
    }
)
DATABASE: Final[Mapping[Tier, DatabaseUsage]] = MappingProxyType(
    {
        tier: DatabaseUsage(
            cores=quantity_value(preset.cpu), memory=quantity_value(preset.memory) / Decimal(2**30)
        )
        for tier, preset in DATABASES.items()
    }
)
DATABASE_INSTANCES: Final = DATABASES[Tier.SHARED].instances
"""Instances of a cell's PostgreSQL where customers are; one elsewhere."""

OPERATORS_CORES: Final = Decimal(3)
OPERATORS_MEMORY: Final = Decimal(10)
"""What the operators of the platform ask for together, in cores and GiB."""
USABLE_MEMORY: Final = Decimal("0.85")
"""Share of a node's memory that pods get."""

PLATFORM_LOG_GB: Final = Decimal(20)
"""Logs of the control plane and of connections that CloudWatch takes in a month."""
BALANCER_UNITS: Final = Decimal(2)
"""Capacity units of the balancer, on average."""

_GIB_PER_CORE: Final = MappingProxyType({"c": 2, "m": 4, "r": 8, "t": 2})


def memory_of(instance_type: str, cores: int) -> Decimal:
    """Return the GiB of a type of instance by its family: 2, 4 or 8 for each core.

    Raises:
        ValueError: the family is none of these.

    """
    each = _GIB_PER_CORE.get(instance_type[:1])
    if each is None:
        raise ValueError(f"{instance_type}: its family does not say how much memory it has")
    return Decimal(each * cores)
