"""What is known when a move is judged. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from release.ledger import StepRecord
from release.manifests import ManifestSignature
from release.plan import Plan
from release.pointers import Pointer
from release.records import Approval, Emergency
from release.repository import Move
from spec.fleet import Fleet
from spec.releases import Release
from spec.roster import Roster


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a pointer is to become. `before` is what it says now."""

    before: Pointer
    after: Pointer


@dataclass(frozen=True, kw_only=True)
class Approved:
    """A plan and what was signed about it."""

    plan: Plan
    approvals: Sequence[Approval]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known when a move is judged."""

    fleet: Fleet
    releases: Mapping[str, Release]
    plans: Mapping[str, Approved]
    """By version."""
    roster: Roster | None
    """None where nobody was ever named: then nobody has approved anything."""
    emergencies: Sequence[Emergency]
    """Those that hold at this instant."""
    pointers: Mapping[str, Pointer]
    """As they are before the move."""
    moves: Sequence[Move]
    """The history of the pointers, the newest first."""
    at: datetime
    records: Sequence[StepRecord] = ()
    """Of the steps that are done, in order."""
    signatures: Mapping[str, ManifestSignature] = field(default_factory=dict[str, ManifestSignature])
    """Of manifests, by version."""

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.fleet.environment.name.value
