"""What an environment costs in a month, by tenant and by tier: pure arithmetic on the spec and a price file.

Everything that is paid for is shared out: what a tenant has alone is its own, what a cell has is its tenants', and
the platform is all tenants', by the share of nodes that each asks for. So the sum of the tenants is the bill.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from components.cache.plan import plan_caches
from components.cost.nodes import instances_of, node_costs
from components.cost.usage import BALANCER_UNITS, HOURS, PLATFORM_LOG_GB, TENANT, TenantUsage
from components.keys.plan import plan_keys
from components.secrets.plan import plan_secrets
from components.storage.lifecycle import recovery_window
from spec.aws import AwsSpec
from spec.clusters import EksCluster
from spec.environment import EnvironmentSpec
from spec.fleet import Fleet
from spec.prices import PriceFile, Service
from spec.quantity import quantity_value
from spec.regions import REGIONS
from spec.tenant import TenantSpec
from spec.tiers import RETENTION
from spec.vocabulary import TenantState, Tier

_GIB: Final = Decimal(2**30)
_LONGEST: Final = max(kept.days for kept in RETENTION.values())


class Part(StrEnum):
    """What money goes to, in the order in which it is shown."""

    PROCESSES = "processes"
    DATABASE = "database"
    FILES = "files"
    BACKUPS = "backups"
    CACHE = "cache"
    TRAFFIC = "traffic"
    SECRETS = "secrets"
    PLATFORM = "platform"


@dataclass(frozen=True, kw_only=True)
class Share:
    """An amount in US dollars for a part: of one tenant, or of all who are in `weights`, by these."""

    part: Part
    usd: Decimal
    weights: Mapping[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class TenantCost:
    """What a tenant costs in a month, by part, in US dollars."""

    tenant: str
    tier: Tier
    cell: str
    parts: Mapping[Part, Decimal]

    @property
    def usd(self) -> Decimal:
        """The sum."""
        return sum(self.parts.values(), Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What an environment costs in a month, in US dollars; `idle` is what is paid although nobody lives there."""

    tenants: tuple[TenantCost, ...]
    idle: Decimal

    @property
    def usd(self) -> Decimal:
        """All of it."""
        return sum((tenant.usd for tenant in self.tenants), self.idle)

    def of(self, tenant_id: str) -> TenantCost:
        """Return one tenant's cost; raises `KeyError` for one that does not live there."""
        found = {tenant.tenant: tenant for tenant in self.tenants}
        return found[tenant_id]

    def by_tier(self) -> Mapping[Tier, tuple[int, Decimal]]:
        """Return how many tenants each tier has and what they cost together; without tiers that nobody has."""
        rows: dict[Tier, tuple[int, Decimal]] = {}
        for tier in Tier:
            members = [tenant for tenant in self.tenants if tenant.tier is tier]
            if members:
                rows[tier] = len(members), sum((member.usd for member in members), Decimal(0))
        return rows


def estimate(fleet: Fleet, aws: AwsSpec, prices: PriceFile, far: PriceFile | None) -> Estimate:
    """Estimate a month of an environment.

    Args:
        fleet: the environment and its tenants.
        aws: its AWS side.
        prices: of its region.
        far: of its second region; None where it has none.

    Raises:
        SpecError: something that it has is missing from the price file.

    """
    here = [tenant for tenant in fleet.tenants if tenant.state is not TenantState.PURGED]
    costs: dict[str, dict[Part, Decimal]] = {tenant.id: dict.fromkeys(Part, Decimal(0)) for tenant in here}
    idle = Decimal(0)
    for share in _shares(fleet.environment, aws, here, prices, far):
        whole = sum(share.weights.values(), Decimal(0))
        if not whole:
            idle += share.usd
            continue
        for tenant_id, weight in share.weights.items():
            costs[tenant_id][share.part] += share.usd * weight / whole
    return Estimate(
        tenants=tuple(
            TenantCost(tenant=tenant.id, tier=tenant.tier, cell=tenant.cell, parts=costs[tenant.id])
            for tenant in here
        ),
        idle=idle,
    )


def _shares(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    tenants: Sequence[TenantSpec],
    prices: PriceFile,
    far: PriceFile | None,
) -> Iterator[Share]:
    everybody = dict.fromkeys((tenant.id for tenant in tenants), Decimal(1))
    asked: dict[str, Decimal] = {}
    platform = Decimal(0)
    for want, usd in node_costs(environment, aws, tenants, prices):
        if want.tenant:
            asked[want.tenant] = usd
            yield Share(part=Part.PROCESSES, usd=usd, weights={want.tenant: Decimal(1)})
        elif want.cell:
            yield Share(part=Part.DATABASE, usd=usd, weights=_by_database(tenants, want.cell))
        else:
            platform += usd
    platform += _of_platform(environment, aws, prices, far)
    yield Share(part=Part.PLATFORM, usd=platform, weights=asked or everybody)
    yield from _of_cells(environment, aws, tenants, prices)
    if aws.standby not in {"pilot-light", "absent"}:
        for tenant in tenants:
            yield from _of_tenant(environment, tenant, prices, far)
    yield from _secrets(environment, aws, tenants, prices, far)


