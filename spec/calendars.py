"""A calendar, as its file states it: when no release may start, and in which windows one may.

Its days and hours are those of the wall clocks in its time zone. A freeze begins with its first day and ends with its
last; where clocks are changed, it lasts an hour more or less and its ends stay where people read them.
"""

import re
from datetime import datetime, time
from typing import Annotated, Final, Literal, Self

from dateutil.rrule import rrulestr
from pydantic import AfterValidator, Field, model_validator

from spec.holidays import refuse_unknown
from spec.model import SpecModel
from spec.peaks import PeakDay, season_days
from spec.problems import either, printable, refusal, suggestion
from spec.vocabulary import CountryCode, Email, Slug, TimeZone, Title

LONGEST_FREEZE_DAYS: Final = 120
"""A tenant that is frozen for longer than a season does not get the corrections of the season before."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MOMENT: Final = re.compile(r"(?P<day>\w+) (?P<clock>[0-2][0-9]:[0-5][0-9])\Z")
_MOMENT_ALLOWED: Final = "a weekday and a time, such as friday 15:00"


def _moment(text: str) -> str:
    found = _MOMENT.match(text)
    if found is None:
        raise refusal("is not a moment of a week", allowed=_MOMENT_ALLOWED)
    if found["day"] not in WEEKDAYS:
        fix = suggestion(found["day"], WEEKDAYS)
        raise refusal("does not begin with a weekday", allowed=f"{either(WEEKDAYS)}, and a time", fix=fix)
    try:
        time.fromisoformat(found["clock"])
    except ValueError:
        raise refusal("does not end in a time of day", allowed=_MOMENT_ALLOWED) from None
    return text


WeekMoment = Annotated[str, AfterValidator(_moment)]
"""A weekday and a time of day on the wall clocks, such as ``friday 15:00``."""


def week_moment(text: WeekMoment) -> tuple[int, time]:
    """Return the weekday (0 is Monday) and the time of a moment."""
    day, _, clock = text.partition(" ")
    return WEEKDAYS.index(day), time.fromisoformat(clock)


_SEVERAL_A_DAY: Final = ("HOURLY", "MINUTELY", "SECONDLY", "BYHOUR", "BYMINUTE", "BYSECOND")
_RULE_ALLOWED: Final = "a rule of days (RFC 5545), such as FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"
_READ_IN: Final = (2000, 2003, 2005)
"""Years that begin on different weekdays: a rule must find the same days in whichever of them it is read."""


def _rule(text: str) -> str:
    if not text.isascii() or not text.isprintable() or any(word in text.upper() for word in _SEVERAL_A_DAY):
        raise refusal("is not a rule of days", allowed=_RULE_ALLOWED)
    try:
        found = [_days_of(text, year) for year in _READ_IN]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = printable(str(error)[:80]).strip("'\"")
        message = f"is not a rule of days: {said}" if said else "is not a rule of days"
        raise refusal(message, allowed=_RULE_ALLOWED) from None
    if any(days != found[0] for days in found):
        message = "finds other days when it is read in another year"
        fix = "state the weekday or the day of the month (BYDAY, BYMONTHDAY), without COUNT and INTERVAL"
        raise refusal(message, allowed=_RULE_ALLOWED, fix=fix)
    if not found[0]:
        raise refusal("finds no day", allowed=_RULE_ALLOWED)
    return text


def _days_of(text: str, year: int) -> list[datetime]:
    """Return the days that a rule finds in some years, when it is read in a given one."""
    rule = rrulestr(text, dtstart=datetime(year, 1, 1))  # noqa: DTZ001 - days of wall clocks
    return rule.between(datetime(2023, 12, 31), datetime(2028, 1, 1))  # noqa: DTZ001


DayRule = Annotated[str, AfterValidator(_rule)]
Margin = Annotated[int, Field(strict=True, ge=0, le=60)]


class Season(SpecModel):
    """From one day to another, every year or once."""

    kind: Literal["season"]
    """season: from one day to another."""
    name: Title
    """What people call it, such as Soldes d'hiver."""
    starts: PeakDay
    """First day: 01-08 for every year, 2027-01-08 for once."""
    ends: PeakDay
    """Last day, written in the same way. A yearly season may run over New Year."""

    @model_validator(mode="after")
    def _is_a_season(self) -> Self:
        _refuse_long(season_days(self.starts, self.ends))
        return self


