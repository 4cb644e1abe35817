"""What runs for a tenant, as it is planned."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.workload.peaks import least_pods, peak_windows
from components.workload.plan import plan_workload
from components.workload.values import PARENT_BYTES
from local.state import ROOT
from spec.fleet import load_fleet
from spec.naming import tenant_namespace
from spec.peaks import Peak
from spec.quantity import quantity_value
from spec.sizes import connections_of, shortfalls
from spec.vocabulary import TenantState
from tests.components import aws_samples, samples
from tests.workload import samples as workloads

pytestmark = pytest.mark.unit

DAYS = st.dates(date(2000, 1, 1), date(2000, 12, 31)).map(lambda day: day.strftime("%m-%d"))


def peak(starts, ends, factor=2.0, name="Sales"):
    return {"name": name, "starts": starts, "ends": ends, "factor": factor}


def kinds(plan):
    values = plan.values
    return {kind: one for kind in ("web", "websocket", "cron", "jobs") if (one := getattr(values, kind))}


@pytest.mark.parametrize("case", workloads.CASES)
def test_workers_are_recycled_before_the_kernel_ends_their_pod(case):
    for kind, process in kinds(workloads.CASES[case]).items():
        taken = process.odoo.workers * process.odoo.memory_soft + PARENT_BYTES
        limit = quantity_value(process.resources.memory_limit)
        assert limit * 19 / 20 < taken <= limit, (
            f"{kind} leaves memory unused, or is killed in the middle of a sale"
        )


@pytest.mark.parametrize("stack", ["local", "production", "staging"])
def test_every_tenant_of_every_stack_has_values_that_hold(stack):
    fleet = load_fleet(ROOT, stack, today=workloads.TODAY)
    for tenant in fleet.tenants:
        plan = plan_workload(tenant, fleet.environment, workloads.release(), today=workloads.TODAY)
        assert plan is not None
        hosts = [host for route in plan.values.edge.routes for host in route.hosts]
        assert sorted(hosts) == sorted(tenant.domains), "a host is lost, or belongs to somebody else"
        assert plan.values.namespace == tenant_namespace(tenant.id)
        assert plan.values.database.name == tenant.id, (
            "PostgreSQL lets no role into a database of another name"
        )


@pytest.mark.parametrize("stack", ["production"])
def test_however_many_pods_a_tenant_scales_to_they_fit_its_quota_and_its_connections(stack):
    fleet = load_fleet(ROOT, stack, today=workloads.TODAY)
    for tenant in fleet.tenants:
        plan = plan_workload(tenant, fleet.environment, workloads.release(), today=workloads.TODAY)
        assert plan is not None
        sizes = tenant.preset.processes
        most = {
            kind: getattr(sizes, kind).model_copy(
                update={"replicas": process.scaling.max if process.scaling else process.replicas}
            )
            for kind, process in kinds(plan).items()
        }
        largest = sizes.model_copy(update=most)
        assert not shortfalls(largest, tenant.preset.quota), f"{tenant.id} would wait for pods at its peak"
        pooled = {"web": sizes.web}  # the pooler holds as many as before
        assert connections_of(largest.model_copy(update=pooled)) <= connections_of(sizes), (
            f"{tenant.id} would take connections that its cell gave to others"
        )


def test_an_archived_tenant_has_no_workload_and_a_suspended_one_is_closed():
    archived = samples.tenant().model_copy(update={"state": TenantState.ARCHIVED})
    there = plan_workload(archived, aws_samples.environment(), workloads.release(), today=workloads.TODAY)
    assert there is None, "its data would be touched after the last backup of them"
    suspended = workloads.planned(samples.tenant(state="suspended"), aws_samples.environment())
    assert suspended.values.phase == "closed"
    assert any("503" in reason for reason in suspended.reasons)


def test_a_season_begins_on_the_evening_before_in_the_tenants_own_time():
    (window,) = peak_windows(
        samples.tenant(peaks=[peak("11-20", "11-30")], time_zone="Europe/London"), 6, workloads.TODAY
    )
    assert (window.start, window.end, window.time_zone) == ("0 22 19 11 *", "0 2 1 12 *", "Europe/London")


def test_a_season_over_new_year_keeps_its_order():
    (window,) = peak_windows(samples.tenant(peaks=[peak("12-27", "01-10")]), 6, date(2026, 6, 1))
    assert (window.start, window.end) == ("0 22 26 12 *", "0 2 11 1 *")


def test_a_season_of_one_year_is_left_out_when_it_is_over_or_when_another_year_would_come_first():
    tenant = samples.tenant(peaks=[peak("2027-03-15", "2027-03-21")])
    for day, there in [
        (date(2026, 2, 1), False),
        (date(2026, 11, 26), True),
        (date(2027, 3, 22), True),
        (date(2027, 3, 23), False),
    ]:
        assert bool(peak_windows(tenant, 6, day)) is there, (
            f"on {day} it would be scaled for another year's season"
        )


def test_of_two_seasons_the_busier_has_all_pods_and_the_other_its_share():
    peaks = [peak("11-20", "11-30", 4.0, "Black Friday"), peak("06-24", "07-21", 2.0, "Sales")]
    windows = {
        window.name: window.replicas
        for window in peak_windows(samples.tenant(peaks=peaks), 12, workloads.TODAY)
    }
    assert windows == {"Black Friday": 12, "Sales": 6}


@given(starts=DAYS, length=st.integers(0, 100), factor=st.floats(1, 100), size=st.integers(1, 50))
def test_no_window_asks_for_more_pods_than_there_are_or_begins_on_a_day_that_comes_every_fourth_year(
    starts, length, factor, size
):
    year = "2001" if starts != "02-29" else "2000"
    ends = (date.fromisoformat(f"{year}-{starts}") + timedelta(days=length)).strftime("%m-%d")
    tenant = samples.tenant().model_copy(
        update={"peaks": (Peak(name="Sales", starts=starts, ends=ends, factor=factor),)}
    )
    least = least_pods(tenant, size)
    assert min(2, size) <= least <= size
    for window in peak_windows(tenant, size, date(2026, 11, 26)):
        assert least < window.replicas <= size
        for cron in (window.start, window.end):
            assert cron.split()[2:4] != ["29", "2"], "the window would end in three years"


def test_the_clock_of_a_season_is_one_that_the_zone_knows():
    zone = workloads.CASES["shared"].values.web.scaling
    assert zone is not None
    for window in zone.windows:
        assert datetime(2026, 11, 26, tzinfo=ZoneInfo(window.time_zone)).utcoffset() is not None


def test_a_host_whose_dns_is_elsewhere_has_a_certificate_of_its_own():
    routes = workloads.CASES["dedicated"].values.edge.routes
    assert [route.hosts for route in routes] == [("www.dune.example",), ("tills.dune-stores.example",)], (
        "what one owner has not set up keeps the other names from being served"
    )
