"""The world of a story: shops that are a model under load, watched by a real Prometheus with the real rules.

It is a model: no Odoo, Traefik or PostgreSQL runs. The figures that these would expose are written into Prometheus at
the story's times; the rules, the queries, the thresholds and the judgement are those of a real release.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from components.monitoring.checks import GATE_LAYER, checks_of
from components.monitoring.rules import rule_groups
from release.drift import Drift, drift
from release.gates.measure import Report, Watched, measure
from release.gates.prometheus import Prometheus
from release.gates.verdict import Outcome
from release.model.effects import ORDINARY, Effect
from release.model.past import Event, Loss, Past
from release.world import Moved, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from release.repository import Move
    from spec.fleet import Fleet

_SYNCHRONISED: Final = timedelta(seconds=90)
"""How long after a commit the model's Argo CD is done with it."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What happens besides the release, some time after it came to a tenant."""

    version: str
    tenant: str
    after: timedelta
    lasts: timedelta = timedelta()
    lost: str = ""
    """The source of its cell that does not answer for so long."""
    changed: tuple[str, ...] = ()
    """Kind and name of what somebody changes by hand, and Argo CD puts back at once."""


@dataclass(frozen=True, kw_only=True)
class Bent:
    """What a story does to its shops."""

    effects: Mapping[str, Effect] = field(default_factory=dict[str, Effect])
    """By version: what it does to a shop."""
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelWorld:
    """A world in which copies, checkpoints and Argo CD always do as they should, and shops are a model under load."""

    fleet: Fleet
    bent: Bent
    clock: Callable[[], datetime]
    moves: Callable[[], Sequence[Move]]
    """The history of the pointers, the newest first: what Argo CD would have brought to the shops."""
    prometheus: Callable[[], str]
    """Starts a Prometheus where none runs yet, and returns its address."""
    kept: Path
    """A file with a line for each rehearsal and checkpoint: what was taken is found again after a kill."""
    simulated: bool = True
    _past: list[Past] = field(default_factory=list[Past])

    def rehearse(self, tenant: str, release: str) -> Taken:
        """Return a rehearsal that went well, in so many seconds as the tenant has orders to copy."""
        seconds = 120 + self.fleet.tenant(tenant).orders_per_day // 50
        why = f"took {seconds} s on a neutralised copy (model)"
        return self._once(f"rehearsal {tenant} {release}", why, {"seconds": seconds}, None)

    def checkpoint(self, tenant: str, release: str, not_before: datetime) -> Taken:
        """Return a checkpoint that was read back."""
        size = 64 + self.fleet.tenant(tenant).orders_per_day // 4
        details: dict[str, object] = {"id": f"model-{tenant}-{release}", "MiB": size}
        what = f"checkpoint {tenant} {release}"
        return self._once(what, f"read back: {size} MiB (model)", details, not_before)

    def let_in(self, integration: str, tenants: Sequence[str]) -> bool:
        """Say that an integration was let in again: in the model somebody always does."""
        del integration, tenants
        return True

    def measure(self, moved: Sequence[Moved], at: datetime) -> Report:
        """Measure and judge the gates of tenants in Prometheus; their Applications are in step."""
        asked = self.watch(at, *(each.at for each in moved))
        watched = [
            Watched(
                tenant=each.tenant,
                moved=each.at,
                application=self._application(each, at),
                holds_move=lambda revision, commit=each.commit: revision == commit,
            )
            for each in moved
        ]
        return measure(asked, watched, at, checks_of(self.fleet.environment))

    def watch(self, *instants: datetime) -> Prometheus:
        """Return a Prometheus that knows what can be asked at some instants."""
        address = self.prometheus()
        if not self._past:
            rules = rule_groups(self.fleet.environment.name.value, checks_of(self.fleet.environment))
            self._past.append(Past(url=address, fleet=self.fleet, groups=rules))
        events = [
            Event(
                at=each.at.timestamp(),
                tenant=each.tenant,
                version=each.after or "",
                effect=self.bent.effects.get(each.after or "", ORDINARY),
            )
            for each in reversed(self.moves())
        ]
        self._past[0].look(events, self._losses(), [each.timestamp() for each in instants])
        return Prometheus(address)

    def failing(self, at: datetime) -> tuple[set[str], set[str]]:
        """Return the tenants of which all gates are good at an instant, and those of which one is not."""
        said = self.watch(at).ask(GATE_LAYER, at)
        bad = {each.labels["tenant"] for each in said if each.samples[-1].value != 1}
        return {each.labels["tenant"] for each in said} - bad, bad

    def drift(self, moved: Sequence[Moved], since: datetime, at: datetime) -> Drift:
        """Return what the model's Argo CD put back, as it is read from a real one's objects."""
        return drift({each.tenant: self._application(each, at) for each in moved}, {}, since, at)

    def _losses(self) -> list[Loss]:
        found: list[Loss] = []
        for each in self.bent.troubles:
            began = self._began(each)
            if each.lost and began is not None:
                begins = began.timestamp()
                cell = self.fleet.tenant(each.tenant).cell
                ends = begins + each.lasts.total_seconds()
                found.append(Loss(source=each.lost, cell=cell, begins=begins, ends=ends))
        return found

    def _began(self, trouble: Trouble) -> datetime | None:
        came = [
            each.at for each in self.moves() if (each.tenant, each.after) == (trouble.tenant, trouble.version)
        ]
        return came[0] + trouble.after if came else None

    def _application(self, moved: Moved, at: datetime) -> dict[str, Any]:
        finished = min(at, moved.at + _SYNCHRONISED)
        operation: dict[str, Any] = {"initiatedBy": {"automated": True}, "sync": {"revision": moved.commit}}
        for each in self.bent.troubles:
            began = self._began(each)
            if each.changed and each.tenant == moved.tenant and began is not None and moved.at < began <= at:
                finished = began
                operation["sync"] = {
                    "revision": moved.commit,
                    "autoHealAttemptsCount": 1,
                    "resources": [
                        dict(zip(("kind", "name"), one.split(" "), strict=True)) for one in each.changed
                    ],
                }
        return {
            "status": {
                "sync": {"status": "Synced", "revision": moved.commit},
                "health": {"status": "Healthy"},
                "operationState": {
                    "phase": "Succeeded",
                    "finishedAt": finished.isoformat(),
                    "operation": operation,
                    "syncResult": {"revision": moved.commit},
                },
            }
        }

    def _once(self, what: str, why: str, details: dict[str, object], not_before: datetime | None) -> Taken:
        lines = self.kept.read_text(encoding="utf-8").splitlines() if self.kept.exists() else []
        taken = [each["at"] for each in map(_line, lines) if each.get("what") == what]
        at = datetime.fromisoformat(taken[-1]) if taken else None
        if at is None or (not_before is not None and at < not_before):
            at = self.clock()
            with self.kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"what": what, "at": at.isoformat()}) + "\n")
        return Taken(began=at, ended=at, outcome=Outcome.PASS, why=why, details=details)


def _line(text: str) -> dict[str, str]:
    """Return a line of the file; nothing where a kill left half of one."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}
