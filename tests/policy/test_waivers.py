"""Exceptions: one form for all rules, honoured by the frame, refused when nobody could answer for them."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.rules import RULES
from policy.waivers import WAIVE_PREFIX, declared
from tests.policy.breaks import BREAKS, broken
from tests.policy.harness import TODAY, UNKNOWN, judge
from tests.policy.parts import CANARY

pytestmark = pytest.mark.policy

WAIVABLE = {rule.name: rule.waivable for rule in RULES}
FOR_EVER = {"tenant-isolation", "explicit-provider", "no-plaintext-secret", "waivers-valid"}

# Where the break of a rule is found: the object that the waiver must stand on.
BROKEN = {
    "no-cross-tenant-ref": "team",
    "dedicated-compute": "web",
    "ingress-tls": "ingress",
    "ingress-host-owned": "route",
    "service-exposure": "service",
    "rbac-least": "role",
    "sa-token": "service-account",
    "pod-restricted": "web",
    "resources-set": "web",
    "image-digest": "web",
    "image-signed": "web",
    "availability": "web",
    "odoo-hardening": "config",
    "secret-source": "external-secret",
    "encryption-at-rest": "disks",
    "backup-enabled": "database",
    "stateful-protected": "files",
    "required-labels": "config",
    "no-plaintext-secret": "web",
    "explicit-provider": "config",
    "tenant-isolation": "namespace",
}


def waiver(days: int = 30, **changes: object) -> str:
    """Return a waiver as an annotation; None leaves a field out."""
    fields = {
        "owner": "ops@acorn.example",
        "reason": "The till's vendor ships a new image in January.",
        "expires": str(TODAY + timedelta(days=days)),
        **changes,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None})


def waive(key: str, rule: str, text: str):
    def change(stack):
        annotations = stack[key]["metadata"].setdefault("annotations", {})
        annotations[f"{WAIVE_PREFIX}{rule}"] = text

    return change


def test_four_rules_allow_no_exception():
    assert {rule.name for rule in RULES if not rule.waivable} == FOR_EVER


@pytest.mark.parametrize("rule", sorted(BROKEN.keys() - FOR_EVER))
def test_a_sound_waiver_covers_its_rule_on_its_object(rule):
    assert judge(broken(BREAKS[rule])).rules == {rule}
    assert not judge(broken(BREAKS[rule], waive(BROKEN[rule], rule, waiver()))).breaches


@pytest.mark.parametrize("rule", sorted(BROKEN.keys() & FOR_EVER))
def test_a_rule_that_protects_others_is_never_waived(rule):
    judgement = judge(broken(BREAKS[rule], waive(BROKEN[rule], rule, waiver())))
    assert judgement.rules == {rule, "waivers-valid"}
    assert any("allows no exception" in message for message in judgement.messages)


def test_a_waiver_covers_no_other_object_and_no_other_rule():
    elsewhere = waive("vacuum", "resources-set", waiver())
    another = waive("web", "pod-restricted", waiver())
    assert judge(broken(BREAKS["resources-set"], elsewhere, another)).rules == {"resources-set"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (waiver(days=-1), "it expired on 2026-11-22"),
        (waiver(owner=None), "its owner cannot be accepted"),
        (waiver(owner="the ops team"), "its owner cannot be accepted"),
        (waiver(reason=""), "its reason cannot be accepted"),
        (waiver(reason=None, expires="soon"), "its expires and reason cannot be accepted"),
        (waiver(approved="yes"), "its list of fields cannot be accepted"),
        ("until January", "it cannot be read"),
        ("[" * 5000, "it cannot be read"),
        ('["owner"]', "it cannot be read"),
        (waiver(days=181), "lasts for another 181 days"),
    ],
)
def test_an_unsound_waiver_is_refused_with_the_reason(text, problem):
    judgement = judge(broken(waive("web", "resources-set", text)))
    assert judgement.rules == {"waivers-valid"}
    assert any(problem in message and " Fix: " in message for message in judgement.messages), (
        judgement.messages
    )


def test_an_expired_waiver_covers_nothing():
    judgement = judge(broken(BREAKS["resources-set"], waive("web", "resources-set", waiver(days=-1))))
    assert judgement.rules == {"resources-set", "waivers-valid"}


def test_a_waiver_holds_until_the_end_of_its_last_day():
    assert not judge(broken(BREAKS["resources-set"], waive("web", "resources-set", waiver(days=0)))).breaches


def test_a_waiver_for_a_misspelt_rule_is_refused_with_the_right_name():
    judgement = judge(broken(waive("web", "resource-set", waiver())))
    assert f"write {WAIVE_PREFIX}resources-set" in judgement.messages[0]


def test_a_waiver_that_is_not_known_yet_is_undecided_and_covers_nothing():
    judgement = judge(broken(BREAKS["resources-set"], waive("web", "resources-set", UNKNOWN)))
    assert judgement.rules == {"resources-set"}
    assert "waive-resources-set" in judgement.skipped["waivers-valid"]


def test_no_message_repeats_what_a_waiver_says():
    judgement = judge(broken(waive("web", "resources-set", waiver(owner=CANARY, reason=f"{CANARY}\n"))))
    assert judgement.rules == {"waivers-valid"}
    assert CANARY not in "".join(judgement.messages)


@settings(max_examples=60)
@given(rule=st.sampled_from(sorted(WAIVABLE)), text=st.text(max_size=80) | st.integers() | st.none())
def test_nothing_that_people_write_makes_the_reader_fail(rule, text):
    (note,) = declared({"metadata": {"annotations": {f"{WAIVE_PREFIX}{rule}": text}}}, TODAY, WAIVABLE)
    assert note.rule == rule
    assert not note.holds, "what is no waiver covers a breach"
    assert note.fix, "people are not told what to write"
