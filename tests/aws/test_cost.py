"""The budget, the clock, and what a month is estimated to cost."""

import json
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.cost import show
from components.cost.estimate import estimate
from components.cost.moving import with_tier
from components.cost.nodes import switched_on
from components.cost.peaks import HORIZON_DAYS, changes, cores_of
from components.cost.plan import SCHEDULE_LIMIT, plan_cost
from components.eks.plan import plan_eks
from local.state import ROOT
from spec.aws import OfficeHours
from spec.fleet import Fleet
from spec.prices import PriceFile, Service, load_prices
from spec.problems import SpecError
from spec.vocabulary import TenantState, Tier
from tests.aws import samples
from tests.components import samples as small

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 1)
PRODUCTION = samples.environment()
AWS = samples.aws_of(PRODUCTION)
TENANTS = samples.tenants()


def priced(region="eu-central-1", **changes):
    figure = {"usd": 1.0, "source": "page", "dated": date(2026, 1, 1)}
    nodes = ("m7g.large", "m7g.xlarge", "r7g.large")
    content = {
        "region": region,
        "note": "Made up.",
        "sources": {"page": "https://prices.example"},
        "services": {service.value: figure for service in Service},
        "nodes": dict.fromkeys(nodes, figure),
        "caches": dict.fromkeys(("cache.t4g.small", "cache.t4g.medium"), figure),
    }
    return PriceFile.model_validate(content | changes)


NEAR, FAR = priced(), priced("eu-west-1")


def fleet_of(*tenants):
    return Fleet(PRODUCTION, tuple(sorted(tenants, key=lambda each: each.id)))


def cost_plan(environment, tenants=TENANTS, today=TODAY):
    aws = samples.aws_of(environment)
    return plan_cost(environment, aws, tenants, plan_eks(environment, aws), today=today)


def peak(starts, ends, factor=4.0):
    return {"name": "Peak", "starts": starts, "ends": ends, "factor": factor}


def days_of(tenant, today=TODAY):
    found = changes([tenant], "m7g.large", usual=2, most=9, today=today)
    return [(change.day.isoformat(), change.nodes) for change in found]


# The quota of a hybrid tenant leaves 2.45 cores for a peak, and a node gives 1.8: two nodes more than usual.
def test_nodes_are_there_the_day_before_a_peak_and_stay_until_the_second_morning_after_it():
    tenant = small.tenant("acme", tier="hybrid", peaks=[peak("2026-11-20", "2026-11-30")])
    assert days_of(tenant) == [("2026-11-19", 4), ("2026-12-02", 2)]


def test_a_yearly_peak_over_new_year_is_one_season():
    tenant = small.tenant("acme", tier="hybrid", peaks=[peak("12-20", "01-05")])
    assert days_of(tenant)[:2] == [("2026-12-19", 4), ("2027-01-07", 2)]


def test_peaks_that_overlap_are_one_stretch_and_the_larger_one_counts():
    both = [peak("2026-11-10", "2026-11-20", 2.0), peak("2026-11-15", "2026-11-25", 4.0)]
    nodes = [number for _, number in days_of(small.tenant("acme", tier="hybrid", peaks=both))]
    assert nodes == [*sorted(nodes[:-1]), 2], "the end of one peak would take the other one's nodes away"


def test_what_has_been_is_not_planned_again():
    tenant = small.tenant("acme", tier="hybrid", peaks=[peak("2026-11-20", "2026-11-30")])
    assert days_of(tenant, today=date(2026, 11, 25)) == [("2026-12-02", 2)]
    assert days_of(tenant, today=date(2026, 12, 2)) == []


def test_the_29th_of_february_is_the_28th_where_there_is_none():
    tenant = small.tenant("acme", tier="hybrid", peaks=[peak("02-29", "03-01")])
    assert days_of(tenant, today=date(2027, 1, 1))[0][0] == "2027-02-27"


@given(
    st.lists(
        st.tuples(st.integers(0, HORIZON_DAYS), st.integers(0, 40), st.floats(1, 20)), min_size=1, max_size=4
    ),
    st.integers(1, 5),
)
def test_a_pool_never_has_fewer_nodes_than_usual_and_never_more_than_it_may(seasons, usual):
    peaks = [
        peak(str(TODAY + timedelta(days=first)), str(TODAY + timedelta(days=first + length)), factor)
        for first, length, factor in seasons
    ]
    tenant = small.tenant("acme", tier="hybrid", peaks=peaks)
    found = changes([tenant], "m7g.large", usual=usual, most=6, today=TODAY)
    assert all(usual <= change.nodes <= 6 for change in found)
    assert [change.day for change in found] == sorted({change.day for change in found})
    assert all(change.day > TODAY for change in found), "AWS would be asked for what lies in the past"


