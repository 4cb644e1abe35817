"""The model at times of the past: what a real Prometheus would have collected, and what its rules made of it.

The shops' figures are written at the times that they are of, relabelled as the monitors do it. The rules are evaluated
by that Prometheus, at the pace of production. It is watched only where somebody looks: between two looks it knows
nothing, so that a month of a fleet is a minute's work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from components.monitoring.pace import PRODUCTION
from components.monitoring.relabelling import METRICS
from local.recording import record
from local.remote_write import STALE, key_of, write
from release.gates.definition import IMPACTS
from release.model.shops import Model
from release.model.sources import samples, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from local.remote_write import Key
    from release.model.effects import Effect
    from spec.fleet import Fleet

GROUP: Final = "storefleet-gates"
"""The group of rules that gates ask for. Objectives and alerts look back for days, and nobody asks for them here."""
INTERVAL: Final = PRODUCTION.interval
SPAN: Final = int(max(each.window for each in IMPACTS).total_seconds()) + 2 * PRODUCTION.interval
"""Seconds before an instant over which rules are evaluated: as far as the longest comparison reaches, and some."""
_FIRST: Final = PRODUCTION.window + 2 * INTERVAL
"""Seconds before that from which shops are watched: the first rate needs them."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """A shop gets a release."""

    at: float
    """Seconds since 1970, as all times here."""
    tenant: str
    version: str
    effect: Effect


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A target does not answer for a while."""

    source: str
    cell: str
    begins: float
    ends: float

    def holds(self, source: str, cell: str, at: float) -> bool:
        """Say whether a target is silent at an instant."""
        return (source, cell) == (self.source, self.cell) and self.begins <= at < self.ends


@dataclass
class Past:
    """What a Prometheus knows of a fleet's model. Times are looked at in order; what was looked at stays."""

    url: str
    fleet: Fleet
    groups: Sequence[Mapping[str, Any]]
    """Groups of rules."""
    written: int = 0
    """How many samples of shops there are."""
    recorded: int = 0
    """How many samples of rules there are."""
    _keys: dict[tuple[object, ...], Key] = field(default_factory=dict["tuple[object, ...]", "Key"])
    _until: int = 0
    _there: set[Key] = field(default_factory=set["Key"])

    def look(self, events: Iterable[Event], losses: Sequence[Loss], instants: Iterable[float]) -> None:
        """Have everything known that is asked at some instants.

        Args:
            events: all that happened to the shops.
            losses: what could not be measured.
            instants: when something is asked, or compared with.

        """
        ordered = sorted(events, key=lambda each: each.at)
        rules = [rule for group in self.groups if group["name"] == GROUP for rule in group["rules"]]
        for at in sorted({int(each) // INTERVAL * INTERVAL for each in instants}):
            begins = max(at - SPAN, self._until + INTERVAL)
            if begins > at:
                continue
            first = begins if begins == self._until + INTERVAL else begins - _FIRST
            self._write(ordered, losses, range(max(first, self._until + INTERVAL), at + 1, INTERVAL))
            self.recorded += record(self.url, rules, range(begins, at + 1, INTERVAL))
            self._until = at

    def _write(self, events: Sequence[Event], losses: Sequence[Loss], times: range) -> None:
        if times[0] != self._until + INTERVAL:
            self._there = set()
        model = Model(self.fleet.tenants, PRODUCTION, at=events[0].at if events else times[0])
        waiting = list(events)
        found: dict[Key, list[tuple[int, float]]] = {}
        for at in times:
            while waiting and waiting[0].at <= at:
                event = waiting.pop(0)
                model.release(event.tenant, event.version, event.effect, at=event.at)
            now = dict(self._collected(model, losses, at))
            for key, value in now.items():
                found.setdefault(key, []).append((at * 1000, value))
            for key in self._there - now.keys():
                found.setdefault(key, []).append((at * 1000, STALE))
            self._there = set(now)
        self.written += write(self.url, found.items())

    def _collected(self, model: Model, losses: Sequence[Loss], at: float) -> Iterable[tuple[Key, float]]:
        shops = model.shops(at)
        environment = self.fleet.environment.name.value
        for source, cell in targets(self.fleet):
            lost = any(each.holds(source, cell, at) for each in losses)
            yield self._key(source, cell, "up", {}), float(not lost)
            if not lost:
                for name, own, value in samples(source, cell, environment, shops, at) or ():
                    yield self._key(source, cell, name, own), value

    def _key(self, source: str, cell: str, name: str, own: Mapping[str, object]) -> Key:
        short = (source, cell, name, *own.values())
        if short not in self._keys:
            target = {"job": source, "instance": "model", "source": source, "cell": cell}
            self._keys[short] = key_of(name, relabelled(source, {**target, **own}))
        return self._keys[short]


def relabelled(source: str, labels: Mapping[str, object]) -> dict[str, object]:
    """Return the labels of a series as Prometheus keeps them: each rule of the monitors puts one label on."""
    found = dict(labels)
    for one in METRICS.get(source, ()):
        (asked,) = one["source_labels"]
        match = re.fullmatch(one["regex"], str(found.get(asked, "")))
        if match:
            found[one["target_label"]] = match[1]
    return found
