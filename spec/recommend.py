"""What the facts of a tenant ask for: a tier and a ring, each with the sentence that says why.

Everything is in one table. A demand holds when its condition does; it names the lowest tier, or the earliest
ring, that answers it; the recommendation is the highest of them. A *binding* demand that a file does not meet
is a contradiction, which is refused unless a waiver names the rule (see ``spec.waivers``); the others only
explain. A file may always choose more than is recommended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from spec.tenant import TenantFile
from spec.tiers import TIERS
from spec.vocabulary import Criticality, Customisation, ReleaseTolerance, Ring, Sensitivity, Tier

_TIER_ORDER: Final = tuple(Tier)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What one fact asks for. ``least`` is a tier or a ring; ``sentence`` says why."""

    rule: str
    """Name of the rule, which a waiver refers to."""
    least: Tier | Ring
    sentence: str
    binding: bool
    """Whether a file that stays below is refused."""

    @property
    def field(self) -> str:
        """The field of the tenant's file that answers the demand: ``tier`` or ``ring``."""
        return "tier" if isinstance(self.least, Tier) else "ring"

    def met_by(self, tenant: TenantFile) -> bool:
        """Say whether the file's tier or ring answers the demand."""
        if isinstance(self.least, Tier):
            return _height(tenant.tier) >= _height(self.least)
        return tenant.ring >= self.least


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The tier and ring that a tenant's facts ask for, and every demand that leads there."""

    tier: Tier
    ring: Ring
    demands: tuple[Demand, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why: a sentence for each demand, those about the tier first."""
        about_tier = any(demand.field == "tier" for demand in self.demands)
        plain = () if about_tier else ("Nothing in the file asks for more than the shared tier.",)
        return (*plain, *(demand.sentence for demand in self.demands))


@dataclass(frozen=True)
class _Row:
    rule: str
    holds: Callable[[TenantFile], bool]
    least: Tier | Ring
    sentence: str
    binding: bool = True


def peak_orders(tenant: TenantFile) -> int:
    """Return the orders on the busiest day that the file foresees."""
    return round(tenant.orders_per_day * max((peak.factor for peak in tenant.peaks), default=1))


def _above(tier: Tier) -> Callable[[TenantFile], bool]:
    most = TIERS[tier].peak_orders_per_day
    return lambda tenant: most is not None and peak_orders(tenant) > most


_ROWS: Final = (
    _Row(
        "regulated-data",
        lambda tenant: tenant.data_sensitivity is Sensitivity.REGULATED,
        Tier.DEDICATED,
        "Regulated data stands in a database cluster of its own, with backups and keys that nobody shares.",
    ),
    _Row(
        "critical-trade",
        lambda tenant: tenant.criticality is Criticality.CRITICAL,
        Tier.HYBRID,
        "A critical shop does not share its database cluster with forty others: one of them can slow it.",
    ),
    _Row(
        "deep-customisation",
        lambda tenant: tenant.customisation is Customisation.DEEP,
        Tier.HYBRID,
        "Deep customisation brings queries that nobody has tuned, and those do not belong in a shared cell.",
    ),
    _Row(
        "shared-volume",
        _above(Tier.SHARED),
        Tier.HYBRID,
        "Its busiest day, {peak:,} orders, is more than the {shared:,} that shared processes are sized for.",
    ),
    _Row(
        "hybrid-volume",
        _above(Tier.HYBRID),
        Tier.DEDICATED,
        "Its busiest day, {peak:,} orders, is more than the {hybrid:,} that hybrid processes are sized for.",
    ),
    _Row(
        "eager-tenant",
        lambda tenant: tenant.release_tolerance is ReleaseTolerance.EAGER,
        Ring.CANARY,
        "The tenant is eager to have releases early.",
        binding=False,
    ),
    _Row(
        "normal-tenant",
        lambda tenant: tenant.release_tolerance is ReleaseTolerance.NORMAL,
        Ring.GENERAL,
        "The tenant takes releases with the general public, as its normal tolerance says.",
        binding=False,
    ),
    _Row(
        "cautious-tenant",
        lambda tenant: tenant.release_tolerance is ReleaseTolerance.CAUTIOUS,
        Ring.GUARDED,
        "The tenant is cautious: it gets a release when all others have run on it.",
    ),
    _Row(
        "standard-trade",
        lambda tenant: tenant.criticality is Criticality.STANDARD,
        Ring.EARLY,
        "A canary must be a shop that can do without an hour; this one trades at standard criticality.",
        binding=False,
    ),
    _Row(
        "customised-canary",
        lambda tenant: tenant.customisation is Customisation.LIGHT,
        Ring.EARLY,
        "A canary shows what the standard product does; this shop has modules of its own.",
        binding=False,
    ),
    _Row(
        "high-trade",
        lambda tenant: tenant.criticality is Criticality.HIGH,
        Ring.GENERAL,
        "An hour without this shop costs much, so others meet a new release first.",
    ),
    _Row(
        "critical-last",
        lambda tenant: tenant.criticality is Criticality.CRITICAL,
        Ring.GUARDED,
        "A critical shop is guarded: it gets a release last.",
    ),
    _Row(
        "deep-modules",
        lambda tenant: tenant.customisation is Customisation.DEEP,
        Ring.GENERAL,
        "Deep customisation is rehearsed on a copy first, and that takes until the early rings are done.",
    ),
    _Row(
        "regulated-release",
        lambda tenant: tenant.data_sensitivity is Sensitivity.REGULATED,
        Ring.GENERAL,
        "A release that touches regulated data comes with the evidence of the rings before it.",
    ),
)

RULES: Final = tuple(row.rule for row in _ROWS if row.binding)
"""The rules that a file may break under a waiver."""


def recommend(tenant: TenantFile) -> Recommendation:
    """Return the tier and the ring that the facts of a tenant ask for.

    Only the facts count: criticality, sensitivity, customisation, tolerance and volume. The file's own tier,
    cell and ring are not looked at.
    """
    demands = tuple(_demands(tenant))
    tiers = [demand.least for demand in demands if isinstance(demand.least, Tier)]
    rings = [demand.least for demand in demands if isinstance(demand.least, Ring)]
    return Recommendation(
        tier=max(tiers, key=_height, default=Tier.SHARED),
        ring=max(rings, default=Ring.CANARY),
        demands=demands,
    )


def contradictions(tenant: TenantFile) -> tuple[Demand, ...]:
    """Return the binding demands that the file's own tier and ring do not meet."""
    return tuple(demand for demand in _demands(tenant) if demand.binding and not demand.met_by(tenant))


def _demands(tenant: TenantFile) -> Iterator[Demand]:
    figures = {
        "peak": peak_orders(tenant),
        "shared": TIERS[Tier.SHARED].peak_orders_per_day,
        "hybrid": TIERS[Tier.HYBRID].peak_orders_per_day,
    }
    for row in _ROWS:
        if row.holds(tenant):
            yield Demand(
                rule=row.rule,
                least=row.least,
                sentence=row.sentence.format(**figures),
                binding=row.binding,
            )


def _height(tier: Tier) -> int:
    return _TIER_ORDER.index(tier)