@pytest.mark.parametrize(
    ("instance_type", "cores"),
    [
        ("m7g.medium", 1),
        ("t4g.medium", 2),
        ("m7g.large", 2),
        ("r7g.xlarge", 4),
        ("m7g.2xlarge", 8),
        ("c7g.16xlarge", 64),
    ],
)
def test_the_cores_of_an_instance_follow_from_its_size(instance_type, cores):
    assert cores_of(instance_type) == cores


def test_production_gets_ready_for_peaks_and_is_never_switched_off():
    plan = cost_plan(PRODUCTION)
    assert plan.schedules, "the peak of acme would meet the usual number of nodes"
    assert all(schedule.key.startswith("peak-general-") for schedule in plan.schedules)
    first = json.loads(plan.schedules[0].input)
    assert plan.schedules[0].expression == "at(2026-11-19T04:00:00)"
    assert first["ScalingConfig"]["MinSize"] == 2, "the engine would take it for somebody's change"
    assert first["ScalingConfig"]["DesiredSize"] > 2
    assert first["ScalingConfig"]["MaxSize"] == 6


def test_a_schedule_names_some_of_many_tenants_and_counts_the_others():
    many = [
        small.tenant(f"shop-{number:02}", tier="hybrid", peaks=[peak("2026-11-20", "2026-11-30")])
        for number in range(40)
    ]
    (first, *_) = [each for each in cost_plan(PRODUCTION, many).schedules if "2026-11-19" in each.expression]
    assert first.why.startswith("Ready for the peaks of shop-00, shop-01, ")
    assert first.why.endswith(" and 32 more."), "AWS takes 512 characters: a sentence would be cut off"


def test_dev_is_off_outside_its_hours_and_comes_back_as_it_was():
    hours = {"time_zone": "Europe/Paris", "opens": "07:30", "closes": "19:00"}
    plan = cost_plan(samples.environment("dev", dr_region=None, standby_host=None, hours=hours))
    by_key = {schedule.key: schedule for schedule in plan.schedules}
    assert by_key["on-general"].expression == "cron(30 7 ? * MON,TUE,WED,THU,FRI *)"
    assert by_key["off-general"].time_zone == "Europe/Paris"
    off, on = (json.loads(by_key[key].input)["ScalingConfig"] for key in ("off-general", "on-general"))
    assert (off["MinSize"], off["DesiredSize"]) == (0, 0)
    assert (on["MinSize"], on["DesiredSize"]) == (2, 2)
    assert all(len(schedule.name) <= SCHEDULE_LIMIT for schedule in plan.schedules)


def test_the_clock_may_scale_this_clusters_nodes_and_nothing_else():
    (statement,) = json.loads(cost_plan(PRODUCTION).rights)["Statement"]
    assert statement["Action"] == ["eks:UpdateNodegroupConfig"]
    assert statement["Resource"] == [
        f"arn:aws:eks:eu-central-1:{samples.ACCOUNT}:nodegroup/storefleet-production/*/*"
    ]


def test_an_environment_counts_its_own_costs():
    plan = cost_plan(PRODUCTION)
    assert plan.budget.filter == "user:storefleet.dev/environment$production"
    assert json.loads(plan.anomalies.specification)["Tags"]["Values"] == ["production"]


def test_office_hours_are_the_share_of_a_week_that_they_are():
    hours = OfficeHours(time_zone="Europe/Paris", opens="08:00", closes="20:00")
    assert switched_on(hours) == Decimal(60) / 168
    assert switched_on(None) == 1


def test_the_tenants_together_are_the_bill():
    found = estimate(fleet_of(*TENANTS), AWS, NEAR, FAR)
    assert found.idle == 0
    assert sum(tenant.usd for tenant in found.tenants) == found.usd
    tiers = found.by_tier()
    assert {tier: number for tier, (number, _) in tiers.items()} == {
        Tier.SHARED: 2,
        Tier.HYBRID: 1,
        Tier.DEDICATED: 1,
    }
    assert abs(sum(usd for _, usd in tiers.values()) - found.usd) < Decimal("0.01")


def test_what_nobody_uses_is_said_and_not_hidden():
    found = estimate(fleet_of(), AWS, NEAR, FAR)
    assert found.tenants == ()
    assert found.idle > 0, "an empty environment would look as if it were free"


def test_a_second_region_costs_something():
    alone = samples.environment(dr_region=None, standby_host=None)
    one = estimate(Fleet(alone, TENANTS), samples.aws_of(alone), NEAR, None)
    assert estimate(fleet_of(*TENANTS), AWS, NEAR, FAR).usd > one.usd


