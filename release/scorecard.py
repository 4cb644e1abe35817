"""The scorecard of a release: four areas, each from facts. Hard facts are never averaged; what is unknown is not good.

An area's score is the weighted share of good among what is known, from 0 to 100; its confidence is how much is known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from components.monitoring.check import Layer
from release.drift import in_words
from release.gates.verdict import Outcome
from release.known import Facts
from release.ledger import LOOKS, Step, StepRecord, checkpoint_age, needs_rehearsal, newest_decision
from release.plan import Plan
from release.turns import Progress, progress
from spec.releases import ManifestSpec, RollbackClass
from spec.vocabulary import Criticality

MARGINAL: Final = 75.0
"""Below this score an area is a matter for people, although nothing hard speaks against it."""


class State(StrEnum):
    """What is known of a fact."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What an area, or the whole, says; the worst first."""

    NO = "no"
    UNKNOWN = "unknown"
    MARGINAL = "marginal"
    YES = "yes"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One fact that speaks for a release or against it."""

    name: str
    state: State
    why: str
    hard: bool = False
    """Whether the release must not go on while it is not good."""
    weight: int = 1


@dataclass(frozen=True, kw_only=True)
class Area:
    """One of the four views of a release."""

    name: str
    facts: tuple[Fact, ...]

    @property
    def score(self) -> float | None:
        """From 0 to 100, higher is better; None where nothing is known."""
        known = sum(each.weight for each in self.facts if each.state is not State.UNKNOWN)
        good = sum(each.weight for each in self.facts if each.state is State.GOOD)
        return round(100 * good / known, 1) if known else None

    @property
    def confidence(self) -> float:
        """From 0 to 1: how much of what should be known is."""
        total = sum(each.weight for each in self.facts)
        known = sum(each.weight for each in self.facts if each.state is not State.UNKNOWN)
        return round(known / total, 2) if total else 0.0

    @property
    def verdict(self) -> Verdict:
        """What it says: the score decides only when no hard fact does."""
        hard = {each.state for each in self.facts if each.hard}
        if State.BAD in hard:
            return Verdict.NO
        if State.UNKNOWN in hard or self.score is None:
            return Verdict.UNKNOWN
        return Verdict.YES if self.score >= MARGINAL else Verdict.MARGINAL


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """What is known of a release in an environment, at an instant."""

    environment: str
    release: str
    summary: str
    plan: str
    at: datetime
    simulated: bool
    """Whether any of its records comes from a model."""
    areas: tuple[Area, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the areas: none makes up for another."""
        order = list(Verdict)
        return min((each.verdict for each in self.areas), key=order.index)

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "environment": self.environment,
            "release": self.release,
            "summary": self.summary,
            "plan": self.plan,
            "at": self.at.isoformat(),
            "simulated": self.simulated,
            "verdict": self.verdict.value,
            "areas": [
                {
                    "name": each.name,
                    "verdict": each.verdict.value,
                    "score": each.score,
                    "confidence": each.confidence,
                    "facts": [asdict(fact) for fact in each.facts],
                }
                for each in self.areas
            ],
        }


def scorecard(facts: Facts, plan: Plan) -> Scorecard:
    """Return the scorecard of a planned release from what is known."""
    manifest = facts.releases[plan.release].manifest
    records = [
        each for each in facts.records if each.release == plan.release and each.manifest == plan.manifest
    ]
    states = [progress(facts, plan, wave) for wave in plan.waves]
    return Scorecard(
        environment=plan.environment,
        release=plan.release,
        summary=manifest.summary,
        plan=plan.digest,
        at=facts.at,
        simulated=any(each.simulated for each in records),
        areas=(
            Area(name="Technical readiness", facts=tuple(_technical(facts, plan, manifest, records, states))),
            Area(name="Business risk", facts=tuple(_business(facts, plan, manifest))),
            Area(name="Tenant impact", facts=tuple(_impact(facts, plan, states))),
            Area(name="Rollback confidence", facts=tuple(_way_back(facts, plan, records, states))),
        ),
    )


def _technical(
    facts: Facts,
    plan: Plan,
    manifest: ManifestSpec,
    records: Sequence[StepRecord],
    states: Sequence[Progress],
) -> Iterator[Fact]:
    for suite in manifest.tests:
        state = {"passed": State.GOOD, "failed": State.BAD, "skipped": State.UNKNOWN}[suite.result]
        why = (
            f"{suite.total - suite.failed} of {suite.total} tests passed"
            if suite.result != "skipped"
            else "skipped"
        )
        yield Fact(name=f"tests: {suite.name}", state=state, why=why, hard=suite.result != "skipped")
    rehearsed = {each.tenant: each for each in records if each.step is Step.REHEARSAL}
    for wave in plan.waves:
        for tenant in needs_rehearsal(plan, wave):
            found = rehearsed.get(tenant)
            yield Fact(
                name=f"rehearsal: {tenant}",
                state=_state(found.outcome if found else None),
                why=found.why if found else "not rehearsed yet",
                hard=True,
            )
    for layer in Layer:
        yield from _layer(facts, plan, layer, states)
    yield from _drift(records)


def _drift(records: Sequence[StepRecord]) -> Iterator[Fact]:
    corrected, unknown, why = in_words([each.details for each in records if each.step in LOOKS])
    state = State.BAD if corrected else State.UNKNOWN if unknown else State.GOOD
    yield Fact(name="drift", state=state, why=why)


