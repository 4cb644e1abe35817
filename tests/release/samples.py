"""Calendars and fleets at random, and the small ones that tests name."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from spec.calendar_files import Calendar
from spec.calendars import WEEKDAYS, Holidays, MaintenanceWindow, Recurring, Season, Weekly

ZONES = (
    "Europe/Paris", "Europe/London", "Europe/Dublin", "Atlantic/Canary", "Europe/Helsinki", "UTC",
    "America/New_York", "America/Santiago", "America/St_Johns", "Africa/Casablanca", "Africa/Cairo", "Asia/Beirut",
    "Asia/Gaza", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Antarctica/Troll",
)  # fmt: skip
"""Zones whose clocks are changed at midnight, by half an hour, by two hours, backwards, and not at all."""

RULES = (
    "FREQ=YEARLY;BYMONTH=11;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
    "FREQ=MONTHLY;BYDAY=1MO",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=YEARLY;BYEASTER=-2",
)

instants = st.integers(0, 6 * 366 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
_names = st.sampled_from(["Peak", "Sales", "Stocktaking"])
_moments = st.builds(
    lambda day, hour, minute: f"{day} {hour:02}:{minute:02}",
    st.sampled_from(WEEKDAYS),
    st.integers(0, 23),
    st.sampled_from([0, 15, 30, 59]),
)
_pairs = st.tuples(_moments, _moments).filter(lambda pair: pair[0] != pair[1])
_margins = st.integers(0, 9)


@st.composite
def seasons(draw):
    first = draw(st.dates(date(2024, 1, 1), date(2029, 12, 31)))
    last = first + timedelta(days=draw(st.integers(0, 60)))
    shape = "%m-%d" if draw(st.booleans()) else "%Y-%m-%d"
    return Season(kind="season", name=draw(_names), starts=first.strftime(shape), ends=last.strftime(shape))


freezes = st.one_of(
    seasons(),
    st.builds(
        Recurring,
        kind=st.just("recurring"),
        name=_names,
        rule=st.sampled_from(RULES),
        days_before=_margins,
        days_after=_margins,
    ),
    st.builds(
        Holidays,
        kind=st.just("holidays"),
        name=_names,
        country=st.sampled_from(["FR", "DE", "ES"]),
        days_before=_margins,
        days_after=_margins,
    ),
    _pairs.map(lambda pair: Weekly(kind="weekly", name="Weekend", starts=pair[0], ends=pair[1])),
)
windows = _pairs.map(lambda pair: MaintenanceWindow(name="Night", starts=pair[0], ends=pair[1]))


@st.composite
def calendars(draw, name="random"):
    return Calendar(
        id=name,
        title="At random",
        owner="owner@corner.example",
        time_zone=draw(st.sampled_from(ZONES)),
        freezes=tuple((name, freeze) for freeze in draw(st.lists(freezes, max_size=4))),
        maintenance=tuple(draw(st.lists(windows, max_size=2))),
    )
