"""Instants on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from spec.problems import Problem, SpecError, shown


def now() -> datetime:
    """Return the current instant, in UTC."""
    return datetime.now(tz=UTC)


def instant(text: str | None, flag: str, otherwise: datetime) -> datetime:
    """Return the instant that an option names, in UTC; ``otherwise`` where it is not given.

    Raises:
        SpecError: it names none.

    """
    if text is None:
        return otherwise
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        problem = Problem(
            file="the command line",
            field=flag,
            value=shown(text),
            message="is not a time",
            allowed="a time in UTC such as 2026-12-01T09:00Z, or with another offset (+01:00)",
        )
        raise SpecError([problem]) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
