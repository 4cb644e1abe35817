"""Plans: over random fleets and calendars, and the two stories of the examples."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from release.freezes import HORIZON, Room, timeline
from release.plan import plan_of
from release.planner import end_of, plan_release
from release.pointers import pointer_for
from release.rings import CHANGE, GATHERING, PATIENCE, RINGS
from spec.fleet import load_fleet
from spec.problems import SpecError
from spec.releases import Migration
from spec.vocabulary import Criticality, TenantState
from tests.release.fleets import BEGINS, fleet, fleets, release, tenant

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
ORDER = [each.value for each in Criticality]
SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def planned(tenants, calendars=None, begins=BEGINS, pointers=None, **changes):
    return plan_release(fleet(tenants, calendars), release(**changes), pointers or {}, begins)


def room(wave, migration="none"):
    return Room(change=CHANGE[Migration(migration)], calm=timedelta(hours=wave.soak_hours))


@SLOW
@given(fleets(), st.sampled_from(["none", "additive", "breaking"]))
def test_every_tenant_is_in_exactly_one_wave(some, migration):
    tenants, calendars = some
    plan = planned(tenants, calendars, migration=migration, rollback="restore")
    placed = [each for wave in plan.waves for each in wave.ids]
    assert sorted(placed) == sorted(each.id for each in tenants), (
        "somebody would be forgotten, or moved twice"
    )
    assert [wave.number for wave in plan.waves] == list(range(1, len(plan.waves) + 1))


@SLOW
@given(fleets())
def test_no_tenant_starts_in_a_freeze_or_just_before_one(some):
    tenants, calendars = some
    facts = {each.id: each for each in tenants}
    for wave in planned(tenants, calendars).waves:
        for name in wave.ids:
            times = timeline(calendars.get(facts[name].calendar), BEGINS, HORIZON)
            for at in (wave.starts, wave.latest):
                assert times.answer(at, room(wave)).may_start, (
                    f"{name} would start in a freeze, or not come back before it"
                )


@SLOW
@given(fleets())
def test_waves_follow_one_another_and_the_finish_is_after_every_soak(some):
    plan = planned(*some)
    for earlier, later in zip(plan.waves, plan.waves[1:], strict=False):
        assert later.starts >= end_of(earlier), "a wave would start while the one before it is still watched"
    assert all(plan.finish >= end_of(wave) for wave in plan.waves)
    assert all(wave.starts >= plan.begins for wave in plan.waves)


@SLOW
@given(fleets())
def test_rings_come_in_order_and_criticality_ascends_in_them(some):
    plan = planned(*some)
    main = [
        (wave.ring, ORDER.index(each.criticality))
        for wave in plan.waves
        if not wave.late
        for each in wave.tenants
    ]
    assert main == sorted(main), "a shop that costs more would meet the release before one that costs less"
    guarded = [wave.number for wave in plan.waves if wave.ring == 3]
    open_rings = [wave.number for wave in plan.waves if wave.ring < 3]
    assert not guarded or not open_rings or min(guarded) > max(open_rings), (
        "the guarded ring is promised to be last"
    )


@SLOW
@given(fleets())
def test_every_ring_is_tried_by_somebody_before_the_next_begins(some):
    tenants, calendars = some
    plan = planned(tenants, calendars)
    for ring in {int(each.ring) for each in tenants}:
        first = min(wave.number for wave in plan.waves if wave.ring == ring)
        main_later = [wave.number for wave in plan.waves if wave.ring > ring and not wave.late]
        assert not main_later or first < min(main_later), "a ring would be skipped"


@SLOW
@given(fleets())
def test_only_who_was_closed_at_its_turn_is_late(some):
    tenants, calendars = some
    facts = {each.id: each for each in tenants}
    plan = planned(tenants, calendars)
    for wave in plan.waves:
        for each in wave.tenants if wave.late else ():
            ends = [end_of(one) for one in plan.waves if not one.late and one.number < wave.number]
            times = timeline(calendars.get(facts[each.tenant].calendar), BEGINS, HORIZON)
            openings = [(turn, times.opening(turn, room(wave))) for turn in (BEGINS, *ends)]
            assert any(opening.starts > turn + PATIENCE for turn, opening in openings), (
                f"{each.tenant} is late although it was open whenever it could have been its turn"
            )


@SLOW
@given(
    fleets(most=10),
    st.integers(0, 3),
    st.sampled_from(ORDER),
    st.integers(0, 3),
    st.sampled_from(["a", "t05x", "zz"]),
)
def test_a_new_tenant_changes_no_wave_before_its_own(some, ring, criticality, place, name):
    tenants, calendars = some
    calendar = [None, *calendars][min(place, len(calendars))]
    newcomer = tenant(name, ring=ring, criticality=criticality, calendar=calendar)
    before, after = planned(tenants, calendars), planned([*tenants, newcomer], calendars)
    own = next(wave.number for wave in after.waves if name in wave.ids)
    unchanged = [(wave.starts, wave.ids) for wave in after.waves if wave.number < own]
    assert unchanged == [(wave.starts, wave.ids) for wave in before.waves[: own - 1]], (
        "others were moved by a newcomer"
    )


@SLOW
@given(fleets())
def test_no_wave_is_larger_than_its_ring_allows(some):
    tenants, calendars = some
    for migration, part in (("none", 1), ("additive", 2)):
        earlier = dict.fromkeys(RINGS, 0)
        for wave in planned(tenants, calendars, migration=migration).waves:
            first = max(1, RINGS[wave.ring].most // part)
            assert 1 <= len(wave.ids) <= first * 2 ** earlier[wave.ring], "too many would meet it at once"
            earlier[wave.ring] += 1


def test_a_large_ring_is_done_in_waves_that_double():
    plan = planned([tenant(f"t{place:03}", ring=2) for place in range(200)])
    assert [len(wave.ids) for wave in plan.waves] == [15, 30, 60, 80, 15]


@SLOW
@given(fleets())
def test_a_plan_is_read_back_as_it_was_written_and_a_change_is_seen(some):
    plan = planned(*some)
    record = json.loads(plan.text)
    assert plan_of(record) == plan
    record["release"] = "18.0.5"
    with pytest.raises(ValueError, match="changed by hand"):
        plan_of(record)


def test_the_same_files_give_the_same_plan():
    tenants = [tenant(f"t{place}", ring=place % 4) for place in range(9)]
    assert planned(tenants).digest == planned(list(reversed(tenants))).digest


def test_whoever_is_open_first_waits_some_hours_for_the_others_of_its_wave():
    calendars = load_fleet(ROOT, "production").calendars
    tenants = [tenant("helsinki", calendar="finland"), tenant("london", calendar="united-kingdom")]
    (wave,) = planned(tenants, calendars, datetime(2026, 6, 13, tzinfo=UTC)).waves
    assert wave.ids == ("helsinki", "london")
    assert wave.starts == datetime(2026, 6, 15, 7, tzinfo=UTC), "08:00 in London, two hours after Helsinki"
    assert timedelta(hours=2) <= GATHERING


def test_the_dedicated_retailer_is_moved_in_its_own_window_and_last():
    examples = load_fleet(ROOT, "production")
    plan = plan_release(
        examples, release(migration="breaking", rollback="restore"), {}, datetime(2026, 6, 1, tzinfo=UTC)
    )
    wave = next(each for each in plan.waves if "kaufwerk" in each.ids)
    assert wave.ids == ("kaufwerk",)
    assert wave.starts.strftime("%A %H:%M") == "Sunday 00:00", "two in the morning in Kassel in summer"
    assert wave.latest - wave.starts == timedelta(hours=1), (
        "three hours of the window, two of them for the migration"
    )
    assert all(each.ring == 3 for each in plan.waves[wave.number - 1 :])
    assert "outside the maintenance windows" in wave.tenants[0].reason


def test_who_runs_the_release_or_does_not_run_at_all_is_left_out_and_told():
    tenants = [tenant("a"), tenant("b"), tenant("c", state=TenantState.SUSPENDED)]
    plan = planned(
        tenants, pointers={"a": pointer_for(tenants[0], "18.0.4"), "b": pointer_for(tenants[1], "18.0.3")}
    )
    assert {each.tenant: each.why for each in plan.left_out} == {
        "a": "It runs this release already.",
        "c": "It is suspended: nothing of it runs.",
    }
    assert plan.waves[0].tenants[0].moves_from == "18.0.3"


def test_a_calendar_that_leaves_no_room_is_refused_with_what_is_needed():
    calendars = load_fleet(ROOT, "production").calendars
    narrow = calendars["kaufwerk"].maintenance[0].model_copy(update={"ends": "sunday 03:00"})
    changed = {
        "kaufwerk": type(calendars["kaufwerk"])(**{**vars(calendars["kaufwerk"]), "maintenance": (narrow,)})
    }
    with pytest.raises(SpecError) as caught:
        planned([tenant("a", calendar="kaufwerk")], changed, migration="breaking", rollback="restore")
    assert "leaves no room for this release" in str(caught.value)
    assert "120 minutes for the change, and 24 hours without a freeze" in str(caught.value)


def test_a_release_whose_tests_failed_is_not_planned():
    failed = [{"name": "unit", "result": "failed", "total": 3, "failed": 1, "report": "sha256:" + "b" * 64}]
    with pytest.raises(SpecError, match="the suite unit failed"):
        planned([tenant("a")], tests=failed)


def test_another_odoo_series_must_declare_that_it_breaks():
    with pytest.raises(SpecError, match="another Odoo series changes every table"):
        planned([tenant("a")], version="19.0.1", pointers={"a": pointer_for(tenant("a"), "18.0.9")})


def test_a_start_in_a_peak_that_the_calendar_leaves_open_is_warned_of():
    busy = tenant("a", peaks=[{"name": "Fair", "starts": "03-01", "ends": "03-05", "factor": 4}])
    (warning, _) = planned([busy]).warnings
    assert "has no calendar" in warning or "its peak Fair" in warning
    assert any("its peak Fair (4 times its orders)" in each for each in planned([busy]).warnings)


def test_planning_a_thousand_tenants_takes_seconds_and_not_minutes():
    calendars = load_fleet(ROOT, "production").calendars
    names = sorted(set(calendars) - {"kaufwerk"})
    tenants = [
        tenant(f"t{place:04}", ring=place % 4, calendar=names[place % len(names)]) for place in range(1000)
    ]
    hundred = min(_spent(tenants[:100], calendars) for _ in range(3))
    thousand = _spent(tenants, calendars)
    assert thousand < 60 * hundred, "the time would grow with the square of the tenants"


def _spent(tenants, calendars):
    start = time.process_time()
    planned(tenants, calendars, datetime(2026, 2, 1, tzinfo=UTC))
    return time.process_time() - start
