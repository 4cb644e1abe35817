"""How each ring takes a release: how many at once, how long they are watched, how many may fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from spec.releases import Migration
from spec.vocabulary import Ring


@dataclass(frozen=True, kw_only=True)
class RingRules:
    """What holds for the waves of a ring."""

    most: int
    """Most tenants in the first wave; in the second twice as many, and so on."""
    soak: timedelta
    """How long a wave is watched before the next begins."""
    failure_budget: int
    """How many tenants of a wave may go back without stopping the release."""


RINGS: Final[Mapping[Ring, RingRules]] = MappingProxyType(
    {
        # A day shows one run of every nightly job and one evening, which is when shops sell.
        Ring.CANARY: RingRules(most=3, soak=timedelta(hours=24), failure_budget=0),
        Ring.EARLY: RingRules(most=8, soak=timedelta(hours=24), failure_budget=0),
        Ring.GENERAL: RingRules(most=15, soak=timedelta(hours=24), failure_budget=1),
        Ring.GUARDED: RingRules(most=3, soak=timedelta(hours=48), failure_budget=0),
    }
)

CHANGE: Final[Mapping[Migration, timedelta]] = MappingProxyType(
    {
        Migration.NONE: timedelta(minutes=15),
        Migration.ADDITIVE: timedelta(minutes=45),
        Migration.BREAKING: timedelta(hours=2),
    }
)
"""How long the change of a tenant takes: assumed, until a rehearsal measures it."""

PATIENCE: Final = timedelta(hours=24)
"""How long a ring waits for tenants whose calendars are closed; after that they are late, and follow."""

GATHERING: Final = timedelta(hours=12)
"""How long whoever is open first waits for others, so that a wave spans the time zones of its tenants."""

MANY_TENANTS: Final = 10
"""A release that moves more than so many tenants is a risk by its number alone."""


LARGEST_WAVE: Final = 80
"""However well the waves before went, one commit moves no more than two cells' worth of tenants."""


def rules_of(ring: Ring, migration: Migration, earlier: int = 0) -> RingRules:
    """Return what holds for the next wave of a ring.

    Each wave of a ring may be twice as large as the one before it, so that a large fleet is done in days. A change of
    the database is done in half the number.

    Args:
        ring: the ring.
        migration: what the release does to the database.
        earlier: how many waves the ring has had.

    """
    rules = RINGS[ring]
    first = rules.most if migration is Migration.NONE else max(1, rules.most // 2)
    most = min(first * 2 ** min(earlier, 10), LARGEST_WAVE)
    return RingRules(most=most, soak=rules.soak, failure_budget=rules.failure_budget)
