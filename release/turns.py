"""Whose turn it is: how far the waves of a plan are, and what a wave still lacks before it may start. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from release.gates.verdict import Outcome
from release.known import Facts
from release.ledger import Step, decision, unrehearsed, without_checkpoint
from release.plan import Plan, Wave
from release.records import plan_file
from spec.problems import Problem


def wave_problems(facts: Facts, plan: Plan, wave: Wave) -> Iterator[Problem]:
    """Yield why a wave may not start: one before it is not done, still watched, or has failed."""
    file = plan_file(plan.environment, plan.release)
    if facts.at < plan.begins:
        message = f"the plan begins at {plan.begins:%Y-%m-%d %H:%M} UTC"
        yield Problem(file=file, message=message, fix="wait until then, or plan anew")
    for earlier in plan.waves[: wave.number]:
        own = earlier.number == wave.number
        state = progress(facts, plan, earlier)
        if len(state.back) > (0 if own else earlier.failure_budget):
            message = (
                f"wave {earlier.number}: {_people(state.back)} back from {plan.release}; the failure budget is "
                f"{earlier.failure_budget}, and the release is halted"
            )
            yield Problem(file=file, message=message, fix="find out why, and plan a release that mends it")
        if own:
            continue
        if state.waiting:
            message = f"wave {earlier.number} is not done: {_people(state.waiting)} not on {plan.release}"
            fix = (
                f"storefleet release promote {plan.release} --env {plan.environment} --wave {earlier.number}"
            )
            yield Problem(file=file, message=message, fix=fix)
            return  # what comes after it cannot be done either
        if state.since is not None and facts.at < state.since + timedelta(hours=earlier.soak_hours):
            until = state.since + timedelta(hours=earlier.soak_hours)
            message = f"wave {earlier.number} is watched until {until:%Y-%m-%d %H:%M} UTC"
            yield Problem(file=file, message=message, fix="run the command again after that")
        elif state.done and not _found_good(facts, plan, earlier, state):
            message = f"wave {earlier.number} was not found good at the end of its time"
            fix = f"storefleet release gate {plan.release} --env {plan.environment} --wave {earlier.number}"
            yield Problem(file=file, message=message, fix=fix)
    yield from _preparation_problems(facts, plan, wave, file)


def _found_good(facts: Facts, plan: Plan, wave: Wave, state: "Progress") -> bool:
    found = decision(facts.records, plan, wave.number, Step.SOAK, state.since)
    return found is not None and found.outcome is Outcome.PASS


def _preparation_problems(facts: Facts, plan: Plan, wave: Wave, file: str) -> Iterator[Problem]:
    """Yield which rehearsals and checkpoints a wave still lacks, for those of it that wait."""
    waiting = progress(facts, plan, wave).waiting
    if not waiting:
        return
    command = f"{plan.release} --env {plan.environment} --wave {wave.number}"
    lacking = unrehearsed(facts.records, plan, wave)
    if lacking:
        message = f"wave {wave.number} lacks the rehearsal of {', '.join(lacking[:5])}"
        yield Problem(file=file, message=message, fix=f"storefleet release rehearse {command}")
    lacking = without_checkpoint(facts.records, plan, waiting, facts.at)
    if lacking:
        message = f"wave {wave.number} lacks a fresh checkpoint of {', '.join(lacking[:5])}"
        yield Problem(file=file, message=message, fix=f"storefleet release checkpoint {command}")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a wave is."""

    done: tuple[str, ...]
    back: tuple[str, ...]
    """Were moved, and went back."""
    waiting: tuple[str, ...]
    since: datetime | None
    """When the last of them was moved."""


def progress(facts: Facts, plan: Plan, wave: Wave) -> Progress:
    """Return how far a wave is, from the pointers and their history."""
    done: list[str] = []
    back: list[str] = []
    waiting: list[str] = []
    times: list[datetime] = []
    for name in wave.ids:
        pointer = facts.pointers.get(name)
        moved = [each for each in facts.moves if each.tenant == name and each.after == plan.release]
        if pointer is not None and pointer.release == plan.release:
            done.append(name)
            times += [each.at for each in moved[:1]]
        elif name not in facts.fleet.ids_chosen:
            continue
        elif any(each.at >= plan.begins for each in moved):
            back.append(name)
        else:
            waiting.append(name)
    return Progress(
        done=tuple(done), back=tuple(back), waiting=tuple(waiting), since=max(times, default=None)
    )


def _people(names: Sequence[str]) -> str:
    some = 5
    more = f" and {len(names) - some} more" if len(names) > some else ""
    return f"{', '.join(names[:some])}{more} {'is' if len(names) == 1 else 'are'}"
