"""A gate as a definition: which series, how many samples, how fresh. The command line and Argo Rollouts share it. Pure.

A query never asks for the series of a whole layer alone: the smallest of the checks that are left is green when one of
them was lost. So every check is asked for by name, and counted.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from release.gates.checks import BY_LAYER, Layer

INTERVAL: Final = timedelta(minutes=1)
"""How often a check is looked at."""
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

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of the checks that must be answered."""
        return tuple(each.name for each in BY_LAYER[self.layer])

    @property
    def selector(self) -> str:
        """The series of the gate, and no others: a check that nobody knows here decides nothing."""
        names = "|".join(self.checks)
        return f'gate:check{{tenant="{self.tenant}",layer="{self.layer}",check=~"{names}"}}'

    @property
    def samples_query(self) -> str:
        """PromQL for the raw samples of as many minutes as are needed, with their own times."""
        seconds = int((INTERVAL * (SAMPLES + 1) + FRESH).total_seconds())
        return f"{self.selector}[{seconds}s]"

    @property
    def instant_query(self) -> str:
        """PromQL for the current values, without those that are not fresh any more."""
        seconds = int(FRESH.total_seconds())
        return f"{self.selector} and (time() - timestamp({self.selector}) <= {seconds})"

    @property
    def success(self) -> str:
        """When one look is good, in Argo Rollouts' words: every check answers, and answers yes."""
        return f"len(result) == {len(self.checks)} && {_GOOD}"

    @property
    def failure(self) -> str:
        """When one look is bad. What is neither is inconclusive: data are missing, and the gate holds."""
        return f"len(result) == {len(self.checks)} && {_BAD}"


@dataclass(frozen=True, kw_only=True)
class Impact:
    """A measure of the database that a release must not raise: compared before and after the move of the tenant."""

    name: str
    question: str
    series: str
    """Recorded for each tenant."""
    unit: str
    factor: float
    """How many times the value before is accepted."""
    floor: float
    """What is accepted in any case, in the unit: a quiet shop doubles little."""
    window: timedelta = timedelta(minutes=30)
    """Over which time each of the two is averaged."""

    def after_query(self, tenant: str) -> str:
        """PromQL for the value after the move: now."""
        return f'avg_over_time({self.series}{{tenant="{tenant}"}}[{_minutes(self.window)}])'

    def before_query(self, tenant: str, moved: int) -> str:
        """PromQL for the value before the move, which was at `moved` seconds since 1970."""
        return f"{self.after_query(tenant)} @ {moved}"

    def accepted(self, before: float) -> float:
        """Return the highest value after the move that is accepted."""
        return before * self.factor + self.floor


IMPACTS: Final = (
    Impact(
        name="database_time",
        question="Does a request cost the database about as much time as before the release?",
        series="tenant:database_seconds:per_request",
        unit="s",
        factor=1.25,
        floor=0.005,
    ),
    Impact(
        name="lock_waits",
        question="Do as few wait for locks as before the release?",
        series="tenant:database_lock_waits:rate5m",
        unit="per second",
        factor=1.5,
        floor=0.05,
    ),
)
"""Database time and locks. The factors are ours: above them a release is looked at before more tenants get it."""


def gates_of(tenant: str) -> tuple[Gate, ...]:
    """Return the gates of a tenant, one a layer."""
    return tuple(Gate(tenant=tenant, layer=layer) for layer in Layer)


def _minutes(length: timedelta) -> str:
    return f"{int(length / timedelta(minutes=1))}m"
