"""What a release does to a shop, in the model: nothing, unless its effect says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from components.monitoring.pace import PRODUCTION
from spec.problems import either, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.monitoring.pace import Pace


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Departures from a shop that does well, from the moment at which it gets the release."""

    means: str
    """What is wrong, for whoever reads the story."""
    queue_delay: float = 0
    """Seconds by which the oldest job gets later in each second: 1 is a queue that nobody works on."""
    job_growth: float = 0
    """Jobs that wait more after each second, for each order of an ordinary hour."""
    stock_delay: float = 0
    """Seconds by which stock gets older in each second: 1 is a synchronisation that stands still."""
    lock_waits: float = 0
    """Sessions that wait for a lock."""
    error_share: float = 0
    """Share of requests that are answered with an error."""
    slow_share: float = 0
    """Share of requests that take longer than 2 s."""
    failed_orders: float = 0
    """Share of orders that fail."""
    failed_payments: float = 0
    """Share of payments that are refused."""
    orders: float = 1
    """Orders, as a multiple of what arrives otherwise."""
    database: float = 1
    """Time of the database, as a multiple of what it takes otherwise."""
    silent: frozenset[str] = frozenset()
    """Sources that stop answering: edge, database, pooler, delivery, certificates, login, backups."""


ORDINARY: Final = Effect(means="nothing is wrong")

EFFECTS: Final[Mapping[str, Effect]] = {
    "ordinary": ORDINARY,
    "slow-queue": Effect(
        means="the new promotion logic computes prices anew in each job: the queue falls behind",
        queue_delay=1.2,
        job_growth=0.002,
        database=1.5,
    ),
    "promotions": Effect(
        means="prices are computed for every basket line in the shop's queue, which stock waits for: both fall behind",
        queue_delay=0.3,
        stock_delay=0.6,
        job_growth=0.0005,
        lock_waits=2,
        database=2,
    ),
    "errors": Effect(means="a page fails for one visitor in twenty", error_share=0.05),
    "checkout": Effect(means="one payment in five is refused", failed_payments=0.2, failed_orders=0.1),
    "refused": Effect(means="no order can be placed", failed_orders=1),
    "blind": Effect(means="the database's metrics are lost", silent=frozenset({"database"})),
}
"""Effects by name."""


def effect(name: str) -> Effect:
    """Return an effect by its name; raises `ValueError` with the names there are."""
    if name not in EFFECTS:
        raise ValueError(
            f"{name} is no effect; there are {either(EFFECTS)}. {suggestion(name, EFFECTS)}".rstrip()
        )
    return EFFECTS[name]


def quickened(one: Effect, pace: Pace) -> Effect:
    """Return an effect at another pace: what takes five minutes in production takes one window of the pace."""
    factor = PRODUCTION.window / pace.window
    growing = ("queue_delay", "stock_delay", "job_growth")
    return replace(one, **{name: getattr(one, name) * factor for name in growing})
