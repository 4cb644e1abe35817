"""A cell bears so many tenants, so much storage and so many connections, and a new tenant goes where there is room."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.capacity import capacity_of, load_of, total
from spec.environment import EnvironmentSpec
from spec.fleet import Fleet, with_tenant
from spec.placement import place
from spec.problems import SpecError
from spec.sizes import connections_of
from spec.tenant import TenantSpec
from spec.tiers import RESERVED_CONNECTIONS, TIERS
from spec.vocabulary import Jurisdiction, Tier
from tests.components.samples import environment, tenant
from tests.spec.cases import TODAY

pytestmark = pytest.mark.unit

GIBIBYTE = 2**30


@pytest.mark.parametrize("tier", Tier)
def test_a_full_cell_of_tenants_that_override_nothing_fits_its_own_limits(tier):
    preset = TIERS[tier]
    connections = connections_of(preset.processes) * preset.max_tenants
    assert connections <= preset.max_connections - RESERVED_CONNECTIONS, "the last tenants could not connect"
    assert _bytes(preset.database_storage) * preset.max_tenants <= _bytes(preset.cell_storage)


def test_connections_are_pods_times_processes_times_db_maxconn():
    # web: 2 pods x 2 workers through the pooler. The others direct, one pod more: 2 x 1 x 4, 2 x 1 x 3, twice.
    assert connections_of(TIERS[Tier.SHARED].processes) == 4 + 8 + 6 + 6


def test_an_override_counts_with_what_it_really_takes():
    larger = tenant(overrides={"processes": {"web": {"replicas": 3}}, "database_storage": "10Gi"})
    usual, own = load_of(tenant()), load_of(larger)
    assert own.connections == usual.connections + 2
    assert own.storage == 10 * GIBIBYTE


def test_a_suspended_tenant_keeps_its_place_and_a_purged_one_does_not():
    backup = {"at": "2026-01-01", "digest": "sha256:" + "0" * 64, "verified_by": "ops@acme.example"}
    gone = tenant(state="purged", final_backup=backup, purge="acme 2026-11-01")
    assert load_of(tenant(state="suspended")) == load_of(tenant()), "coming back could fail for want of room"
    assert load_of(gone).tenants == load_of(gone).connections == 0


def test_a_new_tenant_goes_into_the_emptiest_cell_of_its_tier_and_jurisdiction():
    there = [tenant("one"), tenant("two", cell="other"), tenant("three", cell="other")]
    chosen = place(environment(), there, Tier.SHARED, Jurisdiction.EU, TIERS[Tier.SHARED])
    assert chosen.cell == "shared"
    assert "the emptiest of 2" in chosen.reason


def test_the_scarcest_resource_decides_which_cell_is_emptiest():
    heavy = tenant("one", overrides={"database_storage": "100Gi"})
    light = [tenant(f"l-{number}", cell="other") for number in range(3)]
    chosen = place(environment(), [heavy, *light], Tier.SHARED, Jurisdiction.EU, TIERS[Tier.SHARED])
    assert chosen.cell == "other", "one large database would meet the next"


def test_a_full_fleet_says_how_to_add_a_cell():
    there = [tenant("dune", tier="dedicated")]
    with pytest.raises(SpecError) as caught:
        place(environment(), there, Tier.DEDICATED, Jurisdiction.EU, TIERS[Tier.DEDICATED])
    assert "own would need 2 tenants, and it holds 1" in str(caught.value)
    assert "add a cell: eu-dedicated-1: {tier: dedicated, jurisdiction: eu}" in str(caught.value)


def test_data_that_must_stay_in_switzerland_are_not_placed_in_the_union():
    with pytest.raises(SpecError, match="there is no shared cell in ch yet"):
        place(environment(), [], Tier.SHARED, Jurisdiction.CH, TIERS[Tier.SHARED])


NAMES = st.lists(st.from_regex(r"[a-z]{1,4}(-[0-9]{1,2})?", fullmatch=True), max_size=12, unique=True)
SIZES = st.sampled_from([{}, {"database_storage": "40Gi"}, {"processes": {"web": {"replicas": 3}}}])


@st.composite
def fleets(draw: st.DrawFn) -> tuple[EnvironmentSpec, list[TenantSpec]]:
    """Draw small cells and tenants that were placed in them one after the other."""
    cells = {
        name: {"tier": "shared", "jurisdiction": "eu", "max_tenants": draw(st.integers(1, 5))}
        for name in ("c-1", "c-10", "c-2")
    }
    where = environment(cells=cells)
    there: list[TenantSpec] = []
    for name in draw(NAMES):
        own = tenant(name, cell="c-1", overrides=draw(SIZES))
        try:
            spot = place(where, there, own.tier, own.residency, own.preset)
        except SpecError:
            continue
        there.append(own.model_copy(update={"cell": spot.cell}))
    return where, there


@given(fleets())
def test_placing_tenants_one_by_one_never_overfills_a_cell(drawn):
    where, there = drawn
    for name, cell in where.cells.items():
        members = [each for each in there if each.cell == name]
        assert total(members).within(capacity_of(cell))


@given(fleets(), st.randoms())
def test_the_choice_of_a_cell_does_not_depend_on_the_order_of_the_files(drawn, dice):
    where, there = drawn
    shuffled = list(there)
    dice.shuffle(shuffled)
    answers = [_answer(where, each) for each in (there, shuffled)]
    assert answers[0] == answers[1], "two engineers would get two cells"


@given(fleets())
def test_placing_one_more_moves_nobody(drawn):
    where, there = drawn
    spot = _answer(where, there)
    if spot is None:
        return
    before = Fleet(where, tuple(sorted(there, key=lambda each: each.id)))
    after = with_tenant(before, tenant("newcomer", cell=spot), today=TODAY)
    assert [each for each in after.tenants if each.id != "newcomer"] == list(before.tenants)


def _answer(where: EnvironmentSpec, there: list[TenantSpec]) -> str | None:
    try:
        return place(where, there, Tier.SHARED, Jurisdiction.EU, TIERS[Tier.SHARED]).cell
    except SpecError:
        return None


def _bytes(text: str) -> Decimal:
    assert text.endswith("Gi")
    return Decimal(text[:-2]) * GIBIBYTE
