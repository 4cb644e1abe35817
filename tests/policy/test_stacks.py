"""The program for the real engine declares what the other tests judge, and says what it can break."""

import json
import runpy
from pathlib import Path

import pulumi
import pytest
from pulumi_policy import PolicyProviderResource

from tests.components.recorder import record
from tests.policy.baseline import baseline
from tests.policy.breaks import BREAKS
from tests.policy.harness import DEFAULTS, PROVIDER, Judged, judge_resources, urn_of

pytestmark = pytest.mark.policy

PROGRAM = Path(__file__).parent / "stacks"


def declared_by_the_program(monkeypatch, breaking):
    monkeypatch.setenv("STOREFLEET_KUBECONFIG", "/state/kubeconfig")
    monkeypatch.delenv("BREAK", raising=False)
    if breaking:
        monkeypatch.setenv("BREAK", breaking)
    return record(lambda: runpy.run_path(str(PROGRAM), run_name="__main__")).registered


def provider_of(registered):
    if registered.type.startswith("pulumi:providers:"):
        return None
    name = "cluster" if "::cluster::" in registered.provider else "default_4_25_0"
    return PolicyProviderResource(PROVIDER, {}, urn_of(PROVIDER, name), name)


# What a break changes of manifests is judged elsewhere; here, what the program makes of options as well.
@pytest.mark.parametrize("breaking", [None, "stateful-protected", "explicit-provider", "tenant-isolation"])
def test_the_program_breaks_the_rule_that_it_is_told_to_and_no_other(monkeypatch, breaking):
    registered = declared_by_the_program(monkeypatch, breaking)
    assert len(registered) >= len(baseline().objects), "the program declares less than the tests judge"
    judgement = judge_resources(
        [Judged(each.type, each.name, each.inputs, provider_of(each), each.protect) for each in registered]
    )
    assert judgement.rules == ({breaking} if breaking else set())
    assert not judgement.skipped


def test_a_rule_that_does_not_exist_is_refused_with_those_that_do(monkeypatch):
    with pytest.raises(pulumi.RunError, match="the rules are tenant-isolation, no-cross-tenant-ref"):
        declared_by_the_program(monkeypatch, "no-such-rule")


def test_the_list_of_rules_that_the_program_can_break_is_complete():
    listed = (PROGRAM / "BREAKS").read_text(encoding="utf-8").split()
    assert listed == list(BREAKS), "a rule would be tried by nobody on the real engine"


def test_the_engine_is_given_the_configuration_that_the_other_tests_use():
    configured = json.loads((PROGRAM / "policy-config.json").read_text(encoding="utf-8"))
    assert configured == DEFAULTS
