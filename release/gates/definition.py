"""A gate as a definition: which series, how many samples, how fresh. The command line and Argo Rollouts share it. Pure.

A query never asks for the series of a whole layer alone: the smallest of the checks that are left is green when one of
them was lost. So every check is asked for by name, and counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from components.monitoring.check import Check, Layer

INTERVAL: Final = timedelta(minutes=1)
"""How often a check is looked at in the cluster, and the most that may lie between two samples that count."""
SAMPLES: Final = 5
"""How many looks in a row must be good. One that is bad fails the gate."""
FRESH: Final = timedelta(seconds=150)
"""How old the last sample may be: two evaluations of a rule, and some. Prometheus itself repeats one for 5 minutes."""
SETTLE: Final = timedelta(minutes=30)
"""How long after its move a wave is first judged: rates look minutes back, and caches are cold at first."""

_GOOD: Final = "all(result, # == 1)"
_BAD: Final = "any(result, # == 0)"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate of one tenant and layer."""

    tenant: str
    layer: Layer
    checks: tuple[str, ...]
    """The names of the checks that must be answered."""

    @property
    def selector(self) -> str:
        """The series of the gate, and no others: a check that nobody knows here decides nothing."""
        return f"gate:check{self._labels}"

    @property
    def figures_query(self) -> str:
        """PromQL for what was measured. A check without a figure is 0 as well, and that is no failure: it holds."""
        return f"gate:value{self._labels}"

    @property
    def figure_samples_query(self) -> str:
        """PromQL for what was measured over the time of the looks: an answer without a figure then says nothing."""
        return f"{self.figures_query}[{self._seconds}s]"

    @property
    def _labels(self) -> str:
        return f'{{tenant="{self.tenant}",layer="{self.layer}",check=~"{"|".join(self.checks)}"}}'

    @property
    def samples_query(self) -> str:
        """PromQL for the raw samples of as many minutes as are needed, with their own times."""
        return f"{self.selector}[{self._seconds}s]"

    @property
    def _seconds(self) -> int:
        return int((INTERVAL * (SAMPLES + 1) + FRESH).total_seconds())

    @property
    def instant_query(self) -> str:
        """PromQL for the current answers that have a figure behind them and are fresh."""
        seconds = int(FRESH.total_seconds())
        fresh = f"time() - timestamp({self.selector}) <= {seconds}"
        return f"{self.selector} and on (tenant, layer, check) {self.figures_query} and ({fresh})"

    @property
    def success(self) -> str:
        """When one look is good, in Argo Rollouts' words: every check answers, and answers yes."""
        return f"len(result) == {len(self.checks)} && {_GOOD}"

    @property
    def failure(self) -> str:
        """When one look is bad: some check has a figure, and it is not good. What is neither is inconclusive."""
        return _BAD


@dataclass(frozen=True, kw_only=True)
class Impact:
    """What a release asks of the database: a figure that is compared from before the move of the tenant to after it."""

    name: str
    figure: str
    """The check whose figure is compared."""
    layer: Layer
    unit: str
    factor: float
    """How many times the value before is accepted."""
    floor: float
    """What is accepted besides, in the unit: a quiet shop doubles little."""
    window: timedelta = timedelta(minutes=30)
    """Over which time each of the two is averaged."""

    def after_query(self, tenant: str) -> str:
        """PromQL for the value after the move: now."""
        return f"avg_over_time({self._selected(tenant)})"

    def before_query(self, tenant: str, moved: int) -> str:
        """PromQL for the value before the move, which was at `moved` seconds since 1970."""
        return f"avg_over_time({self._selected(tenant)} @ {moved})"

    def _selected(self, tenant: str) -> str:
        labels = f'{{tenant="{tenant}",layer="{self.layer}",check="{self.figure}"}}'
        return f"gate:value{labels}[{int(self.window / timedelta(minutes=1))}m]"

    def accepted(self, before: float) -> float:
        """Return the highest value after the move that is accepted."""
        return before * self.factor + self.floor


IMPACTS: Final = (
    Impact(
        name="database_time_change",
        figure="database_time",
        layer=Layer.PLATFORM,
        unit="times its usual",
        factor=1.25,
        floor=0.1,
    ),
    Impact(
        name="lock_waits_change",
        figure="lock_waits",
        layer=Layer.PLATFORM,
        unit="sessions that wait",
        factor=1.5,
        floor=0.5,
    ),
)
"""Database time and locks. The factors are chosen: above them a release is looked at before more tenants get it."""


def gates_of(tenant: str, checks: Iterable[Check]) -> tuple[Gate, ...]:
    """Return the gates of a tenant, one a layer, from the checks of its environment."""
    known = tuple(checks)
    return tuple(
        Gate(tenant=tenant, layer=layer, checks=tuple(each.name for each in known if each.layer == layer))
        for layer in Layer
    )