def _layer(facts: Facts, plan: Plan, layer: Layer, states: Sequence[Progress]) -> Iterator[Fact]:
    """Yield what the last gate of each moved wave said of a layer."""
    for wave, state in zip(plan.waves, states, strict=True):
        # Also of a wave that went back since.
        since = state.since or plan.begins
        found = newest_decision(facts.records, plan, wave.number, (Step.GATE, Step.SOAK), since)
        if found is None:
            why = f"wave {wave.number} was not measured"
            yield Fact(name=f"{layer}: wave {wave.number}", state=State.UNKNOWN, why=why, weight=2)
            continue
        findings = [each for each in found.details.get("findings", ()) if each["layer"] == layer]
        bad = [
            f"{each['tenant']} {each['check']}: {each['why']}"
            for each in findings
            if each["outcome"] != "pass"
        ]
        good = f"{len(findings)} checks good at {found.ended:%Y-%m-%d %H:%M} UTC"
        yield Fact(
            name=f"{layer}: wave {wave.number}",
            state=State.BAD if bad else State.GOOD if findings else State.UNKNOWN,
            why="; ".join(bad[:4]) or good,
            hard=True,
            weight=2,
        )


def _business(facts: Facts, plan: Plan, manifest: ManifestSpec) -> Iterator[Fact]:
    calm = [
        (
            "payments",
            not manifest.payment_related,
            "how money is taken does not change",
            "it changes payments",
            3,
        ),
        ("database", plan.migration == "none", "the database stays", f"its migration is {plan.migration}", 3),
        (
            "integrations",
            not manifest.integrations,
            "no integration is touched",
            f"it touches {', '.join(manifest.integrations)}",
            2,
        ),
    ]
    for name, good, why, otherwise, weight in calm:
        yield Fact(
            name=name, state=State.GOOD if good else State.BAD, why=why if good else otherwise, weight=weight
        )
    exposed = [
        facts.fleet.tenant(each) for wave in plan.waves for each in wave.ids if each in facts.fleet.ids_chosen
    ]
    heavy = [each.id for each in exposed if each.criticality in (Criticality.HIGH, Criticality.CRITICAL)]
    yield Fact(
        name="criticality",
        state=State.BAD if heavy else State.GOOD,
        why=f"{len(heavy)} of {len(exposed)} tenants are of high or critical criticality",
        weight=2,
    )
    peaks = [each for each in plan.warnings if "its peak" in each]
    why = peaks[0] if peaks else "no wave starts in a peak of its tenants"
    yield Fact(name="peaks", state=State.BAD if peaks else State.GOOD, why=why, weight=3)


def _impact(facts: Facts, plan: Plan, states: Sequence[Progress]) -> Iterator[Fact]:
    orders = {each.id: each.orders_per_day for each in facts.fleet.tenants}
    for wave, state in zip(plan.waves, states, strict=True):
        spent = len(state.back)
        sold = sum(orders.get(each, 0) for each in wave.ids)
        why = f"{len(state.done)} moved, {spent} back, {len(state.waiting)} waiting; {sold} orders a day"
        over = spent > wave.failure_budget
        moved = bool(state.done or state.back)
        yield Fact(
            name=f"wave {wave.number}: failure budget {wave.failure_budget}",
            state=State.BAD if over else State.GOOD if moved else State.UNKNOWN,
            why=why + (f"; back: {', '.join(state.back)}" if state.back else ""),
            hard=moved,
            weight=max(1, len(wave.ids)),
        )


def _way_back(
    facts: Facts, plan: Plan, records: Sequence[StepRecord], states: Sequence[Progress]
) -> Iterator[Fact]:
    classes = {
        RollbackClass.POINTER: (State.GOOD, "the code goes back by a commit, and no order is lost"),
        RollbackClass.RESTORE: (State.BAD, "a restore: what was sold since the checkpoint is lost"),
        RollbackClass.FORWARD_ONLY: (State.BAD, "forward-only: nobody goes back"),
    }
    state, why = classes[RollbackClass(plan.rollback)]
    yield Fact(name="class", state=state, why=why, weight=3)
    checkpoints = {each.tenant: each for each in records if each.step is Step.CHECKPOINT}
    for wave, reached in zip(plan.waves, states, strict=True):
        for tenant in wave.ids:
            found = checkpoints.get(tenant)
            moved = tenant in reached.done or tenant in reached.back
            reason = found.why if found else "no checkpoint yet"
            known = _state(found.outcome if found else None)
            if found and not moved and facts.at - found.ended > checkpoint_age(plan):
                hours = (facts.at - found.ended) / timedelta(hours=1)
                known, reason = State.UNKNOWN, f"the checkpoint is {hours:.0f} h old"
            yield Fact(name=f"checkpoint: {tenant}", state=known, why=reason, hard=moved)
    done = [each for each in states if each.back]
    if done:
        names = [name for each in done for name in each.back]
        yield Fact(name="proved", state=State.GOOD, why=f"{', '.join(names)} went back by it", weight=2)


def _state(outcome: Outcome | None) -> State:
    if outcome is None or outcome is Outcome.HOLD:
        return State.UNKNOWN
    return State.GOOD if outcome is Outcome.PASS else State.BAD
