"""The four figures by which deliveries are compared (DORA), from the history of the pointers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from release.repository import Move
from spec.releases import Release

WEEK = timedelta(days=7)
DORA_WINDOW = timedelta(days=90)
"""Over which time the figures are taken unless stated."""


@dataclass(frozen=True, kw_only=True)
class Dora:
    """The figures of a time; None where nothing happened that would give one."""

    deployments: int
    """Commits that moved pointers forward."""
    per_week: float
    lead_time_hours: float | None
    """Median time from the build of a release to each tenant that got it."""
    failure_rate: float | None
    """Share of the deployments of which at least one tenant went back."""
    recovery_hours: float | None
    """Median time from the move of a tenant that went back until it was back."""


def dora(moves: Sequence[Move], releases: Mapping[str, Release], begins: datetime, ends: datetime) -> Dora:
    """Return the figures of the moves of a time.

    Args:
        moves: the history of the pointers, the newest first.
        releases: the releases, by version.
        begins: the first instant.
        ends: the last instant.

    """
    forward: dict[str, datetime] = {}
    lead: list[timedelta] = []
    failed: set[str] = set()
    recovery: list[timedelta] = []
    standing: dict[tuple[str, str | None, str | None], Move] = {}
    for move in sorted(moves, key=lambda each: each.at):
        if move.before is None or move.after is None:
            continue  # a tenant that comes or leaves is no deployment
        undone = standing.pop((move.tenant, move.after, move.before), None)
        if undone is not None:
            if begins <= undone.at <= ends:
                failed.add(undone.commit)
                recovery.append(move.at - undone.at)
            continue
        standing[move.tenant, move.before, move.after] = move
        if begins <= move.at <= ends:
            forward[move.commit] = move.at
            release = releases.get(move.after)
            if release is not None:
                lead.append(move.at - release.manifest.built_at)
    weeks = max((ends - begins) / WEEK, 1 / 7)
    return Dora(
        deployments=len(forward),
        per_week=round(len(forward) / weeks, 2),
        lead_time_hours=_hours(lead),
        failure_rate=round(len(failed & forward.keys()) / len(forward), 3) if forward else None,
        recovery_hours=_hours(recovery),
    )


def _hours(times: Sequence[timedelta]) -> float | None:
    return round(median(each / timedelta(hours=1) for each in times), 2) if times else None
