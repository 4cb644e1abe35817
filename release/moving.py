"""Which pointers a promotion or a rollback moves, or why it must not. Pure: the command writes the commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from release.judge import freeze_problem, plan_problems, previous_release, rollback_problems
from release.known import Facts
from release.plan import Wave
from release.planner import room_of
from release.pointers import Pointer, pointer_file, pointer_for
from release.records import plan_file
from release.turns import wave_problems
from spec.naming import CELL_ID_LIMIT
from spec.problems import Problem, SpecError, either, shown, suggestion

_COMMAND_LINE = "the command line"


@dataclass(frozen=True, kw_only=True)
class Moving:
    """Pointers to write in one commit."""

    title: str
    pointers: tuple[Pointer, ...]
    was: tuple[str | None, ...]
    """The release that each has now."""
    trailers: tuple[tuple[str, str], ...]
    note: str = ""
    """What people must know or do besides."""

    def texts(self, environment: str) -> dict[str, str]:
        """Return the files to write."""
        return {pointer_file(environment, each.cell, each.tenant): each.text for each in self.pointers}

    @property
    def message(self) -> str:
        """The commit's message."""
        lines = [
            f"{each.tenant}: {was or 'none'} -> {each.release}"
            for each, was in zip(self.pointers, self.was, strict=True)
        ]
        trailers = [f"Storefleet-{key}: {value}" for key, value in self.trailers]
        return "\n".join([self.title, "", *lines, "", *trailers]) + "\n"


def promotion(facts: Facts, version: str, number: int, segment: str | None, *, again: bool = False) -> Moving:
    """Return the pointers that a wave moves to its release; none when all of them are there.

    Args:
        facts: what is known.
        version: the release.
        number: the wave.
        segment: only the tenants of this segment; all of the wave without it.
        again: raise the attempt of those that are there already, so that Argo CD tries once more.

    Raises:
        SpecError: everything that stands in the way.

    """
    problems = plan_problems(facts, version)
    approved = facts.plans.get(version)
    if approved is None or problems:
        raise SpecError(problems)
    plan = approved.plan
    wave = plan.wave(number)
    if wave is None:
        allowed = f"1 to {len(plan.waves)}" if plan.waves else "none: every tenant runs the release"
        problem = Problem(
            file=_COMMAND_LINE,
            field="--wave",
            value=str(number),
            message="is not a wave of the plan",
            allowed=allowed,
        )
        raise SpecError([problem])
    members = _members(facts, wave, segment)
    to_move = [each for each in members if each.release != version]
    if again:
        to_move = [each for each in members if each.release == version]
    problems = list(wave_problems(facts, plan, wave)) if to_move else []
    room = None if again else room_of(wave, plan)
    for pointer in to_move:
        file = pointer_file(facts.environment, pointer.cell, pointer.tenant)
        frozen = freeze_problem(facts, pointer.tenant, file, room)
        problems += [frozen] if frozen else []
    if problems:
        raise SpecError(problems)
    moved = [
        pointer_for(facts.fleet.tenant(each.tenant), version, each.attempt + 1 if again else 1)
        for each in to_move
    ]
    verb = "tries again" if again else "moves"
    return Moving(
        title=f"Release {version}: wave {number} of {facts.environment} {verb} {_count(moved)}",
        pointers=tuple(moved),
        was=tuple(each.release for each in to_move),
        trailers=(
            ("Environment", facts.environment),
            ("Release", version),
            ("Plan", plan.digest),
            ("Wave", str(number)),
            *((("Segment", segment),) if segment else ()),
        ),
    )


def emergency_move(facts: Facts, version: str, record: str) -> Moving:
    """Return the pointers that an emergency moves to the release that it names, outside any plan.

    Raises:
        SpecError: the emergency does not hold, or names another release.

    """
    holding = {each.id: each for each in facts.emergencies}
    emergency = holding.get(record)
    if emergency is None or emergency.release != version or version not in facts.releases:
        problem = Problem(
            file=_COMMAND_LINE,
            field="--emergency",
            value=shown(record),
            message=f"no emergency of this name holds now in {facts.environment} and names the release {version}",
            allowed=either(sorted(f"{each.id} ({each.release or 'no release'})" for each in holding.values()))
            if holding
            else "none holds now",
            fix=suggestion(record, holding, "record one: storefleet release emergency"),
        )
        raise SpecError([problem])
    pointers = [facts.pointers[name] for name in emergency.tenants if name in facts.pointers]
    to_move = [each for each in pointers if each.release != version]
    moved = [pointer_for(facts.fleet.tenant(each.tenant), version) for each in to_move]
    return Moving(
        title=f"Release {version}: the emergency {record} in {facts.environment} moves {_count(moved)}",
        pointers=tuple(moved),
        was=tuple(each.release for each in to_move),
        trailers=(("Environment", facts.environment), ("Release", version), ("Emergency", record)),
        note=f"Its retrospective is due by {emergency.retrospective_due}.",
    )


