"""From the wall clocks of a time zone to instants, where the clocks are changed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def first_instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the first instant, in UTC, at which the clocks of a zone show this time or a later one.

    When the clocks skip it, that is the instant of the change; when they show it twice, the first time.
    """
    earlier, later = _both(day, clock, zone)
    return earlier if earlier <= later else _change(later, earlier, zone)


def last_instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, from which on the clocks of a zone always show this time or a later one.

    When the clocks skip it, that is the instant of the change; when they show it twice, the second time.
    """
    earlier, later = _both(day, clock, zone)
    return later if earlier <= later else _change(later, earlier, zone)


def _both(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instant by the offset before a change, and the one by the offset after it; mostly the same."""
    wall = datetime.combine(day, clock.replace(fold=0), tzinfo=zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a change that lies after ``before`` and not after ``after``, to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
