"""Reading objects of a cluster whose fields may be missing, or not be what they should. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast


def part(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object within an object; an empty one where there is none."""
    value = found.get(key)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def moment(text: object) -> datetime | None:
    """Return an instant in UTC; None of what is none. One without a zone is taken to be in UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
