"""Facts lead to a tier and a ring; what contradicts them is refused, or waived for a time."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.fleet import load_fleet, load_tenants
from spec.problems import SpecError
from spec.recommend import RULES, contradictions, recommend
from spec.vocabulary import Criticality, Customisation, ReleaseTolerance, Ring, Sensitivity, Tier
from spec.waivers import LONGEST_WAIVER_DAYS, check_waivers
from tests.components.samples import tenant as sample
from tests.spec.cases import BASELINE, TODAY, project_of
from tests.spec.conftest import GOOD

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PLAIN = {"criticality": "low", "customisation": "none", "release_tolerance": "eager"}
TIERS = list(Tier)

FACTS = st.fixed_dictionaries(
    {
        "criticality": st.sampled_from(Criticality),
        "data_sensitivity": st.sampled_from(Sensitivity),
        "customisation": st.sampled_from(Customisation),
        "release_tolerance": st.sampled_from(ReleaseTolerance),
        "orders_per_day": st.integers(1, 10_000_000),
    }
)


@pytest.mark.parametrize(
    ("facts", "tier", "ring"),
    [
        ({}, Tier.SHARED, Ring.CANARY),
        ({"criticality": "standard"}, Tier.SHARED, Ring.EARLY),
        ({"criticality": "high"}, Tier.SHARED, Ring.GENERAL),
        ({"criticality": "critical"}, Tier.HYBRID, Ring.GUARDED),
        ({"data_sensitivity": "internal"}, Tier.SHARED, Ring.CANARY),
        ({"data_sensitivity": "regulated"}, Tier.DEDICATED, Ring.GENERAL),
        ({"customisation": "light"}, Tier.SHARED, Ring.EARLY),
        ({"customisation": "deep"}, Tier.HYBRID, Ring.GENERAL),
        ({"release_tolerance": "normal"}, Tier.SHARED, Ring.GENERAL),
        ({"release_tolerance": "cautious"}, Tier.SHARED, Ring.GUARDED),
        ({"orders_per_day": 20_000}, Tier.SHARED, Ring.CANARY),
        ({"orders_per_day": 20_001}, Tier.HYBRID, Ring.CANARY),
        ({"orders_per_day": 100_001}, Tier.DEDICATED, Ring.CANARY),
        ({"customisation": "deep", "data_sensitivity": "regulated"}, Tier.DEDICATED, Ring.GENERAL),
    ],
)
def test_each_fact_leads_to_its_tier_and_ring(facts, tier, ring):
    advice = recommend(sample(**PLAIN | facts))
    assert (advice.tier, advice.ring) == (tier, ring)


def test_a_peak_counts_with_its_factor():
    peak = {"name": "Black Friday", "starts": "11-20", "ends": "11-30", "factor": 5.0}
    assert recommend(sample(**PLAIN, orders_per_day=5000, peaks=[peak])).tier is Tier.HYBRID


@given(FACTS)
def test_every_recommendation_says_why_in_sentences(facts):
    advice = recommend(sample(**facts))
    assert advice.reasons, "a recommendation without a reason is an order"
    for reason in advice.reasons:
        assert reason[0].isupper()
        assert reason.endswith(".")
        assert "{" not in reason, "a figure is missing from the sentence"


@given(FACTS, st.sampled_from(Tier), st.sampled_from(Ring))
def test_only_the_facts_count_and_not_what_the_file_chose(facts, tier, ring):
    assert recommend(sample(**facts, tier=tier.value, ring=int(ring))) == recommend(sample(**facts))


@given(FACTS)
def test_whoever_follows_the_recommendation_contradicts_nothing(facts):
    advice = recommend(sample(**facts))
    chosen = sample(**facts, tier=advice.tier.value, ring=int(advice.ring))
    assert contradictions(chosen) == ()
    assert list(check_waivers(chosen, TODAY)) == []


@given(FACTS, st.sampled_from(Tier), st.sampled_from(Ring))
def test_more_than_recommended_is_never_a_contradiction(facts, tier, ring):
    advice = recommend(sample(**facts))
    higher = TIERS[max(TIERS.index(tier), TIERS.index(advice.tier))]
    chosen = sample(**facts, tier=higher.value, ring=int(max(ring, advice.ring)))
    assert contradictions(chosen) == (), "a tenant may pay for more, and wait for longer"


@given(FACTS, st.sampled_from(Tier), st.sampled_from(Ring), st.sets(st.sampled_from(RULES)))
def test_a_file_is_accepted_exactly_when_its_waivers_are_those_it_needs(facts, tier, ring, waived):
    waivers = [_waiver(rule, TODAY) for rule in sorted(waived)]
    chosen = sample(**facts, tier=tier.value, ring=int(ring), waivers=waivers)
    needed = {demand.rule for demand in contradictions(chosen)}
    problems = list(check_waivers(chosen, TODAY))
    assert (not problems) == (needed == waived), (
        "a contradiction is excused by nobody, or a waiver for nothing"
    )
    assert len(problems) == len(needed ^ waived)


@pytest.mark.parametrize("expires", [TODAY, TODAY + timedelta(days=LONGEST_WAIVER_DAYS)])
def test_a_waiver_holds_on_its_last_day(expires):
    chosen = sample(customisation="deep", waivers=[_waiver("deep-customisation", expires)])
    assert list(check_waivers(chosen, TODAY)) == []


def test_what_was_purged_needs_no_waiver():
    backup = {"at": "2026-01-01", "digest": "sha256:" + "0" * 64, "verified_by": "ops@acme.example"}
    gone = sample(customisation="deep", state="purged", final_backup=backup, purge="acme 2026-11-01")
    assert list(check_waivers(gone, TODAY)) == [], "one expired waiver would stop everybody for ever"


def test_the_day_is_given_and_not_looked_up(tmp_path):
    project = project_of(BASELINE, tmp_path / "project")
    waived = GOOD.replace("customisation: light", "customisation: deep") + (
        "waivers:\n  - {rule: deep-customisation, owner: risk@corner.example, reason: Until January,"
        " expires: 2027-01-31}\n"
    )
    (project / "tenants/corner.yaml").write_text(waived, encoding="utf-8")
    assert load_fleet(project, "local", today=date(2027, 1, 31)).tenants
    with pytest.raises(SpecError, match="expired 1 day ago"):
        load_fleet(project, "local", today=date(2027, 2, 1))


def test_the_examples_choose_what_is_recommended_without_a_waiver():
    for each in load_tenants(ROOT):
        advice = recommend(each)
        assert (each.tier, each.ring) == (advice.tier, advice.ring), f"{each.id} would confuse its reader"
        assert not each.waivers, f"{each.id} would stop working on the day its waiver expires"


def _waiver(rule: str, expires: date) -> dict[str, object]:
    return {"rule": rule, "owner": "risk@acme.example", "reason": "For now", "expires": expires}
