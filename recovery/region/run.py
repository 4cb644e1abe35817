"""Run a planned rebuild: step by step, with a journal that a second run goes on from, and evidence of it all."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recovery.region.plan import RegionPlan, Step


class RebuildStopped(Exception):  # noqa: N818
    """A step could not be done; the text says why. What was done stays done, and the next run goes on here."""


class Performer(Protocol):
    """Whoever does the steps. Each must be safe to repeat: a run may end between doing and writing it down."""

    def perform(self, plan: RegionPlan, step: Step) -> str:
        """Do a step and return one sentence of what was found or done; raises RebuildStopped."""
        ...


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the journal: a try of a step. Times are UTC, ISO 8601; `seconds` is this try alone."""

    step: str
    result: str
    """done or failed."""
    begun: str
    seconds: float
    detail: str


@dataclass(frozen=True, kw_only=True)
class Journal:
    """What was tried, in a file of one JSON object a line; the first line says of which plan."""

    file: Path

    def open(self, plan: RegionPlan, by: str) -> None:
        """Begin a journal for a plan, or go on with its own; raises RebuildStopped for another plan's."""
        head = self.head()
        if head is None:
            self._append(
                {"plan": plan.digest, "lost": plan.lost, "target": plan.target, "by": by, "begun": now()}
            )
        elif head["plan"] != plan.digest:
            raise RebuildStopped(
                f"the files changed since this rebuild began ({head['begun']}): its plan was {head['plan']} and is now "
                f"{plan.digest}. Go back to the files it began with; or move {self.file} aside and begin again: what "
                "stands is found and kept."
            )

    def head(self) -> dict[str, Any] | None:
        """Return the first line; None where nothing was begun."""
        lines = self._lines()
        return lines[0] if lines else None

    def entries(self) -> tuple[Entry, ...]:
        """Return every try so far, in order."""
        return tuple(Entry(**line) for line in self._lines()[1:])

    def done(self) -> frozenset[str]:
        """Return the steps that are done."""
        return frozenset(entry.step for entry in self.entries() if entry.result == "done")

    def add(self, entry: Entry) -> None:
        """Write a try down before anything else happens."""
        self._append(
            {
                "step": entry.step,
                "result": entry.result,
                "begun": entry.begun,
                "seconds": entry.seconds,
                "detail": entry.detail,
            }
        )

    def _lines(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        whole = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        # The last line of a run that was killed while it wrote has no end; what it says did not happen.
        return [json.loads(line) for line in whole if line.endswith("\n")]

    def _append(self, line: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = "".join(json.dumps(one) + "\n" for one in self._lines())
        partial = self.file.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as out:
            out.write(kept + json.dumps(line) + "\n")
            out.flush()
            os.fsync(out.fileno())
        partial.replace(self.file)


@dataclass(frozen=True, kw_only=True)
class Rebuild:
    """A run of a plan. `told` is called with each step before it is done, and with its entry after."""

    plan: RegionPlan
    journal: Journal
    performer: Performer
    by: str
    told: Callable[[Step, Entry | None], None]

    def run(self) -> dict[str, Any]:
        """Do what is not done yet, in order, and return the evidence, which is also written.

        Verifying is done again by every run: it is what the evidence rests on. Raises RebuildStopped at the first
        step that cannot be done; the evidence up to there is written all the same.
        """
        self.journal.open(self.plan, self.by)
        try:
            for step in self.plan.steps:
                if step.key == "verify" or step.key not in self.journal.done():
                    self._do(step)
        finally:
            self._write(evidence(self.plan, self.journal))
        return evidence(self.plan, self.journal)

    @property
    def evidence_file(self) -> Path:
        """Where the evidence is."""
        return self.journal.file.with_name("evidence.json")

    def _do(self, step: Step) -> None:
        self.told(step, None)
        begun, clock = now(), time.monotonic()

        def entry(result: str, detail: str) -> Entry:
            return Entry(
                step=step.key,
                result=result,
                begun=begun,
                seconds=round(time.monotonic() - clock, 1),
                detail=detail,
            )

        try:
            made = entry("done", self.performer.perform(self.plan, step))
        except RebuildStopped as error:
            self.journal.add(entry("failed", str(error)))
            raise
        except KeyboardInterrupt:
            self.journal.add(entry("failed", "interrupted"))
            raise
        self.journal.add(made)
        self.told(step, made)

    def _write(self, found: dict[str, Any]) -> None:
        partial = self.evidence_file.with_suffix(".partial")
        partial.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        partial.replace(self.evidence_file)


def evidence(plan: RegionPlan, journal: Journal) -> dict[str, Any]:
    """Return what was planned, what was tried, how long each step took, and how it stands.

    `seconds` is from the first try to the end of the last, pauses included: the time that tenants waited.
    """
    head, entries = journal.head() or {}, journal.entries()
    ended = max((_end(entry) for entry in entries), default=None)
    begun = datetime.fromisoformat(head["begun"]) if head else None
    complete = {step.key for step in plan.steps} <= journal.done() and entries[-1].result == "done"
    return {
        "kind": "storefleet.dev/region-rebuild",
        "complete": complete,
        "by": head.get("by", ""),
        "begun": head.get("begun"),
        "seconds": round((ended - begun).total_seconds(), 1) if ended and begun else 0.0,
        "plan": plan.record(),
        "steps": [
            {
                "step": step.key,
                "title": step.title,
                "seconds": round(sum(one.seconds for one in entries if one.step == step.key), 1),
                "tries": [
                    {
                        "begun": one.begun,
                        "result": one.result,
                        "seconds": one.seconds,
                        "detail": one.detail,
                    }
                    for one in entries
                    if one.step == step.key
                ],
            }
            for step in plan.steps
        ],
    }


def _end(entry: Entry) -> datetime:
    return datetime.fromtimestamp(datetime.fromisoformat(entry.begun).timestamp() + entry.seconds, tz=UTC)


def now() -> str:
    """Return the time, in UTC and to the millisecond."""
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds")
