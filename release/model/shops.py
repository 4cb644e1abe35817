"""The shops of the model: each has what its file says of its volume, and the effect of the release that it runs.

Time goes by when somebody asks: counters grow by their rates since they were last asked. Whatever else a shop
measures follows from its orders, so that a small one looks small. Nothing is drawn at random.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from release.model.effects import ORDINARY, Effect, quickened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.monitoring.pace import Pace
    from spec.tenant import TenantSpec

OPEN_HOURS: Final = 14
"""Hours of a day in which orders arrive."""
REQUESTS_AN_ORDER: Final = 60
"""Chosen: pages, pictures and calls behind an order, for the ingress controller's counters."""
DATABASE_A_REQUEST: Final = 0.02
"""Chosen: seconds of the database for a request."""
AT_LEAST: Final = 1.0
"""Requests a second that every shop has: probes, carts, robots."""


@dataclass
class Shop:
    """One tenant in the model, and what it has counted so far."""

    tenant: TenantSpec
    version: str = ""
    effect: Effect = ORDINARY
    since: float = 0
    """When it got its release, in seconds of the model's clock."""
    counted: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def orders_an_hour(self) -> float:
        """Orders in an hour of trade, without any effect."""
        return self.tenant.orders_per_day / OPEN_HOURS

    @property
    def requests(self) -> float:
        """Requests a second."""
        return AT_LEAST + self.orders_an_hour * REQUESTS_AN_ORDER / 3600


class Model:
    """Shops that get releases. Safe to be asked from several threads."""

    def __init__(self, tenants: Iterable[TenantSpec], pace: Pace, *, at: float) -> None:
        self._shops = {tenant.id: Shop(tenant) for tenant in tenants}
        self._pace = pace
        self._at = at
        self._lock = threading.Lock()

    def release(self, tenant: str, version: str, effect: Effect, *, at: float) -> None:
        """Give a shop a release; `effect` is what that does to it, at production's pace."""
        with self._lock:
            self._pass(at)
            shop = self._shops[tenant]
            if shop.version == version:
                return
            shop.version, shop.effect, shop.since = version, quickened(effect, self._pace), at

    def shops(self, at: float) -> list[Shop]:
        """Return all shops as they stand at an instant; what they have counted is a copy."""
        with self._lock:
            self._pass(at)
            return [
                Shop(each.tenant, each.version, each.effect, each.since, dict(each.counted))
                for each in self._shops.values()
            ]

    def _pass(self, at: float) -> None:
        gone = max(at - self._at, 0)
        self._at = max(at, self._at)
        for shop in self._shops.values():
            counted, effect = shop.counted, shop.effect
            requests = shop.requests * gone
            counted["requests"] += requests * (1 - effect.error_share)
            counted["errors"] += requests * effect.error_share
            counted["quick"] += requests * (1 - effect.slow_share) * (1 - effect.error_share)
            counted["database"] += requests * DATABASE_A_REQUEST * effect.database