class Recurring(SpecModel):
    """Around a day that a rule finds, such as the Friday after the fourth Thursday of November."""

    kind: Literal["recurring"]
    """recurring: around each day that a rule finds."""
    name: Title
    """What people call it, such as Black Friday."""
    rule: DayRule
    """The day, as a recurrence rule of RFC 5545: FREQ=YEARLY;BYMONTH=11;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29."""
    days_before: Margin = 0
    """How many days before it the freeze begins."""
    days_after: Margin = 0
    """How many days after it the freeze ends."""

    @model_validator(mode="after")
    def _is_a_season(self) -> Self:
        _refuse_long(self.days_before + 1 + self.days_after)
        return self


class Holidays(SpecModel):
    """The public holidays of a country."""

    kind: Literal["holidays"]
    """holidays: the public holidays of a country."""
    name: Title
    """What people call them, such as public holidays."""
    country: CountryCode
    """The country: two letters of ISO 3166-1."""
    subdivision: Annotated[str, Field(max_length=20)] | None = None
    """A part of the country with holidays of its own, such as BY for Bavaria."""
    only: Annotated[tuple[Title, ...], Field(max_length=50)] = ()
    """Names of single holidays in English; all of them unless stated."""
    days_before: Margin = 0
    """How many days before each the freeze begins."""
    days_after: Margin = 0
    """How many days after each the freeze ends."""

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        refuse_unknown(self.country, self.subdivision, self.only)
        return self


class Weekly(SpecModel):
    """A part of every week."""

    kind: Literal["weekly"]
    """weekly: a part of every week."""
    name: Title
    """What people call it, such as Weekend."""
    starts: WeekMoment
    """A weekday and a time, such as friday 15:00."""
    ends: WeekMoment
    """The weekday and the time of its end, in the same week or the next."""

    @model_validator(mode="after")
    def _is_part_of_a_week(self) -> Self:
        _refuse_whole_week(self.starts, self.ends)
        return self


Freeze = Annotated[Season | Recurring | Holidays | Weekly, Field(discriminator="kind")]


class MaintenanceWindow(SpecModel):
    """A part of every week in which a release may start. Outside of a calendar's windows none may."""

    name: Title
    """What people call it."""
    starts: WeekMoment
    """A weekday and a time, such as sunday 02:00."""
    ends: WeekMoment
    """The weekday and the time of its end."""

    @model_validator(mode="after")
    def _is_part_of_a_week(self) -> Self:
        _refuse_whole_week(self.starts, self.ends)
        return self


class CalendarFile(SpecModel):
    """What ``calendars/<id>.yaml`` contains. The calendar's id is the name of the file."""

    title: Title
    """Whom it is for, in a few words."""
    owner: Email
    """Who decides about its days."""
    time_zone: TimeZone
    """Whose clocks its days and hours are read on, such as Europe/Paris."""
    extends: Annotated[tuple[Slug, ...], Field(max_length=10)] = ()
    """Calendars whose freezes hold here too, on the clocks of this one. Their maintenance windows do not."""
    freezes: Annotated[tuple[Freeze, ...], Field(max_length=100)] = ()
    """When no release may start."""
    maintenance: Annotated[tuple[MaintenanceWindow, ...], Field(max_length=20)] = ()
    """The only times at which a release may start, where there are any."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.freezes or self.maintenance or self.extends):
            raise refusal("says nothing about when a release may start", fix="add a line freezes: ...")
        for field in ("freezes", "maintenance"):
            names = [each.name for each in getattr(self, field)]
            for place, name in enumerate(names):
                if name in names[:place]:
                    at = (field, place, "name")
                    raise refusal(
                        f"{printable(name)} stands twice in the list", at=at, fix="name one of them otherwise"
                    )
        return self


class CalendarSpec(CalendarFile):
    """A calendar: its file's content and its id."""

    id: Slug
    """The name of the calendar's file, without ``.yaml``."""


def _refuse_long(days: int) -> None:
    if days > LONGEST_FREEZE_DAYS:
        message = f"lasts {days} days"
        fix = "freeze the weeks that matter: a tenant that never gets a release gets no correction either"
        raise refusal(message, allowed=f"at most {LONGEST_FREEZE_DAYS} days", fix=fix)


def _refuse_whole_week(starts: str, ends: str) -> None:
    if starts == ends:
        raise refusal("ends at the moment at which it starts", at=("ends",), allowed=_MOMENT_ALLOWED)
