"""What the steps of a release need of the world: copies, checkpoints and measurements. Seams, and what they return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from release.drift import Drift
    from release.gates.measure import Report
    from release.gates.verdict import Outcome


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How a rehearsal or a checkpoint ended."""

    began: datetime
    ended: datetime
    outcome: Outcome
    why: str
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A tenant that was moved: by which commit, and when."""

    tenant: str
    commit: str
    at: datetime
    release: str = ""
    """What it was moved to; empty where nobody asks."""


class World(Protocol):
    """Who rehearses, takes checkpoints and measures. Asked twice for the same, it does it once."""

    @property
    def simulated(self) -> bool:
        """Whether this is a model; every record says so."""
        ...

    def rehearse(self, tenant: str, release: str) -> Taken:
        """Take the step of a release on a neutralised copy of a tenant, or return how that ended."""
        ...

    def checkpoint(self, tenant: str, release: str, not_before: datetime) -> Taken:
        """Take the checkpoint of a tenant and read it back, or return the one taken since `not_before`."""
        ...

    def let_in(self, integration: str, tenants: Sequence[str]) -> bool:
        """Say whether an integration talks to tenants again, after it was held back for their move."""
        ...

    def measure(self, moved: Sequence[Moved], at: datetime) -> Report:
        """Measure and judge the gates of tenants."""
        ...

    def drift(self, moved: Sequence[Moved], since: datetime, at: datetime) -> Drift | None:
        """Return what was changed by somebody and put back since; None where nobody can say."""
        ...
