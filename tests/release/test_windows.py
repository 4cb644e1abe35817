"""Sync windows cover exactly what the calendars close: judged by a cron library, in two readings of the clock."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from release.freezes import merged, timeline
from release.windows import LONGEST_WINDOW, WINDOW_HORIZON, Exemption, sync_windows
from spec.calendar_files import load_calendars
from tests.release.samples import calendars, instants

pytestmark = pytest.mark.unit

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def tenant(name, calendar="random"):
    return SimpleNamespace(id=name, calendar=calendar)


def length(text):
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", text)
    assert text, "Go cannot read an empty duration"
    assert found, f"Go cannot read the duration {text!r}"
    return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0))


def denies_as_written(window, at):
    """The plain reading: a window lasts so many hours from each moment that its schedule names in its zone."""
    zone = ZoneInfo(window["timeZone"])
    started = croniter(window["schedule"], (at + SECOND).astimezone(zone)).get_prev(datetime)
    return started <= at < started + length(window["duration"])


def denies_in_argo(window, at):
    """Argo CD's reading: the clock of the zone, as it stands now, taken for UTC, and the next start after then."""
    wall = at.astimezone(ZoneInfo(window["timeZone"])).replace(tzinfo=UTC)
    following = croniter(window["schedule"], wall - length(window["duration"])).get_next(datetime)
    # It leaves out the very instant of the start; so does the moment after it, here.
    return following <= wall


@settings(max_examples=30, deadline=None)
@given(calendars(), instants, st.lists(st.integers(0, 239 * 24 * 60), min_size=3, max_size=8))
def test_windows_deny_exactly_what_the_calendar_closes(some, start, minutes):
    times = timeline(some, start, WINDOW_HORIZON)
    windows = [each.manifest() for each in sync_windows([tenant("a")], {"random": some}, start)]
    edges = [edge for each in times.closures for edge in (each.begins, each.ends)]
    edges = edges[:: max(1, len(edges) // 10)]
    moments = [start + timedelta(minutes=each) for each in minutes]
    moments += [edge + shift for edge in edges for shift in (-SECOND, timedelta(), SECOND)]
    for at in moments:
        if not start <= at < times.ends:
            continue
        closed = not times.answer(at).may_start
        for reading in (denies_as_written, denies_in_argo):
            denied = any(reading(window, at) for window in windows)
            assert denied == closed, (
                f"{reading.__name__}: {at} is {'closed' if closed else 'open'} in the calendar"
            )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["one", "two", None])),
        max_size=20,
        unique_by=lambda t: t[0],
    ),
    calendars("one"),
    calendars("two"),
    instants,
)
def test_windows_are_grouped_by_calendar_and_every_tenant_is_in_those_of_its_own(fleet, one, two, start):
    tenants = [tenant(*each) for each in fleet]
    windows = sync_windows(tenants, {"one": one, "two": two}, start)
    groups = {each.applications for each in windows}
    assert len(groups) <= 2, "there would be windows for single tenants"
    for name, calendar in fleet:
        mine = [each for each in windows if f"odoo-{name}" in each.applications]
        assert all(each.description.startswith(f"{calendar}: ") for each in mine), (
            "a tenant is under a foreign calendar"
        )
        if calendar is None:
            assert not mine


def test_the_number_of_windows_does_not_grow_with_the_tenants(france, start):
    one = sync_windows([tenant("a", "france")], france, start)
    many = sync_windows([tenant(f"t{number}", "france") for number in range(40)], france, start)
    assert len(one) == len(many)


def test_a_window_is_dated_so_near_that_its_date_does_not_come_twice(france, start):
    for each in sync_windows([tenant("a", "france")], france, start):
        assert length(each.duration) <= LONGEST_WINDOW
    assert timedelta(days=365) > WINDOW_HORIZON + LONGEST_WINDOW


def test_a_window_is_what_an_app_project_states(france, start):
    first = sync_windows([tenant("a", "france")], france, start)[0].manifest()
    assert first == {
        "kind": "deny",
        "schedule": "0 23 22 11 *",
        "duration": "192h",
        "timeZone": "UTC",
        "applications": ["odoo-a"],
        "manualSync": False,
        "syncOverrun": False,
        "description": "france: Black Week, Weekend; 2026-11-22 23:00 to 2026-11-30 23:00 UTC",
    }


@settings(max_examples=20, deadline=None)
@given(calendars(), instants, st.integers(0, 200), st.integers(1, 24))
def test_an_emergency_opens_its_tenants_to_people_and_closes_by_itself(some, start, after, hours):
    begins = start + after * HOUR
    emergency = Exemption(record="e-1", tenants=frozenset({"a"}), begins=begins, ends=begins + hours * HOUR)
    windows = sync_windows([tenant("a"), tenant("b")], {"random": some}, start, [emergency])
    closed = merged((each.begins, each.ends) for each in timeline(some, start, WINDOW_HORIZON).closures)
    for at in {begins - SECOND, begins, begins + HOUR / 2, emergency.ends - SECOND, emergency.ends}:
        if at < start:
            continue
        is_closed = any(first <= at < last for first, last in closed)
        for name in "ab":
            mine = [
                each
                for each in windows
                if f"odoo-{name}" in each.applications and denies_as_written(each.manifest(), at)
            ]
            assert bool(mine) == is_closed, "an emergency changed for whom machines are stopped"
            by_hand = bool(mine) and all(each.manual_sync for each in mine)
            expected = is_closed and name == "a" and begins <= at < emergency.ends
            assert by_hand == expected, "an emergency is open for the wrong tenant, or at the wrong time"


def test_an_emergency_that_is_over_leaves_the_windows_as_they_were(france, start):
    over = Exemption(record="e-1", tenants=frozenset({"a"}), begins=start - 5 * HOUR, ends=start - HOUR)
    tenants = [tenant("a", "france"), tenant("b", "france")]
    assert sync_windows(tenants, france, start, [over]) == sync_windows(tenants, france, start)


@pytest.fixture
def start():
    return datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture(scope="module")
def france():
    return load_calendars(Path(__file__).parents[2])
