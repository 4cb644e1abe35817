"""What comes next in a release, from its plan, its records and the pointers' history. Pure.

Nothing is remembered besides: whoever asks again after a command was killed gets the same answer, so that no step is
done twice and none is skipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from release.freezes import timeline
from release.gates.definition import SETTLE
from release.gates.verdict import Outcome
from release.judge import LOOK_AHEAD, closed_sentence, plan_problems, rollback_problems
from release.known import Facts
from release.ledger import Step, decision, has_notice, let_in, unrehearsed, without_checkpoint
from release.plan import Plan, Wave
from release.planner import room_of
from release.pointers import segment_of
from release.turns import Progress, progress


class Kind(StrEnum):
    """What is to be done."""

    REHEARSE = "rehearse"
    APPROVE = "approve"
    NOTIFY = "notify"
    WAIT = "wait"
    CHECKPOINT = "checkpoint"
    PROMOTE = "promote"
    GATE = "gate"
    INTEGRATE = "integrate"
    SOAK = "soak"
    ROLLBACK = "rollback"
    BLOCKED = "blocked"
    HALTED = "halted"
    DONE = "done"


BETWEEN = timedelta(minutes=10)
"""How long one integration talks to the shops again before the next does: two intervals of a rate, so it is seen whose
fault it is."""

PEOPLE_OR_TIME = frozenset({Kind.APPROVE, Kind.WAIT, Kind.BLOCKED, Kind.HALTED, Kind.DONE})
"""What a command cannot do itself."""


@dataclass(frozen=True, kw_only=True)
class Next:
    """The next step of a release."""

    kind: Kind
    why: str
    """Why it is that, in a sentence."""
    wave: Wave | None = None
    tenants: tuple[str, ...] = ()
    notice: Step | None = None
    segments: tuple[str, ...] = ()
    integration: str = ""
    until: datetime | None = None
    """Until when there is nothing to do."""


def next_step(facts: Facts, plan: Plan) -> Next:
    """Return the next step of a planned release.

    Args:
        facts: what is known at an instant, with the records of the release.
        plan: its plan.

    """
    for wave in plan.waves:
        state = progress(facts, plan, wave)
        found = _gone_wrong(facts, plan, wave, state) or next(_of_wave(facts, plan, wave, state), None)
        if found is not None:
            return found
    return Next(kind=Kind.DONE, why="Every wave was moved, watched and found good.")


def _gone_wrong(facts: Facts, plan: Plan, wave: Wave, state: Progress) -> Next | None:
    failed = failing_tenants(facts, plan, wave, state)
    if failed:
        segments = tuple(sorted({segment_of(facts.fleet.tenant(each)) for each in failed}))
        going = tuple(each for each in state.done if segment_of(facts.fleet.tenant(each)) in segments)
        why = f"The gate of wave {wave.number} failed for {', '.join(failed)}."
        file = f"releases/{plan.release}/release.yaml"
        blocked = list(rollback_problems(facts, plan.release, going, file))
        if blocked:
            said = f"{why} {blocked[0].message}. {blocked[0].fix}"
            return Next(kind=Kind.BLOCKED, why=said, wave=wave, tenants=going, segments=segments)
        return Next(kind=Kind.ROLLBACK, why=why, wave=wave, tenants=going, segments=segments)
    if state.back and not has_notice(facts.records, plan, wave.number, Step.NOTICE_BACK):
        why = f"{len(state.back)} tenants of wave {wave.number} went back."
        return Next(kind=Kind.NOTIFY, why=why, wave=wave, tenants=state.back, notice=Step.NOTICE_BACK)
    if len(state.back) > wave.failure_budget:
        why = (
            f"Wave {wave.number}: {', '.join(state.back)} went back, and the failure budget is {wave.failure_budget}."
            f" No other tenant is moved. Find out why, and plan a release that mends it."
        )
        return Next(kind=Kind.HALTED, why=why, wave=wave, tenants=state.back)
    return None


def failing_tenants(facts: Facts, plan: Plan, wave: Wave, state: Progress) -> tuple[str, ...]:
    """Return the tenants for which the last gate of a wave failed, and that still run the release."""
    last = [
        each
        for step in (Step.GATE, Step.INTEGRATION, Step.SOAK)
        if (each := decision(facts.records, plan, wave.number, step, state.since)) is not None
    ]
    newest = max(last, key=lambda each: each.ended, default=None)
    if newest is None or newest.outcome is not Outcome.FAIL:
        return ()
    failed = {str(each) for each in newest.details.get("failed", ())}
    return tuple(each for each in state.done if each in failed)


def _of_wave(facts: Facts, plan: Plan, wave: Wave, state: Progress) -> Iterator[Next]:
    if state.waiting:
        yield from _before(facts, plan, wave, state.waiting)
        return
    if not state.done or state.since is None:
        return
    number = wave.number
    if not _passed(facts, plan, wave, Step.GATE, state):
        ready = state.since + SETTLE
        if facts.at < ready:
            why = f"Wave {number} was moved at {state.since:%H:%M} UTC, and is measured after {SETTLE}."
            yield Next(kind=Kind.WAIT, why=why, wave=wave, until=ready)
        yield Next(kind=Kind.GATE, why=f"Wave {number} was moved.", wave=wave, tenants=state.done)
    yield from _integrations(facts, plan, wave, state)
    if not _passed(facts, plan, wave, Step.SOAK, state):
        ready = state.since + timedelta(hours=wave.soak_hours)
        if facts.at < ready:
            why = f"Wave {number} passed its gate, and is watched until {ready:%Y-%m-%d %H:%M} UTC."
            yield Next(kind=Kind.WAIT, why=why, wave=wave, until=ready)
        yield Next(kind=Kind.SOAK, why=f"Wave {number} was watched.", wave=wave, tenants=state.done)
    if not has_notice(facts.records, plan, number, Step.NOTICE_AFTER):
        why = f"Wave {number} is done."
        yield Next(kind=Kind.NOTIFY, why=why, wave=wave, tenants=state.done, notice=Step.NOTICE_AFTER)


def _integrations(facts: Facts, plan: Plan, wave: Wave, state: Progress) -> Iterator[Next]:
    """Yield the first integration that does not talk to the wave again: they come back in the manifest's order."""
    again = let_in(facts.records, plan, wave.number, state.since or facts.at)
    for name in facts.releases[plan.release].manifest.integrations:
        users = tuple(each for each in state.done if name in facts.fleet.tenant(each).integrations)
        if users and name not in again:
            last = [
                each.ended
                for step in (Step.GATE, Step.INTEGRATION)
                if (each := decision(facts.records, plan, wave.number, step, state.since)) is not None
            ]
            ready = max(last, default=facts.at) + BETWEEN
            if facts.at < ready:
                why = f"{name} is let in again for wave {wave.number} after what came before it has run for a while."
                yield Next(kind=Kind.WAIT, why=why, wave=wave, until=ready)
                return
            why = f"{name} talks to wave {wave.number} again, one integration after the other."
            yield Next(kind=Kind.INTEGRATE, why=why, wave=wave, tenants=users, integration=name)
            return


