"""What is still owed after an emergency: its retrospective stays open until somebody has written it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from release.records import overdue, retrospective_file, written

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from release.records import Emergency


class Owed(StrEnum):
    """How far the retrospective of an emergency is."""

    HOLDS = "holds"
    """The emergency is not over yet."""
    OPEN = "open"
    OVERDUE = "overdue"
    WRITTEN = "written"


@dataclass(frozen=True, kw_only=True)
class Retrospective:
    """An emergency, and how far its retrospective is."""

    emergency: Emergency
    owed: Owed

    @property
    def file(self) -> str:
        """Where it is, or is to be, written."""
        return retrospective_file(self.emergency.environment, self.emergency.id)


def retrospectives(root: Path, emergencies: Iterable[Emergency], at: datetime) -> list[Retrospective]:
    """Return what is owed for each emergency, the newest first."""
    known = sorted(emergencies, key=lambda each: (each.begins, each.id), reverse=True)
    late = {each.id for each in overdue(root, known, at)}
    return [Retrospective(emergency=each, owed=_owed(root, each, at, late=each.id in late)) for each in known]


def _owed(root: Path, emergency: Emergency, at: datetime, *, late: bool) -> Owed:
    if written(root / retrospective_file(emergency.environment, emergency.id)):
        return Owed.WRITTEN
    if at < emergency.expires:
        return Owed.HOLDS
    return Owed.OVERDUE if late else Owed.OPEN
