"""What a calendar says about an instant, by reading the wall clock and the pages of the calendar: slow, and not ours.

Nothing of the product is used but the models. A moment of the clocks that comes twice, or is skipped, is unclear here;
`unclear` says so.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
from dateutil.rrule import rrulestr
from dateutil.tz import datetime_ambiguous, gettz

from spec.calendars import WEEKDAYS, Holidays, Recurring, Season, Weekly

DAY = timedelta(days=1)


def closed(calendar, at):
    """Say whether a calendar closes an instant, by what the clocks show there."""
    wall = at.astimezone(ZoneInfo(calendar.time_zone)).replace(tzinfo=None)
    if calendar.maintenance and not any(in_week(each, wall) for each in calendar.maintenance):
        return True
    return any(covers(freeze, wall) for _, freeze in calendar.freezes)


def unclear(calendar, at):
    """Say whether the clocks show this time twice, or did so or skipped something in the hours around it."""
    zone = gettz(calendar.time_zone)
    walls = [(at + shift).astimezone(zone) for shift in (-3 * DAY / 24, 0 * DAY, 3 * DAY / 24)]
    return any(datetime_ambiguous(wall.replace(tzinfo=None), tz=zone) for wall in walls) or (
        len({wall.utcoffset() for wall in walls}) > 1
    )


def covers(freeze, wall):
    match freeze:
        case Weekly():
            return in_week(freeze, wall)
        case Season():
            return in_season(freeze, wall.date())
        case Recurring():
            day = datetime.combine(wall.date(), time())
            first, last = day - freeze.days_after * DAY, day + freeze.days_before * DAY
            rule = rrulestr(freeze.rule, dtstart=datetime(2020, 1, 1))  # noqa: DTZ001 - wall clocks
            return bool(rule.between(first, last, inc=True))
        case Holidays():
            days = holidays.country_holidays(freeze.country, years=(wall.year - 1, wall.year, wall.year + 1))
            around = range(-freeze.days_after, freeze.days_before + 1)
            return any(wall.date() + shift * DAY in days for shift in around)


def in_season(season, day):
    if len(season.starts) > len("11-20"):
        return season.starts <= day.isoformat() <= season.ends
    here = day.strftime("%m-%d")
    if season.starts <= season.ends:
        return season.starts <= here <= season.ends
    return here >= season.starts or here <= season.ends


def in_week(part, wall):
    minute = minute_of_week(f"{WEEKDAYS[wall.weekday()]} {wall:%H:%M}")
    starts, ends = minute_of_week(part.starts), minute_of_week(part.ends)
    return starts <= minute < ends if starts < ends else minute >= starts or minute < ends


def minute_of_week(moment):
    day, _, clock = moment.partition(" ")
    return WEEKDAYS.index(day) * 24 * 60 + int(clock[:2]) * 60 + int(clock[3:])
