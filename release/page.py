"""A plan for people: as lines for a terminal, and as one page that needs nothing else."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from release.plan import Plan
from release.planner import end_of
from release.scorecard import Scorecard

_TEMPLATE: Final = Path(__file__).with_name("plan.html.j2")
_SCORECARD: Final = Path(__file__).with_name("scorecard.html.j2")


def lines_of(plan: Plan) -> Iterator[str]:
    """Yield a plan as lines."""
    moved = sum(len(wave.ids) for wave in plan.waves)
    yield f"{plan.release} to {plan.environment}: {_count(moved, 'tenant')} in {_count(len(plan.waves), 'wave')}"
    yield f"  migration {plan.migration}, way back {plan.rollback}; projected to be done on {moment(plan.finish)}"
    yield ""
    yield "Approvals, each by another person, none by who built it"
    for need in plan.approvals:
        yield f"  {need.role}: {need.why}"
    for wave in plan.waves:
        yield ""
        late = ", late" if wave.late else ""
        yield f"Wave {wave.number}: ring {wave.ring}{late}, {_count(len(wave.ids), 'tenant')}"
        yield f"  starts {moment(wave.starts)}, at the latest {moment(wave.latest)}"
        yield f"  is watched until {moment(end_of(wave))}"
        yield f"  {wave.reason} Failure budget: {wave.failure_budget}."
        for each in wave.tenants:
            yield f"    {each.tenant} ({each.moves_from or 'none'} -> {plan.release}): {each.reason}"
    if plan.left_out:
        yield ""
        yield "Not moved"
        for out in plan.left_out:
            yield f"  {out.tenant}: {out.why}"
    if plan.warnings:
        yield ""
        yield "Look at this"
        for warning in plan.warnings:
            yield f"  {warning}"
    yield ""
    yield plan.halt_rule


def html_of(plan: Plan) -> str:
    """Return a plan as one self-contained page."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(plan=plan, moment=moment, end_of=end_of, digest=plan.digest)


def scorecard_html(card: Scorecard) -> str:
    """Return a scorecard as one self-contained page."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_SCORECARD.read_text(encoding="utf-8"))
    words = {"yes": "go on", "no": "no", "unknown": "not known yet", "marginal": "people decide"}
    return template.render(card=card, moment=moment, words=words)


def moment(at: datetime) -> str:
    """Return an instant as people read it, in UTC."""
    return f"{at:%a %Y-%m-%d %H:%M} UTC"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
