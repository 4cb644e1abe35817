"""Derived names are bounded, valid and unambiguous."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.naming import NAME_LIMIT, bounded, cell_namespace, join, tenant_namespace

pytestmark = pytest.mark.unit

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
# Few letters, so that near twins such as a-b and ab are common.
PIECES = st.text("ab1", min_size=1, max_size=9)
IDS = st.lists(PIECES, min_size=1, max_size=7).map(lambda pieces: ("t" + "-".join(pieces))[:63].rstrip("-"))
# Two ids of 62 characters whose shortened names have the same hash: found by trying some 80,000.
TWINS = (
    "solvane-household-and-garden-storefront-of-the-northern-radlpf",
    "solvane-household-and-garden-storefront-of-the-northern-raikoi",
)


@given(IDS)
def test_every_tenant_gets_a_namespace_that_kubernetes_takes(tenant_id):
    name = tenant_namespace(tenant_id)
    assert len(name) <= NAME_LIMIT
    assert DNS_LABEL.match(name), "the API server would refuse the namespace"


@given(st.lists(IDS, min_size=1, max_size=3), st.lists(IDS, min_size=1, max_size=3))
def test_different_ids_are_never_joined_to_the_same_name(one, other):
    same = join(*one, limit=400) == join(*other, limit=400)
    assert same == (one == other), "two things would share a name"


def test_dashes_do_not_make_joined_names_ambiguous():
    assert join("a-b", "c") != join("a", "b-c"), "two tenants would share a name"


@given(IDS, st.integers(min_value=11, max_value=63))
def test_a_shortened_name_keeps_its_limit_and_stays_valid(name, limit):
    short = bounded(name, limit)
    assert len(short) <= limit
    assert DNS_LABEL.match(short)
    assert short == name or re.search(r"[a-z0-9]--[0-9a-f]{8}\Z", short), "the cut must not end in a dash"


def test_ids_of_up_to_61_characters_are_never_shortened():
    assert tenant_namespace("a" * 61) == "t-" + "a" * 61
    assert "--" in tenant_namespace("a" * 62)


def test_a_cell_of_the_longest_id_is_never_shortened():
    assert cell_namespace("a" * 40) == "cell-" + "a" * 40


def test_a_real_pair_of_long_ids_does_collide():
    assert tenant_namespace(TWINS[0]) == tenant_namespace(TWINS[1]), "the fleet's check would be untested"


@pytest.mark.parametrize("part", ["", "a--b", "-a", "a-"])
def test_a_part_that_would_make_a_name_ambiguous_is_refused(part):
    with pytest.raises(ValueError, match="cannot be part of a name"):
        join("a", part)


def test_a_name_of_no_parts_is_refused():
    with pytest.raises(ValueError, match="at least one part"):
        join()


def test_a_limit_without_room_for_the_hash_is_refused():
    with pytest.raises(ValueError, match="leaves no room"):
        bounded("abc", 10)
