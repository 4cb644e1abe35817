"""What makes a release risky, which approvals that asks for, and whether people have given them. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from release.rings import MANY_TENANTS
from spec.releases import ManifestSpec, Migration, RollbackClass
from spec.roster import Role


@dataclass(frozen=True, kw_only=True)
class ApprovalNeed:
    """An approval that a plan needs, and the sentence that says why."""

    role: Role
    why: str


@dataclass(frozen=True, kw_only=True)
class Given:
    """An approval that was given: by whom, in which role."""

    role: Role
    by: str


def needs(manifest: ManifestSpec, tenants: int) -> tuple[ApprovalNeed, ...]:
    """Return the approvals that a release to so many tenants needs, each by another person.

    Args:
        manifest: the release.
        tenants: how many tenants it moves.

    """
    return tuple(_needs(manifest, tenants))


def _needs(manifest: ManifestSpec, tenants: int) -> Iterator[ApprovalNeed]:
    yield ApprovalNeed(role=Role.RELEASE, why="Every release is approved by somebody who did not build it.")
    if manifest.migration is not Migration.NONE:
        yield ApprovalNeed(
            role=Role.DATABASE,
            why=f"It changes the database ({manifest.migration}), and code alone does not undo that.",
        )
    if manifest.payment_related:
        yield ApprovalNeed(role=Role.PAYMENTS, why="It changes how money is taken or given back.")
    if tenants > MANY_TENANTS:
        yield ApprovalNeed(
            role=Role.BUSINESS,
            why=f"It moves {tenants} tenants, more than {MANY_TENANTS}: the trade of a group is at stake.",
        )
    elif manifest.rollback is not RollbackClass.POINTER:
        yield ApprovalNeed(
            role=Role.BUSINESS,
            why=f"The way back is {manifest.rollback}: what was sold meanwhile may be lost.",
        )


def missing(
    needed: Iterable[ApprovalNeed], given: Collection[Given], builders: Collection[str]
) -> tuple[ApprovalNeed, ...]:
    """Return the approvals that are still needed.

    Who builds cannot approve, and nobody fills two roles: each need is met by a person of its own, where that can be
    arranged at all.
    """
    wanted = list(needed)
    able = [
        sorted({one.by for one in given if one.role is need.role and one.by.lower() not in _lower(builders)})
        for need in wanted
    ]
    met = _arranged(able)
    return tuple(need for place, need in enumerate(wanted) if place not in met)


def refused(given: Given, builders: Collection[str]) -> str:
    """Say why an approval does not count, in a clause; empty when it does."""
    if given.by.lower() in _lower(builders):
        return f"{given.by} built this release, and who builds cannot approve"
    return ""


def _lower(people: Collection[str]) -> frozenset[str]:
    return frozenset(each.lower() for each in people)


def _arranged(able: list[list[str]]) -> Mapping[int, str]:
    """Return which need is met by whom, so that as many as possible are (augmenting paths)."""
    holder: dict[str, int] = {}

    def place(need: int, seen: set[str]) -> bool:
        for person in able[need]:
            if person not in seen:
                seen.add(person)
                if person not in holder or place(holder[person], seen):
                    holder[person] = need
                    return True
        return False

    for need in range(len(able)):
        place(need, set())
    return {need: person for person, need in holder.items()}
