"""A release as a plan: who gets it in which wave, when, and why there. Pure: spec in, frozen dataclasses out.

The waves follow one another. Rings come in order and, inside a ring, criticality ascends. A tenant whose calendar is
closed for longer than a ring waits is *late*: it follows when the open rings (0 to 2) are through, and still before the
guarded ring, which is promised to be last. Adding a tenant changes no wave that begins before its own.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from release.risk import ApprovalNeed


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A tenant's place in a plan, and the sentence that says why it is there."""

    tenant: str
    ring: int
    criticality: str
    cell: str
    segment: str
    calendar: str | None
    moves_from: str | None
    """The release that it runs; None when it has none yet."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Tenants that are moved by one commit, at one time."""

    number: int
    """Counted from 1."""
    ring: int
    late: bool
    """Whether these are tenants that were closed when it was their ring's turn."""
    starts: datetime
    """When it may start, as projected, in UTC."""
    latest: datetime
    """Until when it may start then: after that, some calendar of its tenants closes."""
    soak_hours: float
    """How long it is watched before the next wave."""
    failure_budget: int
    """How many of its tenants may go back without halting the release."""
    reason: str
    tenants: tuple[Placement, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The tenants' ids."""
        return tuple(each.tenant for each in self.tenants)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A tenant that the plan does not move, and why."""

    tenant: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A release to an environment. Its digest is what people approve."""

    environment: str
    release: str
    manifest: str
    """Digest of the release's manifest."""
    migration: str
    rollback: str
    builders: tuple[str, ...]
    """Who built the release: none of them may approve it."""
    begins: datetime
    """From when on it was planned, in UTC."""
    halt_rule: str
    change_minutes: int
    """How long the change of one tenant takes: assumed, until a rehearsal measures it."""
    approvals: tuple[ApprovalNeed, ...]
    waves: tuple[Wave, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    finish: datetime
    """When the last wave has been watched, as projected, in UTC."""

    def wave(self, number: int) -> Wave | None:
        """Return a wave by its number; None when there is none."""
        return next((each for each in self.waves if each.number == number), None)

    def record(self) -> dict[str, Any]:
        """Return the plan as JSON holds it, with its digest."""
        return {**_content(self), "digest": self.digest}

    @property
    def text(self) -> str:
        """The plan as its file holds it."""
        return json.dumps(self.record(), indent=2, ensure_ascii=False) + "\n"

    @property
    def digest(self) -> str:
        """Return ``sha256:`` and the hexadecimal digest of the plan's canonical JSON."""
        canonical = json.dumps(_content(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def plan_of(record: Mapping[str, Any]) -> Plan:
    """Return the plan that a record holds.

    Raises:
        ValueError: it is not one, or it was changed after it was made: its digest is another.

    """
    content = {key: value for key, value in record.items() if key != "digest"}
    plan = _ADAPTER.validate_python(content)
    if record.get("digest") != plan.digest:
        raise ValueError(
            f"it was changed by hand: its digest says {record.get('digest')}, and its content {plan.digest}"
        )
    return plan


_ADAPTER: TypeAdapter[Plan] = TypeAdapter(Plan)


def _content(plan: Plan) -> dict[str, Any]:
    return _ADAPTER.dump_python(plan, mode="json")
