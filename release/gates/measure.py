"""Taking the measurements of a wave and judging them: one report, with a reason for every check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.monitoring.check import Layer
from release.gates.applications import judge_application
from release.gates.definition import IMPACTS, gates_of
from release.gates.prometheus import NoAnswerError
from release.gates.verdict import Finding, Measured, Outcome, combined, held, judge_gate, judge_impact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from components.monitoring.check import Check
    from release.gates.definition import Gate, Impact
    from release.gates.prometheus import Asking


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A tenant of a wave, and what is known of its move."""

    tenant: str
    moved: datetime | None
    """When the commit that moved it was made."""
    application: Mapping[str, Any] | None
    holds_move: Callable[[str], bool]
    """Says whether a revision is that commit, or one after it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the gates of some tenants said at an instant."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """What it means for the wave: a layer of which nothing is known holds it."""
        return combined(self.of_layer(layer) for layer in Layer)

    def of_layer(self, layer: str) -> Outcome:
        """Return what a layer says; it holds where nothing was asked."""
        return combined(each.outcome for each in self.findings if each.layer == layer)

    def tenants(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the tenants with at least one finding of an outcome, in order."""
        return tuple(sorted({each.tenant for each in self.findings if each.outcome is outcome}))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not pass, failures first."""
        return tuple(
            f"{each.tenant}: {each.layer}/{each.check}: {each.why}"
            for outcome in (Outcome.FAIL, Outcome.HOLD)
            for each in self.findings
            if each.outcome is outcome
        )


def measure(prometheus: Asking, watched: Sequence[Watched], at: datetime, checks: Sequence[Check]) -> Report:
    """Measure and judge every gate of some tenants.

    Args:
        prometheus: who is asked.
        watched: the tenants. Without any the report holds.
        at: the instant of the measurement.
        checks: the checks of the environment; an empty layer holds.

    """
    findings: list[Finding] = in_step(watched)
    for each in watched:
        for gate in (one for one in gates_of(each.tenant, checks) if one.checks):
            findings += _gate(prometheus, gate, at, each.moved)
        findings += [_impact(prometheus, impact, each, at) for impact in IMPACTS]
    return Report(at=at, findings=tuple(findings))


def in_step(watched: Sequence[Watched]) -> list[Finding]:
    """Return what Argo CD says of some tenants, which no figure of Prometheus tells."""
    return [judge_application(each.tenant, each.application, each.moved, each.holds_move) for each in watched]


def _gate(prometheus: Asking, gate: Gate, at: datetime, since: datetime | None) -> list[Finding]:
    try:
        measured = Measured(
            answers=prometheus.ask(gate.samples_query, at),
            figures=prometheus.ask(gate.figure_samples_query, at),
        )
    except NoAnswerError as error:
        return held(gate, str(error))
    return judge_gate(gate, measured, at, since)


def _impact(prometheus: Asking, impact: Impact, watched: Watched, at: datetime) -> Finding:
    outcome, why, query = Outcome.HOLD, "it was not moved: there is no before and after", ""
    if watched.moved is not None:
        query = impact.after_query(watched.tenant)
        if at - watched.moved < impact.window:
            minutes = impact.window.total_seconds() / 60
            why = f"too early: it is compared over {minutes:.0f} minutes after the move"
        else:
            try:
                moved = int(watched.moved.timestamp())
                before = prometheus.ask(impact.before_query(watched.tenant, moved), at)
                after = prometheus.ask(query, at)
            except NoAnswerError as error:
                why = str(error)
            else:
                outcome, why = judge_impact(impact, watched.tenant, before, after)
    return Finding(
        tenant=watched.tenant,
        layer=impact.layer,
        check=impact.name,
        outcome=outcome,
        why=why,
        query=query,
    )
