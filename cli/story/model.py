"""A model of shops under load: what Prometheus would answer, from a figure for each check and a release's effect on it.

It is a model. No Odoo, Traefik or PostgreSQL runs; the queries, the thresholds and the judgement are the real ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from components.monitoring.checks import BY_NAME, checks_of
from release.gates.measure import Report, Watched, measure
from release.gates.verdict import Outcome, Sample, Series
from release.world import Moved, Taken

if TYPE_CHECKING:
    from components.monitoring.check import Check
    from spec.fleet import Fleet

Effect = Callable[[float, float], float]
"""What a release makes of a figure: from the figure, and the minutes since the tenant was moved."""

_ASKED: Final = re.compile(r'gate:(check|value)\{tenant="([^"]+)",layer="([^"]+)",check=~"([^"]+)"\}')
_AVERAGE: Final = re.compile(
    r'avg_over_time\(gate:value\{tenant="([^"]+)",layer="\w+",check="(\w+)"\}\[(\d+)m\](?: @ (\d+))?\)$'
)
_LOOKS: Final = 8
_BELOW, _ABOVE = 0.4, 1.25


@dataclass(frozen=True)
class Load:
    """Shops under load, some of them changed by a release. It answers PromQL as far as gates ask it."""

    effects: Mapping[str, Effect]
    """By check: what the release that is tried does to its figure."""
    moved: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When each tenant came to it."""

    def figure(self, tenant: str, check: str, at: datetime) -> float:
        """Return the figure of a check at a time."""
        usual = _usual(BY_NAME[check])
        since = self.moved.get(tenant)
        effect = self.effects.get(check)
        if effect is None or since is None or at < since:
            return usual
        return effect(usual, (at - since) / timedelta(minutes=1))

    def ask(self, query: str, at: datetime) -> list[Series]:
        """Return the series of one of the gates' queries."""
        asked = _ASKED.match(query)
        if asked is not None:
            kind, tenant, layer, names = asked.groups()
            return list(self._checks(kind, tenant, (layer, names.split("|")), at))
        average = _AVERAGE.match(query)
        if average is None:
            return []
        tenant, check, minutes, moment = average.groups()
        ends = at if moment is None else datetime.fromtimestamp(int(moment), tz=at.tzinfo)
        # What was measured at the moment of the move is from before it.
        looks = [ends - timedelta(minutes=back, seconds=1) for back in range(int(minutes))]
        mean = sum(self.figure(tenant, check, each) for each in looks) / len(looks)
        return [Series(labels={"tenant": tenant}, samples=(Sample(at=at, value=mean),))]

    def _checks(self, kind: str, tenant: str, asked: tuple[str, list[str]], at: datetime) -> Iterator[Series]:
        layer, names = asked
        for name in names:
            times = [at - timedelta(minutes=back) for back in range(_LOOKS - 1, -1, -1)]
            figures = [self.figure(tenant, name, each) for each in times]
            good = BY_NAME[name].passes
            values = figures if kind == "value" else [float(good(each)) for each in figures]
            yield Series(
                labels={"tenant": tenant, "layer": layer, "check": name},
                samples=tuple(
                    Sample(at=time, value=value) for time, value in zip(times, values, strict=True)
                ),
            )


def _usual(check: Check) -> float:
    if check.good == "==" or check.threshold == 0:
        return check.threshold
    if check.good == "<=":
        return check.threshold * _BELOW
    return min(check.threshold * _ABOVE, 1.0) if check.unit == "ratio" else check.threshold * _ABOVE


@dataclass(frozen=True, kw_only=True)
class ModelWorld:
    """A world in which copies, checkpoints and Argo CD always do as they should, and shops are a model under load."""

    fleet: Fleet
    load: Load
    clock: Callable[[], datetime]
    taken: dict[tuple[str, str, str], Taken] = field(default_factory=dict[tuple[str, str, str], Taken])
    simulated: bool = True

    def rehearse(self, tenant: str, release: str) -> Taken:
        """Return a rehearsal that went well, in so many seconds as the tenant has orders to copy."""
        seconds = 120 + self.fleet.tenant(tenant).orders_per_day // 50
        why = f"took {seconds} s on a neutralised copy (model)"
        return self._once("rehearsal", tenant, release, (why, {"seconds": seconds}))

    def checkpoint(self, tenant: str, release: str, not_before: datetime) -> Taken:
        """Return a checkpoint that was read back."""
        found = self.taken.get(("checkpoint", tenant, release))
        if found is not None and found.began < not_before:
            del self.taken["checkpoint", tenant, release]
        size = 64 + self.fleet.tenant(tenant).orders_per_day // 4
        why = f"read back: {size} MiB (model)"
        return self._once(
            "checkpoint", tenant, release, (why, {"id": f"model-{tenant}-{release}", "MiB": size})
        )

    def let_in(self, integration: str, tenants: Sequence[str]) -> bool:
        """Say that an integration was let in again: in the model somebody always does."""
        del integration, tenants
        return True

    def measure(self, moved: Sequence[Moved], at: datetime) -> Report:
        """Measure and judge the gates of tenants, whose Applications are in step."""
        self.load.moved.update({each.tenant: each.at for each in moved})
        watched = [
            Watched(
                tenant=each.tenant,
                moved=each.at,
                application=_in_step(each, at),
                holds_move=lambda revision, commit=each.commit: revision == commit,
            )
            for each in moved
        ]
        return measure(self.load, watched, at, checks_of(self.fleet.environment))

    def _once(self, step: str, tenant: str, release: str, said: tuple[str, dict[str, object]]) -> Taken:
        at = self.clock()
        made = Taken(began=at, ended=at, outcome=Outcome.PASS, why=said[0], details=said[1])
        return self.taken.setdefault((step, tenant, release), made)


def _in_step(moved: Moved, at: datetime) -> dict[str, object]:
    finished = min(at, moved.at + timedelta(minutes=5))
    return {
        "status": {
            "sync": {"status": "Synced", "revision": moved.commit},
            "health": {"status": "Healthy"},
            "operationState": {
                "phase": "Succeeded",
                "finishedAt": finished.isoformat(),
            },
        }
    }
