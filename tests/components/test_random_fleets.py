"""Over random fleets: whatever is done to one tenant, the others get exactly what they had."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.plan import plan_environment
from spec.fleet import Fleet
from spec.lifecycle import Applied
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState
from tests.components import samples
from tests.spec.cases import TODAY

pytestmark = pytest.mark.unit

BACKUP = {"at": "2026-10-01", "digest": "sha256:" + "0" * 64, "verified_by": "ops@acme.example"}
# Prefixes of each other, the longest ids, and ids that a careless join would confuse.
IDS = st.sampled_from(
    ["t", "t-1", "t-10", "t-1-0", "a-b", "a", "b-c", "c", "cell-shared", "shared", "x" * 63, "x" * 62 + "y"]
)
CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "cell": st.sampled_from(["shared", "other"]),
        "ring": st.integers(0, 3),
        "data_sensitivity": st.sampled_from(["internal", "personal"]),
        "state": st.sampled_from(["active", "suspended"]),
        "integrations": st.lists(st.sampled_from(["payments", "warehouse"]), unique=True),
        "domains": st.just(["other.example", "www.other.example"]),
        "overrides": st.sampled_from(
            [{"quota": {"storage": "80Gi"}}, {"processes": {"web": {"replicas": 3}}}]
        ),
        "orders_per_day": st.integers(1, 10**6),
    },
)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Fleet, TenantSpec, TenantSpec]:
    """Draw a fleet, one of its tenants, and that tenant changed at random."""
    ids = draw(st.lists(IDS, min_size=1, max_size=8, unique=True))
    everyone = [samples.tenant(one, **draw(CHANGES)) for one in ids]
    one = draw(st.sampled_from(everyone))
    return Fleet(samples.environment(), tuple(everyone)), one, samples.tenant(one.id, **draw(CHANGES))


def others(fleet: Fleet, one: TenantSpec, applied: dict[str, Applied] | None = None) -> object:
    plan = plan_environment(fleet, applied or {})
    return plan.platform, plan.cells, [each for each in plan.tenants if each.tenant != one.id]


def with_in_place_of(fleet: Fleet, one: TenantSpec, *instead: TenantSpec) -> Fleet:
    rest = tuple(each for each in fleet.tenants if each.id != one.id)
    return Fleet(fleet.environment, (*rest, *instead))


@given(fleets())
def test_a_tenant_that_comes_goes_or_changes_changes_nothing_that_others_get(drawn):
    fleet, one, changed = drawn
    assert others(with_in_place_of(fleet, one), one) == others(fleet, one)
    assert others(with_in_place_of(fleet, one, changed), one) == others(fleet, one)


@given(fleets(), st.sampled_from(TenantState))
def test_a_tenant_that_is_purged_changes_nothing_that_others_get(drawn, before):
    fleet, one, _ = drawn
    purged = samples.tenant(one.id, state="purged", final_backup=BACKUP, purge=f"{one.id} {TODAY}")
    applied = {one.id: Applied(state=before, cell=one.cell)}
    assert others(with_in_place_of(fleet, one, purged), one, applied) == others(fleet, one)


@given(fleets())
def test_an_object_belongs_to_one_tenant_alone(drawn):
    fleet, _, _ = drawn
    owners: dict[object, str] = {}
    for each in plan_environment(fleet).tenants:
        for item in each.objects:
            identity = (item.kind, item.meta.namespace, item.meta.name)
            assert owners.setdefault(identity, each.tenant) == each.tenant, f"{identity} is of two tenants"
