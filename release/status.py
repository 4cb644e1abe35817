"""How far a release is, for people, as lines. Pure."""

from collections.abc import Iterator

from release.known import Facts
from release.ledger import Step, decision
from release.plan import Plan
from release.steps import next_step
from release.turns import progress


def lines_of(facts: Facts, plan: Plan) -> Iterator[str]:
    """Yield the state of each wave, and what comes next."""
    yield f"{plan.release} in {plan.environment}, plan {plan.digest[:19]}"
    for wave in plan.waves:
        state = progress(facts, plan, wave)
        parts = [
            f"{len(found)} {name}"
            for found, name in ((state.done, "moved"), (state.back, "back"), (state.waiting, "waiting"))
            if found
        ]
        for step in (Step.GATE, Step.SOAK):
            found = decision(facts.records, plan, wave.number, step, state.since or plan.begins)
            if found is not None:
                model = ", simulated" if found.simulated else ""
                parts.append(f"{step} {found.outcome} at {found.ended:%Y-%m-%d %H:%M} UTC{model}")
        yield f"  wave {wave.number} (ring {wave.ring}): {'; '.join(parts)}"
    following = next_step(facts, plan)
    until = "" if following.until is None else f" (until {following.until:%Y-%m-%d %H:%M} UTC)"
    yield f"Next: {following.kind}{until}. {following.why}"
