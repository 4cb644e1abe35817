"""When a release may start: the closures of any calendar in any zone, against a reading of the wall clock."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from release.clocks import first_instant, last_instant
from release.freezes import Room, timeline
from spec.calendar_files import Calendar, load_calendars
from spec.calendars import MaintenanceWindow, Season, Weekly
from tests.release import wall
from tests.release.samples import ZONES, calendars, instants

pytestmark = pytest.mark.unit

HOUR = timedelta(hours=1)
WEEKS = timedelta(days=45)


def calendar(*freezes, zone="Europe/Paris", maintenance=()):
    return Calendar(
        id="test",
        title="Test",
        owner="owner@corner.example",
        time_zone=zone,
        freezes=tuple(("test", each) for each in freezes),
        maintenance=maintenance,
    )


def season(starts, ends, name="Peak"):
    return Season(kind="season", name=name, starts=starts, ends=ends)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(calendars(), instants, st.lists(st.integers(0, 40 * 24 * 60), min_size=5, max_size=10))
def test_what_is_closed_is_what_the_wall_clock_says(some, start, minutes):
    times = timeline(some, start, WEEKS)
    moments = [start + timedelta(minutes=each) for each in minutes]
    moments += [
        edge + shift
        for each in times.closures
        for edge in (each.begins, each.ends)
        for shift in (-timedelta(seconds=1), timedelta())
    ]
    for at in moments:
        if not start <= at < times.ends:
            continue
        ours, theirs = not times.answer(at).may_start, wall.closed(some, at)
        if wall.unclear(some, at):
            assert ours or not theirs, (
                f"{at} is closed on the wall and open here: a release would start in a freeze"
            )
        else:
            assert ours == theirs, (
                f"{at} is {'closed' if ours else 'open'} here, and the wall clock says otherwise"
            )


@settings(max_examples=60, deadline=None)
@given(calendars(), instants, st.integers(0, 48), st.integers(0, 6))
def test_an_opening_is_the_first_moment_with_room_and_stays_open_that_long(some, start, calm, change):
    room = Room(change=change * HOUR / 2, calm=calm * HOUR)
    times = timeline(some, start, WEEKS)
    opening = times.opening(start, room)
    probes = [start + each * HOUR / 4 for each in range(0, 40 * 96, 61)]
    if opening is None:
        for at in probes:
            assert not times.answer(at, room).may_start, "an opening was overlooked"
        return
    for at in probes:
        if at < opening.starts:
            assert not times.answer(at, room).may_start, f"{at} is open and comes before the first opening"
    for begin in (opening.starts, opening.latest):
        for each in times.closures:
            assert not each.begins <= begin < each.ends, "the opening is closed"
            assert not begin < each.begins < begin + room.change, "the change would not be done in time"
            if each.freeze:
                assert not begin < each.begins < begin + room.calm, (
                    "it could not be taken back while it is watched"
                )


@settings(max_examples=60, deadline=None)
@given(calendars(), instants)
def test_an_answer_says_until_when_and_why(some, start):
    times = timeline(some, start, WEEKS)
    answer = times.answer(start)
    if answer.may_start:
        assert answer.why == ()
        return
    assert answer.why, "nobody would know what closes it"
    if answer.until is not None:
        assert times.answer(answer.until).may_start, "the answer names a moment that is closed too"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(2011, 1, 1), date(2035, 12, 31)), st.times())
@example("Europe/Paris", date(2026, 3, 29), time(2, 30))
@example("Europe/Paris", date(2026, 10, 25), time(2, 30))
@example("Pacific/Apia", date(2011, 12, 30), time(12, 0))
@example("America/Santiago", date(2026, 9, 6), time(0, 0))
def test_a_time_of_the_clocks_is_between_its_first_and_its_last_instant(zone_name, day, clock):
    zone, clock = ZoneInfo(zone_name), clock.replace(microsecond=0, fold=0)
    shown = datetime.combine(day, clock)
    first, last = first_instant(day, clock, zone), last_instant(day, clock, zone)
    assert first <= last

    def reads(at):
        return at.astimezone(zone).replace(tzinfo=None)

    assert reads(first) >= shown, "a freeze would begin too early"
    assert reads(first - timedelta(seconds=1)) < shown, "a freeze would begin too late"
    assert reads(last) >= shown, "a freeze would end too early"


def test_a_freeze_over_the_change_of_the_clocks_begins_and_ends_where_people_read_it():
    winter = timeline(calendar(season("2026-10-25", "2026-10-25")), utc("2026-10-20"), WEEKS)
    assert [(each.begins, each.ends) for each in winter.closures] == [
        (utc("2026-10-24T22:00"), utc("2026-10-25T23:00"))
    ]
    summer = timeline(calendar(season("2026-03-29", "2026-03-29")), utc("2026-03-20"), WEEKS)
    assert [(each.begins, each.ends) for each in summer.closures] == [
        (utc("2026-03-28T23:00"), utc("2026-03-29T22:00"))
    ]


def test_a_maintenance_window_in_the_hour_that_is_skipped_is_short_and_in_the_hour_that_comes_twice_too():
    night = (MaintenanceWindow(name="Night", starts="sunday 02:00", ends="sunday 05:00"),)
    some = calendar(zone="Europe/Berlin", maintenance=night)
    spring = timeline(some, utc("2026-03-28"), WEEKS).opening(
        utc("2026-03-28"), Room(change=timedelta(minutes=1))
    )
    assert (spring.starts, spring.latest) == (utc("2026-03-29T01:00"), utc("2026-03-29T02:59"))
    autumn = timeline(some, utc("2026-10-24"), WEEKS).opening(
        utc("2026-10-24"), Room(change=timedelta(minutes=1))
    )
    assert (autumn.starts, autumn.latest) == (utc("2026-10-25T01:00"), utc("2026-10-25T03:59"))


def test_black_friday_is_found_in_every_year():
    for year, day in ((2024, 29), (2025, 28), (2026, 27), (2027, 26), (2028, 24)):
        peaks = _examples()["retail-peaks"]
        times = timeline(peaks, datetime(year, 11, 10, tzinfo=UTC), timedelta(days=25))
        (week,) = [each for each in times.closures if each.name == "Black Week"]
        friday = datetime(year, 11, day, 12, tzinfo=ZoneInfo("Europe/Paris"))
        assert week.begins == (friday - 4 * timedelta(days=1)).replace(hour=0), "the Monday before"
        assert week.ends == (friday + 4 * timedelta(days=1)).replace(hour=0), "after Cyber Monday"


def test_the_same_freeze_begins_an_hour_later_on_the_canary_islands():
    madrid, islands = (
        timeline(_examples()[name], utc("2026-11-10"), WEEKS) for name in ("spain", "canary-islands")
    )
    begins = [
        next(each.begins for each in times.closures if each.name == "Black Week")
        for times in (madrid, islands)
    ]
    assert begins[1] - begins[0] == HOUR


def test_what_is_extended_names_the_calendar_that_states_it():
    closures = timeline(_examples()["france"], utc("2026-11-26"), WEEKS).closures
    assert {each.calendar for each in closures} == {"france", "retail-peaks", "working-week"}


def test_a_release_does_not_start_so_late_that_it_could_not_be_taken_back():
    weekend = Weekly(kind="weekly", name="Weekend", starts="friday 14:00", ends="monday 08:00")
    times = timeline(calendar(weekend, zone="UTC"), utc("2026-12-03"), WEEKS)
    assert times.answer(utc("2026-12-03T14:00"), Room(calm=24 * HOUR)).may_start
    late = times.answer(utc("2026-12-03T14:01"), Room(calm=24 * HOUR))
    assert (late.may_start, late.until) == (False, utc("2026-12-07T08:00"))
    assert [each.name for each in late.why] == ["Weekend"], (
        "nobody would know why a quiet Thursday is refused"
    )


def test_a_calendar_that_never_opens_gives_no_opening():
    always = Weekly(kind="weekly", name="A", starts="monday 00:00", ends="monday 00:01")
    rest = Weekly(kind="weekly", name="B", starts="monday 00:01", ends="monday 00:00")
    times = timeline(calendar(always, rest), utc("2026-01-01"))
    assert times.opening(utc("2026-01-01")) is None
    answer = times.answer(utc("2026-01-01"))
    assert (answer.may_start, answer.until) == (False, None)


def test_a_tenant_without_a_calendar_is_never_frozen():
    assert timeline(None, utc("2026-11-27")).answer(utc("2026-11-27")).may_start


def test_the_twenty_ninth_of_february_is_a_season_in_leap_years_alone():
    times = timeline(calendar(season("02-29", "02-29"), zone="UTC"), utc("2027-01-01"), timedelta(days=500))
    assert [each.begins.date() for each in times.closures] == [date(2028, 2, 29)]


def _examples():
    return load_calendars(Path(__file__).parents[2])
