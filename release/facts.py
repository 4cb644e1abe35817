"""Gathering what is known when a pointer is to move: from the checkout, or from a commit laid out in a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from release.known import Approved, Facts
from release.ledger import read_records
from release.manifests import read_signatures
from release.plan import Plan, plan_of
from release.pointers import read_pointers
from release.records import (
    PLANS_FOLDER,
    held_emergencies,
    open_emergencies,
    plan_file,
    read_approvals,
    read_emergencies,
    read_json,
)
from release.repository import Repository
from release.windows import Exemption
from spec.fleet import Fleet, load_fleet
from spec.problems import Problem, SpecError
from spec.releases import load_releases, manifest_file
from spec.roster import ROSTER, Roster, load_roster


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where what is known comes from."""

    root: Path
    """The project as it is proposed: tenants, calendars, releases, plans and what was signed."""
    repository: Repository
    commit: str = "HEAD"
    """Whose history tells what was moved."""
    roster: Roster | None = None
    """The list of approvers to go by instead of the project's own."""


def load_facts(source: Source, environment: str, at: datetime) -> Facts:
    """Return what is known about an environment at an instant.

    Raises:
        SpecError: what is wrong with any of the files.

    """
    root = source.root
    fleet = load_fleet(root, environment, today=at.date())
    roster = source.roster if source.roster is not None else roster_of(root)
    emergencies = read_emergencies(root, environment)
    return Facts(
        fleet=fleet,
        releases=load_releases(root),
        plans=load_plans(root, environment),
        roster=roster,
        emergencies=[] if roster is None else open_emergencies(emergencies, roster, environment, at),
        pointers=read_pointers(root, environment),
        moves=source.repository.moves(environment, source.commit),
        at=at,
        records=read_records(root, environment),
        signatures=read_signatures(root),
    )


def open_exemptions(fleet: Fleet) -> tuple[Exemption, ...]:
    """Return what emergencies open of an environment's freezes on the fleet's day or later.

    An emergency that is not signed as it stands by somebody who may declare one opens nothing.

    Raises:
        SpecError: what is wrong with any of the files.

    """
    environment, roster = fleet.environment.name.value, roster_of(fleet.root)
    if roster is None:
        return ()
    return tuple(
        each.exemption
        for each in held_emergencies(read_emergencies(fleet.root, environment), roster, environment)
        if each.expires.date() >= fleet.day
    )


def released_images(fleet: Fleet) -> tuple[str, ...]:
    """Return the images that releases bring to an environment, each by its digest: its tenants' pods may run them.

    Every release counts, an old one that nobody signed as well: pods of it are started again, and the way back leads to
    it. What moves tenants to a release asks for the signature.

    Raises:
        SpecError: what is wrong with any of the files, or tenants are on a release that is not there: their pods would
            not start again.

    """
    releases = load_releases(fleet.root)
    lost: dict[str, list[str]] = {}
    for pointer in read_pointers(fleet.root, fleet.environment.name.value).values():
        if pointer.release not in releases:
            lost.setdefault(pointer.release, []).append(pointer.tenant)
    if lost:
        raise SpecError([_lost(fleet, version, tenants) for version, tenants in sorted(lost.items())])
    return tuple(image for release in releases.values() for image in release.manifest.images.values())


def _lost(fleet: Fleet, version: str, tenants: Sequence[str]) -> Problem:
    """Say that tenants are on a release whose images nobody could tell the cluster."""
    file, others = manifest_file(version), f" and {len(tenants) - 1} more" if len(tenants) > 1 else ""
    return Problem(
        file=file,
        message=f"is missing, and {min(tenants)}{others} of {fleet.environment.name} are on it: the cluster would not "
        "know its images, and their pods would not start again",
        fix=f"bring it back: git log --diff-filter=D -- {file}",
    )


def roster_of(root: Path) -> Roster | None:
    """Return the list of approvers; None where there is none yet."""
    return load_roster(root) if (root / ROSTER).exists() else None


def load_plan(root: Path, environment: str, version: str) -> Plan:
    """Load a plan.

    Raises:
        SpecError: there is none, or it is not as it was written.

    """
    file = plan_file(environment, version)
    record = read_json(root, file)
    fix = f"bring it back, or plan anew: storefleet release plan {version} --env {environment} --write"
    try:
        plan = plan_of(record)
    except ValidationError:
        raise SpecError([Problem(file=file, message="is not a plan", fix=fix)]) from None
    except ValueError as error:
        raise SpecError([Problem(file=file, message=str(error), fix=fix)]) from None
    if (plan.environment, plan.release) != (environment, version):
        message = f"is the plan of {plan.release} for {plan.environment}: its file was moved"
        raise SpecError([Problem(file=file, message=message, fix=fix)])
    return plan


def load_plans(root: Path, environment: str) -> Mapping[str, Approved]:
    """Load the plans of an environment with their approvals, by version."""
    folder = root / PLANS_FOLDER / environment
    found: dict[str, Approved] = {}
    for path in sorted(folder.glob("*/plan.json")):
        version = path.parent.name
        found[version] = Approved(
            plan=load_plan(root, environment, version), approvals=read_approvals(root, environment, version)
        )
    return found
