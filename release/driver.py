"""Carrying out the steps of a release. Each ends with one commit: its record, or the pointers that it moves.

Killed before that commit, a step was not done and is asked for again; the world then returns what it did already.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from release.gates.verdict import Outcome
from release.ledger import LOOKS, Step, StepRecord, checkpoint_age, newest_decision
from release.moving import promotion, rollback
from release.notices import Told, messages
from release.steps import PEOPLE_OR_TIME, Kind, Next, next_step
from release.world import Moved
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from release.gates.measure import Report
    from release.known import Facts
    from release.moving import Moving
    from release.plan import Plan, Wave
    from release.repository import Repository
    from release.world import World


@dataclass(frozen=True, kw_only=True)
class Done:
    """A step that was carried out, or why there is none to carry out."""

    next: Next
    said: tuple[str, ...]
    outcome: Outcome = Outcome.PASS

    @property
    def ends(self) -> bool:
        """Whether nothing more can be done now: people or time are waited for, or a measurement is unclear."""
        return self.next.kind in PEOPLE_OR_TIME or self.outcome is Outcome.HOLD


def _nothing(boundary: str) -> None:
    del boundary


_MOST_STEPS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Driver:
    """Carries out the steps of one release in one environment."""

    version: str
    repository: Repository
    world: World
    load: Callable[[], Facts]
    """Reads what is known now, anew for each step."""
    boundary: Callable[[str], None] = _nothing
    """Called at each point at which the process may end."""

    def resume(self) -> Iterator[Done]:
        """Carry out step after step, until people or time are waited for."""
        for _ in range(_MOST_STEPS):
            done = self.step()
            yield done
            if done.ends:
                return

    def step(self) -> Done:
        """Carry out the next step, if it is one for a command."""
        facts, plan = self._known()
        following = next_step(facts, plan)
        return self.carry_out(facts, plan, following)

    def carry_out(self, facts: Facts, plan: Plan, what: Next) -> Done:
        """Carry out one step."""
        wave = what.wave
        if what.kind in PEOPLE_OR_TIME or wave is None:
            return Done(next=what, said=(what.why,))
        if what.kind in (Kind.REHEARSE, Kind.CHECKPOINT):
            return self._taken(facts, plan, what)
        if what.kind is Kind.NOTIFY:
            return self._notify(facts, plan, what, wave)
        if what.kind in (Kind.PROMOTE, Kind.ROLLBACK):
            forward = what.kind is Kind.PROMOTE
            going = (
                promotion(facts, self.version, wave.number, None)
                if forward
                else rollback(facts, self.version, what.segments[0], wave.number)
            )
            return self._move(facts, what, going)
        return self._gate(facts, plan, what, wave)

    def _known(self) -> tuple[Facts, Plan]:
        facts = self.load()
        return facts, plan_of_version(facts, self.version)

    def _taken(self, facts: Facts, plan: Plan, what: Next) -> Done:
        """Rehearse or take the checkpoint of one tenant after the other; each is a step of its own."""
        step = Step.REHEARSAL if what.kind is Kind.REHEARSE else Step.CHECKPOINT
        said: list[str] = []
        for tenant in what.tenants:
            self.boundary(f"before the {step} of {tenant}")
            if step is Step.REHEARSAL:
                taken = self.world.rehearse(tenant, self.version)
            else:
                taken = self.world.checkpoint(tenant, self.version, facts.at - checkpoint_age(plan))
            self.boundary(f"after the {step} of {tenant}")
            record = self._record(facts, plan, step, what).model_copy(
                update={
                    "tenant": tenant,
                    "began": taken.began.replace(microsecond=0),
                    "ended": taken.ended.replace(microsecond=0),
                    "outcome": taken.outcome,
                    "why": taken.why,
                    "details": taken.details,
                }
            )
            self._write(record, f"{step.value.capitalize()} of {tenant} for {self.version}: {taken.outcome}")
            said.append(f"{step} of {tenant}: {taken.outcome}, {taken.why}")
            if taken.outcome is not Outcome.PASS:
                said.append("The release stands until this is mended.")
                return Done(next=what, said=tuple(said), outcome=Outcome.HOLD)
        return Done(next=what, said=tuple(said))

    def _notify(self, facts: Facts, plan: Plan, what: Next, wave: Wave) -> Done:
        step = what.notice or Step.NOTICE_BEFORE
        told = Told(plan=plan, wave=wave, manifest=facts.releases[self.version].manifest, at=facts.at)
        texts = messages(step, told, [facts.fleet.tenant(each) for each in what.tenants])
        record = self._record(facts, plan, step, what).model_copy(
            update={
                "why": f"Written for {len(texts)} tenants.",
                "details": {"messages": [each.record() for each in texts]},
            }
        )
        self.boundary(f"before {step}")
        self._write(record, f"Release {self.version}: {step} of wave {wave.number}")
        return Done(next=what, said=(f"{step} of wave {wave.number}: {len(texts)} messages",))

    def _move(self, facts: Facts, what: Next, moving: Moving) -> Done:
        self.boundary(f"before {what.kind}")
        commit = self.repository.write(moving.texts(facts.environment), moving.message)
        self.boundary(f"after {what.kind}")
        note = (moving.note,) if moving.note else ()
        return Done(next=what, said=(f"{moving.title} ({commit[:12]})", *note))

    def _gate(self, facts: Facts, plan: Plan, what: Next, wave: Wave) -> Done:
        step = {Kind.GATE: Step.GATE, Kind.INTEGRATE: Step.INTEGRATION}.get(what.kind, Step.SOAK)
        if what.integration and not self.world.let_in(what.integration, what.tenants):
            fix = f"storefleet release integrate {self.version} --env {plan.environment} --wave {wave.number}"
            said = f"Let {what.integration} in again for {', '.join(what.tenants)}; then: {fix} --integration ..."
            return Done(next=what, said=(said,), outcome=Outcome.HOLD)
        moved = moved_of(facts, what.tenants, self.version)
        report = self.world.measure(moved, facts.at)
        self.boundary(f"after measuring for {step}")
        name = f"{step} {what.integration}".rstrip()
        said = (
            f"{name} of wave {wave.number}: {report.outcome}",
            *(f"  {each}" for each in report.reasons[:10]),
        )
        if report.outcome is Outcome.HOLD:
            return Done(
                next=what,
                said=(*said, "It holds: nothing goes on and nothing goes back until it is clear."),
                outcome=Outcome.HOLD,
            )
        record = self._record(facts, plan, step, what).model_copy(
            update={
                "outcome": report.outcome,
                "why": f"{len(report.findings)} checks of {len(what.tenants)} tenants.",
                "details": {
                    **details_of(report),
                    **self._drift(facts, plan, wave, moved),
                    **({"integration": what.integration} if what.integration else {}),
                },
            }
        )
        self._write(record, f"Release {self.version}: {name} of wave {wave.number}: {report.outcome}")
        return Done(next=what, said=said, outcome=report.outcome)

    def _drift(self, facts: Facts, plan: Plan, wave: Wave, moved: Sequence[Moved]) -> dict[str, Any]:
        """Return what was put back since the wave was looked at before, or since its first move."""
        first = min((each.at for each in moved), default=facts.at)
        before = newest_decision(facts.records, plan, wave.number, LOOKS, first)
        found = self.world.drift(moved, first if before is None else before.ended, facts.at)
        return {} if found is None else {"drift": found.record()}

    def _record(self, facts: Facts, plan: Plan, step: Step, what: Next) -> StepRecord:
        at = facts.at.replace(microsecond=0)
        return StepRecord(
            environment=facts.fleet.environment.name,
            release=plan.release,
            manifest=plan.manifest,
            plan=plan.digest,
            step=step,
            wave=0 if what.wave is None else what.wave.number,
            began=at,
            ended=at,
            outcome=Outcome.PASS,
            why="",
            details={},
            simulated=self.world.simulated,
        )

    def _write(self, record: StepRecord, title: str) -> None:
        trailers = [
            ("Environment", record.environment.value),
            ("Release", record.release),
            ("Plan", record.plan),
            ("Wave", str(record.wave)),
            ("Step", record.step.value),
        ]
        lines = "\n".join(f"Storefleet-{key}: {value}" for key, value in trailers)
        self.repository.write({record.file: record.text}, f"{title}\n\n{lines}\n")
        self.boundary(f"after the record of {record.step}")


def plan_of_version(facts: Facts, version: str) -> Plan:
    """Return the plan of a release.

    Raises:
        SpecError: there is none.

    """
    approved = facts.plans.get(version)
    if approved is not None:
        return approved.plan
    problem = Problem(
        file="the command line",
        field="VERSION",
        value=version,
        message=f"there is no plan of it for {facts.environment}",
        allowed=", ".join(sorted(facts.plans)) or "none is planned",
        fix=f"storefleet release plan {version} --env {facts.environment} --write",
    )
    raise SpecError([problem])


def moved_of(facts: Facts, tenants: Sequence[str], version: str) -> list[Moved]:
    """Return when and by which commit tenants came to a release, from the history."""
    found: list[Moved] = []
    for tenant in tenants:
        move = next((each for each in facts.moves if each.tenant == tenant and each.after == version), None)
        if move is not None:
            found.append(Moved(tenant=tenant, commit=move.commit, at=move.at, release=version))
    return found


def details_of(report: Report) -> dict[str, Any]:
    """Return a report as its record holds it."""
    return {
        "at": report.at.isoformat(),
        "failed": list(report.tenants(Outcome.FAIL)),
        "findings": [asdict(each) for each in report.findings],
    }


def limited(facts: Facts, plan: Plan, kinds: Collection[Kind], number: int) -> Next:
    """Return the next step, if it is of a kind and wave that a command of its own is for.

    Raises:
        SpecError: it is not that step's turn; the message says what is.

    """
    following = next_step(facts, plan)
    if following.kind in kinds and following.wave is not None and following.wave.number == number:
        return following
    problem = Problem(
        file="the command line",
        field="--wave",
        value=str(number),
        message=f"it is not the turn of this step; next is {following.kind}: {following.why}",
        fix=f"storefleet release status {plan.release} --env {plan.environment}",
    )
    raise SpecError([problem])
