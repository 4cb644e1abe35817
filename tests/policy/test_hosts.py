"""Which hosts a Traefik rule answers to, and whether it answers to others as well."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.hosts import parse_match

pytestmark = pytest.mark.policy


@pytest.mark.parametrize(
    "rule",
    [
        "Host(`a.example`)",
        'Host("a.example") && Path(`/x`)',
        "Path(`/x`) && Host(`a.example`)",
        "(Host(`a.example`) || Host(`b.example`)) && PathPrefix(`/`)",
        "Host(`a.example`, `b.example`)",
        "Host(`A.example`)&&!Path(`/admin`)",
        "Host(`a.example`) && HeaderRegexp(`X`, `(a|b)`)",
    ],
)
def test_a_rule_that_always_needs_a_named_host(rule):
    match = parse_match(rule)
    assert match.always, "a sound route would be refused"
    assert match.hosts[0] == "a.example"
    assert not match.by_pattern


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "Path(`/x`)",
        "Host(`a.example`) || Path(`/x`)",
        "(Host(`a.example`) || Path(`/x`)) && Method(`GET`)",
        "!Host(`a.example`)",
        "!!Host(`a.example`)",
        "HostRegexp(`.*`)",
        "Host(`a.example`) && (",
        "Host(`a.example`",
        "Host(`a.example`) Path(`/x`)",
        "Host(`a.example`) ; drop",
    ],
)
def test_a_rule_that_other_hosts_may_meet(rule):
    assert not parse_match(rule).always, "the route answers to hosts that it does not name"


def test_hosts_behind_an_alternative_are_found_all_the_same():
    assert parse_match("Path(`/x`) || Host(`b.example`)").hosts == ("b.example",)


TERMS = st.sampled_from(["Host(`a`)", "Host(`b`)", "Path(`/x`)", "Method(`GET`)"])
RULES = st.recursive(
    TERMS,
    lambda inner: (
        st.builds("({} || {})".format, inner, inner)
        | st.builds("({} && {})".format, inner, inner)
        | st.builds("!{}".format, inner)
    ),
    max_leaves=8,
)


def met(rule: str, host: str | None) -> set[bool]:
    """Return what the rule can come to for requests with a host: everything else may be true or false."""
    found = set()
    for path in ("True", "False"):
        for method in ("True", "False"):
            text = rule.replace("Path(`/x`)", path).replace("Method(`GET`)", method)
            for name in ("a", "b"):
                text = text.replace(f"Host(`{name}`)", str(name == host))
            text = text.replace("||", " or ").replace("&&", " and ").replace("!", " not ")
            found.add(eval(text, {}))  # noqa: S307 - made of four words
    return found


@settings(max_examples=100)
@given(RULES)
def test_what_is_said_to_need_a_host_is_never_met_without_it(rule):
    if parse_match(rule).always:
        assert met(rule, None) == {False}, "the route answers to a host that it does not name"


@settings(max_examples=60)
@given(st.text(alphabet="Host(`a.b`)|&! ", max_size=30))
def test_no_text_makes_the_reader_fail(text):
    assert parse_match(text).always in (True, False)