def rollback(facts: Facts, version: str, segment: str | None, number: int | None) -> Moving:
    """Return the pointers of a segment (or a wave, or both) as they were before a release.

    Raises:
        SpecError: everything that stands in the way: the release's way back, a freeze, a tenant without a past.

    """
    approved = facts.plans.get(version)
    wave = None if number is None or approved is None else approved.plan.wave(number)
    if number is not None and wave is None:
        message = f"is not a wave of a plan of {version}"
        raise SpecError([Problem(file=_COMMAND_LINE, field="--wave", value=str(number), message=message)])
    members = list(facts.pointers.values()) if wave is None else _members(facts, wave, None)
    if segment is not None:
        members = _chosen(facts, members, segment)
    to_move = sorted((each for each in members if each.release == version), key=lambda each: each.tenant)
    file = f"releases/{version}/release.yaml"
    problems = (
        list(rollback_problems(facts, version, [each.tenant for each in to_move], file)) if to_move else []
    )
    moved: list[Pointer] = []
    for pointer in to_move:
        own = pointer_file(facts.environment, pointer.cell, pointer.tenant)
        frozen = freeze_problem(facts, pointer.tenant, own)
        problems += [frozen] if frozen else []
        previous = previous_release(facts.moves, pointer.tenant, version)
        if previous is None:
            message = f"{pointer.tenant} ran nothing before {version}, as far as the history tells"
            problems.append(
                Problem(file=own, message=message, fix="fetch the whole history, or plan another release")
            )
        else:
            moved.append(pointer_for(facts.fleet.tenant(pointer.tenant), previous))
    if problems:
        raise SpecError(problems)
    manifest = facts.releases[version].manifest if version in facts.releases else None
    restored = manifest is not None and manifest.rollback.value == "restore" and moved
    return Moving(
        title=f"Roll back {version}: {segment or f'wave {number}'} of {facts.environment}, {_count(moved)}",
        pointers=tuple(moved),
        was=tuple(each.release for each in to_move),
        trailers=(
            ("Environment", facts.environment),
            ("Rollback-From", version),
            *((("Segment", segment),) if segment else ()),
            *((("Wave", str(number)),) if number is not None else ()),
        ),
        note="The databases are still those of the release: restore each from its checkpoint."
        if restored
        else "",
    )


def adoption(facts: Facts, version: str | None) -> Moving:
    """Return the pointers of tenants that have none yet, and of those whose file says something else now.

    Args:
        facts: what is known.
        version: the release that newcomers begin with; it must run in the environment already, unless nothing does.

    Raises:
        SpecError: newcomers have no release to begin with.

    """
    running = {each.release for each in facts.pointers.values()}
    newcomers = [
        each for each in facts.fleet.tenants if each.id not in facts.pointers and each.state == "active"
    ]
    if newcomers:
        known = sorted(running or facts.releases)
        if version not in known or version not in facts.releases:
            problem = Problem(
                file=_COMMAND_LINE,
                field="--release",
                value="" if version is None else shown(version),
                message=f"does not say which release {_count(newcomers)} without a pointer begin with",
                allowed=f"{either(known) if known else 'none: add a release first'}, which "
                + (f"tenants of {facts.environment} run already" if running else "has a manifest"),
                fix=suggestion(version, known),
            )
            raise SpecError([problem])
    changed: dict[str, Pointer] = {}
    for tenant in facts.fleet.tenants:
        pointer = facts.pointers.get(tenant.id)
        if pointer is None and tenant.state == "active" and version is not None:
            changed[tenant.id] = pointer_for(tenant, version)
        elif pointer is not None and pointer.cell == tenant.cell:
            wanted = pointer_for(tenant, pointer.release, pointer.attempt)
            if wanted != pointer:
                changed[tenant.id] = wanted
    return Moving(
        title=f"Pointers of {facts.environment} follow the tenants' files: {_count(list(changed.values()))}",
        pointers=tuple(changed.values()),
        was=tuple(facts.pointers[name].release if name in facts.pointers else None for name in changed),
        trailers=(("Environment", facts.environment),),
    )


def _members(facts: Facts, wave: Wave, segment: str | None) -> list[Pointer]:
    absent = [name for name in wave.ids if name in facts.fleet.ids_chosen and name not in facts.pointers]
    if absent:
        problem = Problem(
            file=plan_file(facts.environment, "*"),
            message=f"{', '.join(absent[:5])} of wave {wave.number} has no pointer yet",
            fix=f"storefleet release pointers --env {facts.environment} --release ...",
        )
        raise SpecError([problem])
    members = [facts.pointers[name] for name in wave.ids if name in facts.pointers]
    return members if segment is None else _chosen(facts, members, segment)


def _chosen(facts: Facts, members: Sequence[Pointer], segment: str) -> list[Pointer]:
    """Return the members of a segment; a name that no tenant has is refused, with the one that is meant."""
    everywhere = sorted({each.segment for each in facts.pointers.values()})
    if segment not in everywhere or len(segment) > CELL_ID_LIMIT:
        problem = Problem(
            file=_COMMAND_LINE,
            field="--segment",
            value=shown(segment),
            message=f"is not a segment of {facts.environment}",
            allowed=either(everywhere) if everywhere else "none: there are no pointers yet",
            fix=suggestion(segment, everywhere),
        )
        raise SpecError([problem])
    return [each for each in members if each.segment == segment]


def _count(things: Iterable[object]) -> str:
    number = len(list(things))
    return f"{number} tenant{'' if number == 1 else 's'}"