def _by_database(tenants: Sequence[TenantSpec], cell: str) -> Mapping[str, Decimal]:
    return {
        tenant.id: quantity_value(tenant.preset.database_storage) for tenant in tenants if tenant.cell == cell
    }


def _of_platform(
    environment: EnvironmentSpec, aws: AwsSpec, prices: PriceFile, far: PriceFile | None
) -> Decimal:
    """Return what is there whoever lives in the environment: cluster, network, keys, names and logs."""
    zones = len(REGIONS[aws.region].zones)
    nats = {"none": 0, "one": 1, "zone": zones}[aws.network.nat]
    balanced = aws.standby != "absent"
    made = isinstance(environment.cluster, EksCluster) and aws.standby != "absent"
    keys = plan_keys(environment, aws)
    near = (
        (Service.CLUSTER_HOUR, HOURS if made else Decimal(0)),
        (Service.NAT_HOUR, HOURS * nats),
        (Service.ENDPOINT_HOUR, HOURS * len(aws.network.endpoints) * zones),
        (Service.BALANCER_HOUR, HOURS if balanced else Decimal(0)),
        (Service.BALANCER_UNIT_HOUR, HOURS * BALANCER_UNITS if balanced else Decimal(0)),
        (Service.ADDRESS_HOUR, HOURS * (nats + (zones if balanced else 0))),
        (Service.LOG_GB, PLATFORM_LOG_GB),
        (Service.KEY_MONTH, Decimal(len(keys.keys))),
        (Service.ZONE_MONTH, Decimal(sum(zone.source == "made" for zone in aws.zones.values()))),
        (Service.HEALTH_CHECK_MONTH, Decimal(aws.standby_host is not None)),
    )
    there = Decimal(0)
    if far is not None:
        there = far.of(Service.KEY_MONTH) * (len(keys.far_keys) + len(keys.replicas))
    return sum((prices.of(service) * number for service, number in near), there)


def _of_cells(
    environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec], prices: PriceFile
) -> Iterator[Share]:
    """Yield what cells have: volumes of databases, and caches."""
    if aws.standby not in {"pilot-light", "absent"}:
        for cell, spec in sorted(environment.cells.items()):
            weights = _by_database(tenants, cell)
            size = quantity_value(spec.storage) / _GIB * instances_of(environment)
            if weights:
                usd = size * prices.of(Service.DISK_GB_MONTH)
                yield Share(part=Part.DATABASE, usd=usd, weights=weights)
    caches = plan_caches(environment, aws, tenants)
    for planned in () if caches is None else caches.caches:
        yield Share(
            part=Part.CACHE,
            usd=prices.cache(planned.node_type) * planned.nodes * HOURS,
            weights={user.tenant: Decimal(1) for user in planned.users},
        )


def _of_tenant(
    environment: EnvironmentSpec, tenant: TenantSpec, prices: PriceFile, far: PriceFile | None
) -> Iterator[Share]:
    used: TenantUsage = TENANT[tenant.tier]
    kept = used.backups * recovery_window(environment) / _LONGEST
    own = {tenant.id: Decimal(1)}
    files = used.files * prices.of(Service.FILES_GB_MONTH)
    objects = used.objects + used.logs
    backups = kept * prices.of(Service.OBJECTS_GB_MONTH) + used.files * prices.of(Service.BACKUP_GB_MONTH)
    files += objects * prices.of(Service.OBJECTS_GB_MONTH)
    traffic = used.egress * prices.of(Service.EGRESS_GB) if tenant.state is TenantState.ACTIVE else Decimal(0)
    if far is not None:
        files += used.files * far.of(Service.FILES_GB_MONTH) + used.objects * far.of(Service.OBJECTS_GB_MONTH)
        backups += kept * far.of(Service.OBJECTS_GB_MONTH) + used.files * far.of(Service.BACKUP_GB_MONTH)
        # Backups are kept for about a month, so as much as is kept is new in each, and copied once.
        backups += kept * prices.of(Service.OTHER_REGION_GB)
    for part, usd in ((Part.FILES, files), (Part.BACKUPS, backups), (Part.TRAFFIC, traffic)):
        yield Share(part=part, usd=usd, weights=own)


def _secrets(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    tenants: Sequence[TenantSpec],
    prices: PriceFile,
    far: PriceFile | None,
) -> Iterator[Share]:
    each = prices.of(Service.SECRET_MONTH) + (Decimal(0) if far is None else far.of(Service.SECRET_MONTH))
    everybody = dict.fromkeys((tenant.id for tenant in tenants), Decimal(1))
    whole = plan_secrets(environment, aws, tenants).secrets
    own = {tenant.id: len(plan_secrets(environment, aws, [tenant]).secrets) for tenant in tenants}
    common = len(plan_secrets(environment, aws, []).secrets)
    if whole:
        yield Share(part=Part.PLATFORM, usd=each * common, weights=everybody)
    for tenant_id, number in own.items():
        yield Share(part=Part.SECRETS, usd=each * (number - common), weights={tenant_id: Decimal(1)})
