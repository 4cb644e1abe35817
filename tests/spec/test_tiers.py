"""The tier table keeps its own rules."""

from dataclasses import fields
from decimal import Decimal

import pytest

from spec.environment import CELL_LIMIT
from spec.quantity import quantity_value
from spec.sizes import need_of, shortfalls
from spec.tiers import TIERS, DatabasePlacement, NodePool
from spec.vocabulary import Tier

pytestmark = pytest.mark.unit

MEBIBYTE = 2**20


SIZES = [
    pytest.param(preset, size, id=f"{tier}-{kind}")
    for tier, preset in TIERS.items()
    for kind, size in preset.processes.each()
]


def test_every_tier_has_a_preset():
    assert set(TIERS) == set(Tier)


@pytest.mark.parametrize("tier", Tier)
def test_a_tiers_processes_fit_in_its_quota_while_they_are_replaced(tier):
    preset = TIERS[tier]
    assert shortfalls(preset.processes, preset.quota) == {}, "a release would hang half way"


@pytest.mark.parametrize(("preset", "size"), SIZES)
def test_memory_follows_from_the_workers(preset, size):
    requested, limited = quantity_value(size.memory_request), quantity_value(size.memory_limit)
    least = size.workers * 320 * MEBIBYTE
    assert least <= requested < least + 128 * MEBIBYTE, "the docstring's formula and the table differ"
    assert limited == (size.workers * 640 + 256) * MEBIBYTE, "the docstring's formula and the table differ"


@pytest.mark.parametrize(("preset", "size"), SIZES)
def test_a_pod_can_be_started_within_the_limits_of_its_namespace(preset, size):
    most = preset.container_limits.max
    assert quantity_value(size.cpu_request) <= quantity_value(size.cpu_limit) <= quantity_value(most.cpu)
    assert quantity_value(size.memory_limit) <= quantity_value(most.memory)


def test_a_higher_tier_never_gets_less():
    needs = [need_of(TIERS[tier].processes) for tier in (Tier.SHARED, Tier.HYBRID, Tier.DEDICATED)]
    for field in fields(needs[0]):
        amounts = [Decimal(getattr(need, field.name)) for need in needs]
        assert amounts == sorted(amounts), f"{field.name} shrinks in a higher tier"
    for lower, higher in ((Tier.SHARED, Tier.HYBRID), (Tier.HYBRID, Tier.DEDICATED)):
        assert TIERS[lower].rpo >= TIERS[higher].rpo
        assert TIERS[lower].rto > TIERS[higher].rto
        assert TIERS[lower].priority_class.value < TIERS[higher].priority_class.value
        assert TIERS[lower].max_tenants > TIERS[higher].max_tenants


def test_only_the_dedicated_tier_has_a_cell_and_nodes_of_its_own():
    own = {tier for tier, preset in TIERS.items() if preset.database is DatabasePlacement.OWN_CELL}
    assert own == {Tier.DEDICATED}
    assert {tier for tier, preset in TIERS.items() if preset.node_pool is NodePool.DEDICATED} == own
    assert {tier for tier, preset in TIERS.items() if preset.max_tenants == 1} == own


def test_no_tier_puts_more_tenants_in_a_cell_than_any_cell_bears():
    assert max(preset.max_tenants for preset in TIERS.values()) == CELL_LIMIT


def test_a_tenants_quota_never_allows_a_way_in_past_the_ingress():
    for preset in TIERS.values():
        hard = preset.quota.hard()
        assert hard["services.nodeports"] == hard["services.loadbalancers"] == "0"


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TIERS[Tier.SHARED] = TIERS[Tier.DEDICATED]
