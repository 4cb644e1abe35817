"""The calendars as sync windows of Argo CD, so that a frozen tenant is not moved past the release control either.

Argo CD reads a window as a cron schedule and a duration. A schedule has no year, its days of month and of week are
alternatives, and a duration is counted on the wall clocks of the window's time zone as they stand now. So every closure
time becomes a window of its own, dated, in UTC: what they cover is then the same however one reads them. They look less
than a year ahead, and are written anew by every run that writes the project.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from release.freezes import Timeline, merged, timeline
from spec.calendar_files import Calendar
from spec.naming import bounded
from spec.tenant import TenantSpec

WINDOW_HORIZON: Final = timedelta(days=240)
"""How far ahead windows are written. With the longest window it stays below a year, after which a date comes again."""
LONGEST_WINDOW: Final = timedelta(days=60)
EVERY_APPLICATION: Final = "*"

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """Tenants that may be synchronised by hand for a time, although their calendars are closed."""

    record: str
    """The id of the emergency."""
    tenants: frozenset[str]
    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class SyncWindow:
    """One entry of ``spec.syncWindows`` of an AppProject. It denies, also what runs when it begins.

    Argo CD 3.6.1 judges the start of a synchronisation by the one before it: with `syncOverrun` a freeze would let
    somebody's first one by hand through, because the last one was begun while it was open.
    """

    schedule: str
    """Minute, hour, day and month, in UTC."""
    duration: str
    """Hours and minutes, as Go writes them: 26h30m."""
    applications: tuple[str, ...]
    description: str
    manual_sync: bool = False
    """Whether people may synchronise by hand meanwhile: only under an emergency."""

    def manifest(self) -> dict[str, Any]:
        """Return it as an AppProject states it."""
        return {
            "kind": "deny",
            "schedule": self.schedule,
            "duration": self.duration,
            "timeZone": "UTC",
            "applications": list(self.applications),
            "manualSync": self.manual_sync,
            "syncOverrun": False,
            "description": self.description,
        }


def application_name(tenant_id: str) -> str:
    """Return the name of a tenant's Application: ``odoo-<id>``, bounded to 63 characters."""
    return bounded(f"odoo-{tenant_id}")


def sync_windows(
    tenants: Iterable[TenantSpec],
    calendars: Mapping[str, Calendar],
    at: datetime,
    exemptions: Sequence[Exemption] = (),
) -> tuple[SyncWindow, ...]:
    """Return the windows that name these tenants' Applications, from an instant on: a group of them for each calendar.

    The project of a calendar needs no names (`calendar_windows`), and tenants inherit it. These are for projects that
    do not inherit: a tenant's own, while an emergency is on record.

    Tenants under an exemption leave their calendar's group for one of their own, in which the time of the exemption is
    open to people. Its end is written into the windows: nobody has to remember it.

    Args:
        tenants: the tenants whose Applications are in the project.
        calendars: the calendars by their ids.
        at: the first instant.
        exemptions: what is open by way of emergency.

    """
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for tenant in tenants:
        if tenant.calendar is not None:
            records = tuple(
                sorted(each.record for each in exemptions if tenant.id in each.tenants and each.ends > at)
            )
            groups.setdefault((tenant.calendar, records), []).append(tenant.id)
    by_record = {each.record: each for each in exemptions}
    times = {
        name: timeline(calendars[name], at, WINDOW_HORIZON) for name in sorted({name for name, _ in groups})
    }
    return tuple(
        window
        for (name, records), members in sorted(groups.items())
        for window in _of_group(times[name], name, sorted(members), [by_record[each] for each in records])
    )


def calendar_windows(calendar: Calendar, at: datetime) -> tuple[SyncWindow, ...]:
    """Return the windows of a project that holds one calendar, from an instant on, for every Application under it."""
    return tuple(_windows(timeline(calendar, at, WINDOW_HORIZON), calendar.id, (EVERY_APPLICATION,), ()))


def _of_group(
    times: Timeline, calendar: str, members: Sequence[str], exempt: Sequence[Exemption]
) -> Iterator[SyncWindow]:
    yield from _windows(times, calendar, tuple(application_name(each) for each in members), exempt)


def _windows(
    times: Timeline, calendar: str, applications: tuple[str, ...], exempt: Sequence[Exemption]
) -> Iterator[SyncWindow]:
    for closed in merged((each.begins, each.ends) for each in times.closures):
        names = ", ".join(
            dict.fromkeys(each.name for each in times.closures if closed[0] <= each.begins < closed[1])
        )
        for begins, ends, record in _parts(closed, exempt):
            emergency = f"; open by hand under the emergency {record}" if record else ""
            for start, end in _pieces(begins, ends):
                yield SyncWindow(
                    schedule=f"{start.minute} {start.hour} {start.day} {start.month} *",
                    duration=_duration(end - start),
                    applications=applications,
                    description=f"{calendar}: {names}; {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC{emergency}",
                    manual_sync=bool(record),
                )


def _parts(
    closed: tuple[datetime, datetime], exempt: Sequence[Exemption]
) -> Iterator[tuple[datetime, datetime, str]]:
    """Cut a closed time where exemptions begin and end; each part with the exemption that it is under, or none."""
    cuts = {
        moment for each in exempt for moment in (each.begins, each.ends) if closed[0] < moment < closed[1]
    }
    for begins, ends in pairwise(sorted({*closed, *cuts})):
        record = next((each.record for each in exempt if each.begins <= begins and ends <= each.ends), "")
        yield begins, ends, record


def _pieces(begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    start, end = _whole_minute(begins), _whole_minute(ends + _MINUTE - timedelta(microseconds=1))
    while start < end:
        following = min(end, start + LONGEST_WINDOW)
        yield start, following
        start = following


def _whole_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _duration(length: timedelta) -> str:
    minutes = int(length / _MINUTE)
    hours, rest = divmod(minutes, 60)
    return "".join(part for part in (f"{hours}h" if hours else "", f"{rest}m" if rest else "") if part)
