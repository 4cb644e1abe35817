"""Which approvals a release needs, and who may give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.risk import ApprovalNeed, Given, missing, needs
from spec.roster import Role
from tests.release.fleets import release

pytestmark = pytest.mark.unit

PEOPLE = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
ROLES = [Role.RELEASE, Role.DATABASE, Role.PAYMENTS, Role.BUSINESS]


def roles(tenants=1, **changes):
    return [each.role for each in needs(release(**changes).manifest, tenants)]


def test_every_release_needs_somebody_who_did_not_build_it():
    assert roles() == [Role.RELEASE]


def test_each_kind_of_risk_asks_for_somebody_of_its_own():
    assert roles(migration="additive") == [Role.RELEASE, Role.DATABASE]
    assert roles(payment_related=True) == [Role.RELEASE, Role.PAYMENTS]
    assert roles(tenants=11) == [Role.RELEASE, Role.BUSINESS]
    assert roles(tenants=10) == [Role.RELEASE]
    assert roles(rollback="forward-only") == [Role.RELEASE, Role.BUSINESS]
    everything = roles(tenants=42, migration="breaking", rollback="restore", payment_related=True)
    assert everything == [Role.RELEASE, Role.DATABASE, Role.PAYMENTS, Role.BUSINESS]


@given(
    st.lists(st.sampled_from(ROLES), unique=True, min_size=1),
    st.lists(st.tuples(st.sampled_from(ROLES), st.sampled_from(PEOPLE)), max_size=10),
    st.lists(st.sampled_from(PEOPLE), max_size=2),
)
def test_roles_are_filled_by_different_people_and_never_by_a_builder(wanted, given_, builders):
    needed = [ApprovalNeed(role=role, why="") for role in wanted]
    approvals = [Given(role=role, by=by) for role, by in given_]
    lacking = missing(needed, approvals, builders)
    able = {role: {by for r, by in given_ if r is role and by not in builders} for role in wanted}
    best = _most(wanted, able)
    assert len(wanted) - len(lacking) == best, "somebody fills two roles, or an approval was overlooked"


def _most(roles_left, able, used=frozenset()):
    """How many roles can be filled by different people, by trying everything."""
    if not roles_left:
        return 0
    first, rest = roles_left[0], roles_left[1:]
    without = _most(rest, able, used)
    return max([without, *(1 + _most(rest, able, used | {by}) for by in able[first] - used)])


def test_an_address_in_other_letters_is_the_same_builder():
    need = [ApprovalNeed(role=Role.RELEASE, why="")]
    assert missing(need, [Given(role=Role.RELEASE, by="Dev@X.example")], ["dev@x.example"]), (
        "a capital let a builder approve"
    )