def test_a_purged_tenant_costs_nothing_and_a_suspended_one_keeps_its_data():
    acme, *others = TENANTS
    gone = acme.model_copy(update={"state": TenantState.PURGED})
    asleep = acme.model_copy(update={"state": TenantState.SUSPENDED})
    assert "acme" not in {row.tenant for row in estimate(fleet_of(gone, *others), AWS, NEAR, FAR).tenants}
    parts = estimate(fleet_of(asleep, *others), AWS, NEAR, FAR).of("acme").parts
    assert (parts["processes"], parts["traffic"]) == (0, 0)
    assert parts["database"] > 0
    assert parts["backups"] > 0


@given(st.integers(1, 12))
def test_a_tenant_more_never_makes_the_environment_cheaper(number):
    def environment_with(count):
        many = [small.tenant("acme").model_copy(update={"id": f"shop-{place}"}) for place in range(count)]
        return estimate(fleet_of(*many), AWS, NEAR, FAR).usd

    assert environment_with(number + 1) >= environment_with(number)


def test_a_move_to_a_higher_tier_costs_more_and_says_what_it_takes():
    fleet = fleet_of(*TENANTS)
    now = estimate(fleet, AWS, NEAR, FAR)
    moved = with_tier(fleet, AWS, "bolt", Tier.DEDICATED)
    then = estimate(moved.fleet, moved.aws, NEAR, FAR)
    assert then.usd > now.usd
    assert then.of("bolt").tier is Tier.DEDICATED
    assert any("eu-dedicated-new" in step for step in moved.steps), "nobody would know that a cell is needed"
    assert any("pool of its own" in step for step in moved.steps)
    assert fleet.tenant("bolt").tier is Tier.SHARED, "the question changed the fleet itself"


def test_a_move_to_the_present_tier_changes_nothing():
    moved = with_tier(fleet_of(*TENANTS), AWS, "bolt", Tier.SHARED)
    assert moved.steps == ("bolt is shared already: nothing changes.",)
    assert moved.aws is AWS


def test_a_price_that_is_missing_is_asked_for_by_name():
    poor = priced(nodes={"m7g.large": {"usd": 1.0, "source": "page", "dated": date(2026, 1, 1)}})
    with pytest.raises(
        SpecError, match=r"prices/eu-central-1\.yaml: nodes: has no price here\n  value: \"m7g\.xlarge\""
    ):
        estimate(fleet_of(*TENANTS), AWS, poor, FAR)


@pytest.mark.parametrize("path", sorted((ROOT / "prices").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_committed_price_file_is_complete_and_says_where_its_figures_are_published(path):
    prices = load_prices(ROOT, path.stem)
    for figure in (*prices.services.values(), *prices.nodes.values(), *prices.caches.values()):
        assert figure.amount > 0, "an estimate would leave something out without a word"
        assert prices.sources[figure.source].startswith("https://aws.amazon.com/")


def test_a_price_file_without_a_figure_is_refused(tmp_path):
    folder = tmp_path / "prices"
    folder.mkdir()
    text = (ROOT / "prices" / "eu-west-1.yaml").read_text(encoding="utf-8")
    (folder / "eu-west-1.yaml").write_text(text.replace("  nat-hour:", "  # nat-hour:"), encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"prices/eu-west-1\.yaml:[0-9]+: services: lacks the figures nat-hour"
    ):
        load_prices(tmp_path, "eu-west-1")


def shown(*arguments):
    text = StringIO()
    show(ROOT, *arguments, Console(width=220, file=text))
    return text.getvalue()


def test_the_command_shows_tenants_tiers_and_what_the_figures_are_worth():
    text = shown("production", None, None)
    assert "kaufwerk" in text
    assert "tenants  a month" in text
    assert "entered by hand and never compared with what AWS publishes" in text, (
        "the figures would look like AWS' own"
    )


def test_the_command_shows_what_another_tier_would_cost():
    text = shown("production", "solvane-berlin", "hybrid")
    assert "solvane-berlin: shared -> hybrid" in text
    assert "the environment" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("production", "kaufwerk", None), "--tier: is missing"),
        (("production", None, "hybrid"), "--tenant: is missing"),
        (("production", "kaufwerk", "hybird"), "did you mean hybrid?"),
        (("production", "kaufwark", "hybrid"), "did you mean kaufwerk?"),
    ],
)
def test_the_command_says_what_is_wrong_with_an_option(arguments, message):
    with pytest.raises(SpecError) as error:
        shown(*arguments)
    assert message in str(error.value)


def test_an_environment_without_aws_costs_nothing_there():
    assert "local has nothing in AWS" in shown("local", None, None)
