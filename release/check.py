"""The check of a change: what is immutable stays, and no pointer moves but as it may.

A pointer moves by an approved plan, the way back or an emergency. It is judged by the approvers and the calendars from
before the change, so that no change can permit itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from release.facts import Source, load_facts, roster_of
from release.judge import freeze_problem, move_problems
from release.known import Facts, Proposal
from release.ledger import RECORDS_FOLDER
from release.pointers import ENVIRONMENTS_FOLDER, Pointer, check_facts, parse_pointer, pointer_file
from release.records import (
    EMERGENCIES_FOLDER,
    PLANS_FOLDER,
    Emergency,
    check_emergency,
    emergency_file,
    overdue,
    read_emergencies,
    retrospective_file,
)
from release.repository import Repository
from spec.calendar_files import CALENDARS_FOLDER
from spec.fleet import STACKS_FOLDER, TENANTS_FOLDER
from spec.problems import Problem, SpecError
from spec.releases import RELEASES_FOLDER, load_releases
from spec.roster import ROSTER, Roster
from spec.vocabulary import TenantState

PROJECT = (TENANTS_FOLDER, STACKS_FOLDER, CALENDARS_FOLDER, RELEASES_FOLDER, "gitops")
"""What is read of a commit."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the check of a change found."""

    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    releases: int
    moved: int
    """How many pointers the change moves."""


def check_change(repository: Repository, base: str, head: str, at: datetime) -> Checked:
    """Check what lies between two commits, as if it were to take effect at an instant.

    Args:
        repository: the project's repository.
        base: the commit before.
        head: the commit after.
        at: the instant by which freezes, waiting times and emergencies are judged.

    Raises:
        SpecError: a file of the commit after cannot be read at all.

    """
    with repository.tree(base, *PROJECT) as before, repository.tree(head, *PROJECT) as after:
        problems = [*_immutable(repository, base, head)]
        releases = load_releases(after)
        warnings: list[str] = []
        moved = 0
        # A change does not choose its own approvers.
        roster = roster_of(before) if (before / ROSTER).exists() else roster_of(after)
        for environment in _environments(before, after):
            source = Source(root=after, repository=repository, commit=base, roster=roster)
            facts = load_facts(source, environment, at)
            problems += check_facts(facts.fleet, facts.pointers)
            previous = _pointers_before(repository, base, environment)
            changes = _changes(previous, facts.pointers)
            moved += len(changes)
            problems += _judged(facts, _earlier(before, source, environment, at), previous, changes)
            emergencies = read_emergencies(after, environment)
            if roster is not None:
                problems += _unsigned(environment, emergencies, roster)
            warnings += [
                f"The retrospective of the emergency {each.id} was due by {each.retrospective_due}: write "
                f"{retrospective_file(environment, each.id)}"
                for each in overdue(after, emergencies, at)
            ]
    return Checked(problems=tuple(problems), warnings=tuple(warnings), releases=len(releases), moved=moved)


def _immutable(repository: Repository, base: str, head: str) -> Iterator[Problem]:
    known = {_folder(file) for file in repository.files(base, RELEASES_FOLDER)}
    for change in repository.changed(base, head, RELEASES_FOLDER):
        folder = _folder(change.file)
        if folder in known:
            verb = {"A": "is added to", "D": "is removed from"}.get(change.status, "is changed in")
            message = f"{verb} the release {folder}, which is immutable"
            fix = f"git checkout {base[:12]} -- {RELEASES_FOLDER}/{folder}; what is new becomes a new release"
            yield Problem(file=change.file, message=message, fix=fix)
    for change in repository.changed(base, head, PLANS_FOLDER, EMERGENCIES_FOLDER, RECORDS_FOLDER):
        signed = "/approvals/" in change.file or (
            change.file.startswith(EMERGENCIES_FOLDER) and change.file.endswith(".json")
        )
        recorded = change.file.startswith(f"{RECORDS_FOLDER}/")
        if (signed or recorded) and change.status != "A":
            message = "was signed, and is changed or removed: what somebody put their name to stays"
            if recorded:
                message = "is the record of what was done, and is changed or removed: it is written once"
            yield Problem(file=change.file, message=message, fix=f"git checkout {base[:12]} -- {change.file}")


def _folder(file: str) -> str:
    return file.split("/")[1]


def _environments(*roots: Path) -> list[str]:
    return sorted(
        {path.name for root in roots for path in (root / ENVIRONMENTS_FOLDER).glob("*") if path.is_dir()}
    )


def _pointers_before(repository: Repository, base: str, environment: str) -> Mapping[str, Pointer]:
    found: dict[str, Pointer] = {}
    for file in repository.files(base, f"{ENVIRONMENTS_FOLDER}/{environment}"):
        # What was wrong before and is right now needs no word; what still is wrong is found there.
        with suppress(SpecError):
            pointer = parse_pointer(repository.text(base, file), file)
            found[pointer.tenant] = pointer
    return found


def _changes(before: Mapping[str, Pointer], after: Mapping[str, Pointer]) -> list[str]:
    """Return the tenants whose release or attempt changes, or whose pointer comes or goes."""

    def key(pointer: Pointer | None) -> tuple[str, int] | None:
        return None if pointer is None else (pointer.release, pointer.attempt)

    return [name for name in sorted({*before, *after}) if key(before.get(name)) != key(after.get(name))]


def _earlier(before: Path, source: Source, environment: str, at: datetime) -> Facts | None:
    """Return what was known before the change; None where it was not right then."""
    try:
        return load_facts(replace(source, root=before), environment, at)
    except SpecError:
        return None


def _judged(
    facts: Facts, earlier: Facts | None, previous: Mapping[str, Pointer], changes: Sequence[str]
) -> Iterator[Problem]:
    running = {each.release for each in previous.values()}
    judged = replace(facts, pointers=previous)
    for name in changes:
        old, new = previous.get(name), facts.pointers.get(name)
        there = new if new is not None else previous[name]
        file = pointer_file(facts.environment, there.cell, name)
        if new is None:
            yield from _removed(facts, name, file)
        elif old is None:
            if running and new.release not in running:
                message = f"begins with {new.release}, which no tenant of {facts.environment} runs"
                fix = f"begin with one of {', '.join(sorted(running))}; a new release comes in waves"
                yield Problem(file=file, field="release", message=message, fix=fix)
        else:
            found = list(move_problems(judged, Proposal(before=old, after=new), file))
            yield from found
            if earlier is not None and name in earlier.fleet.ids_chosen:
                frozen = freeze_problem(replace(earlier, emergencies=facts.emergencies), name, file)
                if frozen is not None and frozen not in found:
                    fix = "change the calendar first, in a change of its own"
                    yield replace(frozen, message=f"{frozen.message}, before this change", fix=fix)


def _removed(facts: Facts, name: str, file: str) -> Iterator[Problem]:
    everyone = {each.id: each for each in (*facts.fleet.tenants, *facts.fleet.left_out)}
    tenant = everyone.get(name)
    if tenant is None or tenant.state is not TenantState.PURGED:
        message = "is removed, and the tenant is not purged"
        yield Problem(file=file, message=message, fix="bring it back: a tenant leaves by its state")


def _unsigned(environment: str, emergencies: Sequence[Emergency], roster: Roster) -> Iterator[Problem]:
    for each in emergencies:
        why = check_emergency(each, roster)
        if why:
            fix = "it opens nothing as it is; record it anew, under another name"
            yield Problem(file=emergency_file(environment, each.id), message=why, fix=fix)
