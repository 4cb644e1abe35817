"""When a calendar lets a release start: closed times, the answer for an instant, and the next opening. Pure.

All instants are in UTC. A closure is half open: a release may start at the instant at which it ends.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from release.clocks import first_instant, last_instant
from spec.calendar_files import Calendar
from spec.calendars import LONGEST_FREEZE_DAYS, Freeze, Holidays, Recurring, Season, Weekly, week_moment
from spec.holidays import holidays_of
from spec.peaks import comes_every_year

HORIZON: Final = timedelta(days=400)
"""How far ahead anything is looked for: every freeze of the coming year."""

_MIDNIGHT: Final = time()
_DAY: Final = timedelta(days=1)
_MARGIN: Final = timedelta(days=LONGEST_FREEZE_DAYS + 2)
"""What overlaps a range began at most this long before it."""

Span = tuple[date, time, date, time]
"""Days and times on the wall clocks: from one, to another."""


@dataclass(frozen=True, kw_only=True, order=True)
class Closure:
    """A time in which no release may start, from ``begins`` until before ``ends``."""

    begins: datetime
    ends: datetime
    name: str
    """What people call it."""
    calendar: str
    """The id of the calendar that states it."""
    freeze: bool = True
    """False for the time between the maintenance windows of a calendar."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a release needs after its start."""

    change: timedelta = timedelta()
    """How long the change itself takes: it must be done before the calendar closes for any reason."""
    calm: timedelta = timedelta()
    """How long it is watched: no freeze may begin meanwhile, or it could not be taken back."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether a release may start at an instant; if not, until when and why."""

    may_start: bool
    until: datetime | None = None
    """The next instant at which one may; None also when there is none within the horizon."""
    why: tuple[Closure, ...] = ()
    """What closes the time until then, in order."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A time in which a release may start: from ``starts`` until ``latest``, both included."""

    starts: datetime
    latest: datetime


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The closures of a calendar (none without one) between two instants."""

    begins: datetime
    ends: datetime
    closures: tuple[Closure, ...] = ()

    def answer(self, at: datetime, room: Room | None = None) -> Answer:
        """Say whether a release may start at an instant, with what it needs after it."""
        opening = self.opening(at, room)
        if opening is not None and opening.starts == at:
            return Answer(may_start=True)
        until = None if opening is None else opening.starts
        return Answer(may_start=False, until=until, why=tuple(self._blocking(at, until or self.ends)))

    def opening(self, after: datetime, room: Room | None = None) -> Opening | None:
        """Return the first opening from an instant on; None when there is none before the timeline ends."""
        needed = room or Room()
        at = after
        while at + max(needed.change, needed.calm) <= self.ends:
            closed = _covering(self._merged, at)
            if closed is not None:
                at = closed
                continue
            limits = [
                (_next(self._frozen, at), needed.calm),
                (_next(self._merged, at), needed.change),
            ]
            latest = self.ends
            moved = at
            for following, length in limits:
                if following is None:
                    latest = min(latest, self.ends - length)
                elif following[0] - length < at:
                    moved = max(moved, following[1])
                else:
                    # At the very instant of a closure nothing may start, however short it is.
                    latest = min(latest, following[0] - max(length, timedelta(seconds=1)))
            if moved == at:
                return Opening(starts=at, latest=max(at, latest))
            at = moved
        return None

    def _blocking(self, at: datetime, until: datetime) -> Iterator[Closure]:
        seen: set[tuple[str, str]] = set()
        for closure in self.closures:
            key = (closure.calendar, closure.name)
            if closure.ends > at and closure.begins < until and key not in seen:
                seen.add(key)
                yield closure

    @cached_property
    def _merged(self) -> tuple[tuple[datetime, datetime], ...]:
        return merged((each.begins, each.ends) for each in self.closures)

    @cached_property
    def _frozen(self) -> tuple[tuple[datetime, datetime], ...]:
        return merged((each.begins, each.ends) for each in self.closures if each.freeze)


def timeline(calendar: Calendar | None, begins: datetime, horizon: timedelta = HORIZON) -> Timeline:
    """Return the closures of a calendar that overlap a range, in order.

    Args:
        calendar: the calendar; None never closes.
        begins: the first instant of the range.
        horizon: how long the range is.

    """
    start = begins.astimezone(UTC)
    ends = start + horizon
    if calendar is None:
        return Timeline(begins=start, ends=ends)
    zone = ZoneInfo(calendar.time_zone)
    first, last = (start - _MARGIN).astimezone(zone).date(), (ends + _DAY).astimezone(zone).date()
    found: set[Closure] = set()
    for origin, freeze in calendar.freezes:
        for span in _spans(freeze, first, last):
            found.add(_closure(span, zone, freeze.name, origin))
    found.update(_outside_maintenance(calendar, zone, start, ends))
    whole = (each for each in found if each.begins < each.ends)
    return Timeline(
        begins=start,
        ends=ends,
        closures=tuple(sorted(each for each in whole if each.ends > start and each.begins < ends)),
    )


def merged(spans: Iterable[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    """Return spans as few as possible, in order: what overlaps or touches becomes one."""
    result: list[tuple[datetime, datetime]] = []
    for begins, ends in sorted(spans):
        if result and begins <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], ends))
        else:
            result.append((begins, ends))
    return tuple(result)


def _closure(span: Span, zone: ZoneInfo, name: str, origin: str) -> Closure:
    first, opens, last, closes = span
    return Closure(
        begins=first_instant(first, opens, zone),
        ends=last_instant(last, closes, zone),
        name=name,
        calendar=origin,
    )


def _spans(freeze: Freeze, first: date, last: date) -> Iterator[Span]:
    """Yield the parts of the wall clocks that a freeze covers and that begin between two days."""
    match freeze:
        case Season():
            days = _season(freeze, first, last)
        case Weekly():
            yield from _weeks(freeze.starts, freeze.ends, first, last)
            return
        case Recurring() | Holidays():
            before, after = freeze.days_before * _DAY, freeze.days_after * _DAY
            days = ((day - before, day + after) for day in _found(freeze, first, last + before))
    for start, end in days:
        yield start, _MIDNIGHT, end + _DAY, _MIDNIGHT


def _found(freeze: Recurring | Holidays, first: date, last: date) -> Iterator[date]:
    if isinstance(freeze, Recurring):
        begin = datetime.combine(date(first.year, 1, 1), _MIDNIGHT)
        rule = rrulestr(freeze.rule, dtstart=begin)
        for found in rule.between(
            datetime.combine(first, _MIDNIGHT), datetime.combine(last, _MIDNIGHT), inc=True
        ):
            yield found.date()
        return
    for year in range(first.year, last.year + 1):
        for day, names in holidays_of(freeze.country, freeze.subdivision, year).items():
            if first <= day <= last and (not freeze.only or not set(names).isdisjoint(freeze.only)):
                yield day


def _season(season: Season, first: date, last: date) -> Iterator[tuple[date, date]]:
    if not comes_every_year(season.starts):
        yield date.fromisoformat(season.starts), date.fromisoformat(season.ends)
        return
    over_new_year = season.ends < season.starts
    for year in range(first.year - 1, last.year + 1):
        start = _day_of(year, season.starts, last=False)
        end = _day_of(year + over_new_year, season.ends, last=True)
        if start <= end:
            yield start, end


def _day_of(year: int, day: str, *, last: bool) -> date:
    """Return a day of a year; for 29 February of a common year the day after it, or as a last day the one before."""
    try:
        return date.fromisoformat(f"{year:04}-{day}")
    except ValueError:
        return date(year, 2, 28) if last else date(year, 3, 1)


def _weeks(starts: str, ends: str, first: date, last: date) -> Iterator[Span]:
    (weekday, opens), (other, closes) = week_moment(starts), week_moment(ends)
    days = (other - weekday) % 7
    if days == 0 and closes <= opens:
        days = 7
    day = first - _DAY * ((first.weekday() - weekday) % 7)
    while day <= last:
        yield day, opens, day + days * _DAY, closes
        day += 7 * _DAY


def _outside_maintenance(
    calendar: Calendar, zone: ZoneInfo, start: datetime, ends: datetime
) -> Iterator[Closure]:
    if not calendar.maintenance:
        return
    first, last = (start - 8 * _DAY).astimezone(zone).date(), (ends + 8 * _DAY).astimezone(zone).date()
    # The other way round than a freeze: in doubt, a window is short.
    windows = [
        (last_instant(day, opens, zone), first_instant(end, closes, zone))
        for window in calendar.maintenance
        for day, opens, end, closes in _weeks(window.starts, window.ends, first, last)
    ]
    usable = merged((opens, closes) for opens, closes in windows if opens < closes)
    for (_, closes), (opens, _) in pairwise(usable):
        yield Closure(
            begins=closes,
            ends=opens,
            name="outside the maintenance windows",
            calendar=calendar.id,
            freeze=False,
        )


def _covering(spans: tuple[tuple[datetime, datetime], ...], at: datetime) -> datetime | None:
    """Return the end of the span that covers an instant."""
    place = bisect_right(spans, at, key=lambda span: span[0]) - 1
    return spans[place][1] if place >= 0 and at < spans[place][1] else None


def _next(spans: tuple[tuple[datetime, datetime], ...], at: datetime) -> tuple[datetime, datetime] | None:
    """Return the first span that begins after an instant."""
    place = bisect_right(spans, at, key=lambda span: span[0])
    return spans[place] if place < len(spans) else None
