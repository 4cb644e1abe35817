"""What measurements say: pass, fail or hold. Pure. Missing, old, doubled or unclear data hold: they never pass."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from release.gates.definition import FRESH, INTERVAL, SAMPLES, Gate, Impact


class Outcome(StrEnum):
    """What a gate says: go on, go back, or neither."""

    PASS = "pass"  # noqa: S105 - an outcome
    HOLD = "hold"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A value and when it was measured."""

    at: datetime
    value: float


@dataclass(frozen=True, kw_only=True)
class Series:
    """Samples of one set of labels, oldest first."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check said about one tenant, and why."""

    tenant: str
    layer: str
    check: str
    outcome: Outcome
    why: str
    query: str = ""
    """PromQL with which it was asked; empty where Prometheus was not."""
    figure: float | None = None
    """What was measured; None where nothing was."""


_YES: Final = 1.0
_NO: Final = 0.0


def combined(outcomes: Iterable[Outcome]) -> Outcome:
    """Return what several outcomes mean together: one failure fails, one that is unclear holds, and none is no pass."""
    found = set(outcomes)
    if Outcome.FAIL in found:
        return Outcome.FAIL
    return Outcome.PASS if found == {Outcome.PASS} else Outcome.HOLD


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What Prometheus returned for a gate."""

    answers: Sequence[Series]
    """Of ``gate:check``, with as many samples as are looked at."""
    figures: Sequence[Series]
    """Of ``gate:value``, over the same time."""


def judge_gate(gate: Gate, measured: Measured, at: datetime, since: datetime | None) -> list[Finding]:
    """Return what each check of a gate says.

    Args:
        gate: the gate.
        measured: what Prometheus returned.
        at: when it was asked.
        since: when the tenant was moved; samples from before say nothing about the release. None when it was not.

    """
    found: list[Finding] = []
    for check in gate.checks:
        figures = _figures(gate, check, measured.figures)
        answers = [each for each in measured.answers if _is_of(each, gate, check)]
        outcome, why = _judged(answers, figures, at, since)
        newest = max((each.at for one in answers for each in one.samples), default=None)
        figure = figures.get(newest) if newest is not None else None
        if figure is None and outcome is not Outcome.HOLD:
            outcome, why = Outcome.HOLD, "no data: there is no figure behind the answer; the scrape was lost"
        elif figure is not None:
            why = f"{figure:.4g}, {why}"
        found.append(
            Finding(
                tenant=gate.tenant,
                layer=gate.layer,
                check=check,
                outcome=outcome,
                why=why,
                query=gate.samples_query,
                figure=figure,
            )
        )
    return found


def _figures(gate: Gate, check: str, series: Sequence[Series]) -> dict[datetime, float]:
    """Return what was measured and when; nothing where two measured at once, or where it is no number."""
    own = [each for each in series if _is_of(each, gate, check)]
    if len(own) != 1:
        return {}
    return {each.at: each.value for each in own[0].samples if math.isfinite(each.value)}


def held(gate: Gate, why: str) -> list[Finding]:
    """Return the findings of a gate about which nothing could be measured."""
    return [
        Finding(
            tenant=gate.tenant,
            layer=gate.layer,
            check=each,
            outcome=Outcome.HOLD,
            why=why,
            query=gate.samples_query,
        )
        for each in gate.checks
    ]


def judge_impact(
    impact: Impact, tenant: str, before: Sequence[Series], after: Sequence[Series]
) -> tuple[Outcome, str]:
    """Return what a comparison of before and after the move says, and why."""
    values: list[float] = []
    for name, found in (("before", before), ("after", after)):
        if len(found) != 1 or not found[0].samples:
            count = "no series" if not found else f"{len(found)} series"
            return Outcome.HOLD, f"{count} of {impact.figure} for {tenant} {name} the move"
        value = found[0].samples[-1].value
        if not math.isfinite(value):
            return Outcome.HOLD, f"{impact.figure} {name} the move is {value}, which is no measurement"
        values.append(value)
    accepted = impact.accepted(values[0])
    said = f"{values[1]:.4g} {impact.unit} after, {values[0]:.4g} before; at most {accepted:.4g} is accepted"
    return (Outcome.PASS if values[1] <= accepted else Outcome.FAIL), said


def _is_of(series: Series, gate: Gate, check: str) -> bool:
    wanted = {"tenant": gate.tenant, "layer": gate.layer.value, "check": check}
    return all(series.labels.get(key) == value for key, value in wanted.items())


def _judged(
    series: Sequence[Series], figures: Mapping[datetime, float], at: datetime, since: datetime | None
) -> tuple[Outcome, str]:
    if len(series) != 1:
        why = (
            f"unclear: {len(series)} series answer at once"
            if series
            else "no data: Prometheus has no sample of it"
        )
        return Outcome.HOLD, why
    samples = [
        each for each in series[0].samples if each.at <= at + INTERVAL and (since is None or each.at >= since)
    ]
    unusable = _unusable(samples, at)
    if unusable:
        return Outcome.HOLD, unusable
    return _looked(samples[-SAMPLES:], figures)


def _looked(looked: Sequence[Sample], figures: Mapping[datetime, float]) -> tuple[Outcome, str]:
    """Return what the last looks say. A rule answers 0 where it has no figure: that is no data, and nothing bad."""
    bad = [each for each in looked if each.value == _NO and each.at in figures]
    if bad:
        return Outcome.FAIL, f"bad at {bad[-1].at:%H:%M:%S} UTC ({len(bad)} of {len(looked)} looks)"
    blind = [each for each in looked if each.value == _NO]
    if blind:
        lost = f"no data until {blind[-1].at:%H:%M:%S} UTC: the scrape was lost in the middle"
        now = "no data: there is no figure behind the answer; the scrape was lost"
        return Outcome.HOLD, now if blind[-1] is looked[-1] else lost
    if len(looked) < SAMPLES:
        return Outcome.HOLD, f"too early: {len(looked)} of {SAMPLES} looks so far, all good"
    return Outcome.PASS, f"good in {len(looked)} looks until {looked[-1].at:%H:%M:%S} UTC"


def _unusable(samples: Sequence[Sample], at: datetime) -> str:
    """Say why nothing can be said from samples, in a clause; empty when something can."""
    if not samples:
        return "too early: nothing was measured since the move"
    newest, looked = samples[-1], samples[-SAMPLES:]
    if at - newest.at > FRESH:
        age = (at - newest.at).total_seconds()
        return f"stale: the last sample is {age:.0f} s old; the scrape or the rule was lost"
    unclear = [each for each in looked if each.value not in (_YES, _NO)]
    if unclear:
        return f"unclear: a sample is {unclear[-1].value}, neither yes nor no"
    if newest.at - looked[0].at > INTERVAL * SAMPLES + FRESH:
        return "gaps: the last looks lie too far apart"
    return ""
