"""Leaving, as a tenant's file states it: the record of the last backup, and the confirmation of a purge."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from spec.model import SpecModel
from spec.problems import refusal
from spec.vocabulary import Day, Email, TenantState

DIGEST_PATTERN: Final = r"^sha256:[0-9a-f]{64}$"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)
_PURGE: Final = re.compile(r"([a-z0-9-]{1,63}) (\d{4}-\d{2}-\d{2})\Z", re.ASCII)

WITH_BACKUP: Final = frozenset({TenantState.ARCHIVED, TenantState.PURGED})
"""The states that need the record of a last backup. A suspended tenant may have it already."""


def _digest(text: str) -> str:
    if not _DIGEST.match(text):
        allowed = "sha256: and 64 digits of 0-9a-f, as the backup's manifest states it"
        raise refusal("is not a digest", allowed=allowed)
    return text


Digest = Annotated[str, AfterValidator(_digest), Field(json_schema_extra={"pattern": DIGEST_PATTERN})]


class FinalBackup(SpecModel):
    """The backup from which the tenant could come back: taken after the processes stopped, and restored once."""

    at: Day
    """The day on which it was taken."""
    digest: Digest
    """Digest of its manifest."""
    verified_by: Email
    """Who restored it somewhere and saw that it is complete."""


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What a file says about a tenant that leaves."""

    tenant: str
    state: TenantState
    final_backup: FinalBackup | None
    purge: str | None
    retention: timedelta


def confirmation(tenant_id: str, day: date) -> str:
    """Return the line that confirms a purge: it names the tenant and the day on which it is applied."""
    return f"{tenant_id} {day.isoformat()}"


def purge_day(text: str) -> date | None:
    """Return the day that a confirmation names; None when it names none."""
    match = _PURGE.match(text)
    try:
        return date.fromisoformat(match[2]) if match else None
    except ValueError:
        return None


def refuse_disorder(leaving: Leaving) -> None:
    """Refuse a file whose state and records do not belong together, whatever the day is.

    Raises:
        PydanticCustomError: a state without its record, a record without its state, or a purge that does not
            name the tenant or comes before the end of the retention.

    """
    _refuse_backup(leaving)
    if leaving.purge is not None and leaving.state is not TenantState.PURGED:
        message = f"confirms a purge, and the state is {leaving.state}"
        raise refusal(message, at=("purge",), fix="remove the line, or write state: purged")
    if leaving.state is TenantState.PURGED and leaving.final_backup is not None:
        _refuse_purge(leaving, leaving.final_backup)


def _refuse_backup(leaving: Leaving) -> None:
    if leaving.state in WITH_BACKUP and leaving.final_backup is None:
        raise refusal(
            f"is missing, and a tenant that is {leaving.state} must have it",
            at=("final_backup",),
            allowed="at, digest and verified_by of a backup that was taken after the tenant was suspended",
            fix="take and verify the backup while the tenant is suspended, then record it here",
        )
    if leaving.state is TenantState.ACTIVE and leaving.final_backup is not None:
        raise refusal(
            "belongs to a tenant that leaves, and this one is active: it still writes data",
            at=("final_backup",),
            fix="remove it; after the next suspension a new backup is needed",
        )


def _refuse_purge(leaving: Leaving, backup: FinalBackup) -> None:
    first = backup.at + leaving.retention
    allowed = f"purge: {leaving.tenant} and the day on which it is applied, such as {leaving.tenant} {first}"
    if leaving.purge is None:
        message = "is missing, and without this confirmation nothing is purged"
        raise refusal(message, at=("purge",), allowed=allowed, fix="add the line on the day of the purge")
    day = purge_day(leaving.purge)
    if day is None or leaving.purge != confirmation(leaving.tenant, day):
        raise refusal(
            "does not name this tenant and a day, in this form",
            at=("purge",),
            allowed=allowed,
        )
    if day < first:
        raise refusal(
            f"comes too early: the last backup is of {backup.at} and is kept for {leaving.retention.days} days",
            at=("purge",),
            allowed=f"{first} or later",
            fix=f"keep state: archived until {first}",
        )