def _before(facts: Facts, plan: Plan, wave: Wave, waiting: Sequence[str]) -> Iterator[Next]:
    """Yield what precedes the move of a wave, and the move itself."""
    number, tenants = wave.number, tuple(waiting)
    rehearse = unrehearsed(facts.records, plan, wave)
    if rehearse:
        why = "The step is taken on a neutralised copy before it is taken on a shop."
        yield Next(kind=Kind.REHEARSE, why=why, wave=wave, tenants=rehearse)
    problems = plan_problems(facts, plan.release)
    if problems:
        said = f"{problems[0].message[:1].upper()}{problems[0].message[1:]}: {problems[0].fix}"
        yield Next(kind=Kind.APPROVE, why=said, wave=wave, tenants=tenants)
    if not has_notice(facts.records, plan, number, Step.NOTICE_BEFORE):
        why = f"The tenants of wave {number} are told what comes."
        yield Next(kind=Kind.NOTIFY, why=why, wave=wave, tenants=wave.ids, notice=Step.NOTICE_BEFORE)
    closed = _closed(facts, plan, wave, tenants)
    if closed is not None:
        yield closed
    missing = without_checkpoint(facts.records, plan, tenants, facts.at)
    if missing:
        why = "Nobody is moved without a checkpoint that was read back."
        yield Next(kind=Kind.CHECKPOINT, why=why, wave=wave, tenants=missing)
    if not has_notice(facts.records, plan, number, Step.NOTICE_DURING):
        why = f"The tenants of wave {number} are told that it begins."
        yield Next(kind=Kind.NOTIFY, why=why, wave=wave, tenants=wave.ids, notice=Step.NOTICE_DURING)
    yield Next(kind=Kind.PROMOTE, why=f"It is the turn of wave {number}.", wave=wave, tenants=tenants)


def _closed(facts: Facts, plan: Plan, wave: Wave, tenants: Sequence[str]) -> Next | None:
    if facts.at < plan.begins:
        why = f"The plan begins at {plan.begins:%Y-%m-%d %H:%M} UTC."
        return Next(kind=Kind.WAIT, why=why, wave=wave, until=plan.begins)
    until, reasons = facts.at, list[str]()
    for name in tenants:
        tenant = facts.fleet.tenant(name)
        if tenant.calendar is None or any(each.open_for(name, facts.at) for each in facts.emergencies):
            continue
        times = timeline(facts.fleet.calendars[tenant.calendar], facts.at, LOOK_AHEAD)
        answer = times.answer(facts.at, room_of(wave, plan))
        if not answer.may_start:
            reasons.append(closed_sentence(name, tenant.calendar, facts.at, answer))
            until = max(until, answer.until or times.ends)
    if not reasons:
        return None
    return Next(kind=Kind.WAIT, why=f"{'; '.join(reasons[:3])}.", wave=wave, until=until)


def _passed(facts: Facts, plan: Plan, wave: Wave, step: Step, state: Progress) -> bool:
    found = decision(facts.records, plan, wave.number, step, state.since)
    if found is None:
        return False
    # After some of a wave went back, what failed for them holds nobody else up: it is measured anew.
    return found.outcome is Outcome.PASS
