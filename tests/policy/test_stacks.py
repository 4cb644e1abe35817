"""The program for the real engine declares what the other tests judge, through the SDK's typed classes."""

import runpy
from pathlib import Path

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi_policy import PolicyProviderResource

from tests.policy.baseline import BREAKS, baseline
from tests.policy.harness import PROVIDER, judge_resources, urn_of

pytestmark = pytest.mark.policy

PROGRAM = Path(__file__).parent / "stacks"


class Recorder(mocks.Mocks):
    """Keeps what the program registers, with the properties that the engine would be sent."""

    def __init__(self):
        self.resources = []

    def new_resource(self, args):
        self.resources.append(args)
        return f"{args.name}-id", args.inputs

    def call(self, args):
        return {}


def declared_by_the_program(monkeypatch, breaking):
    monkeypatch.setenv("STOREFLEET_KUBECONFIG", "/state/kubeconfig")
    monkeypatch.delenv("BREAK", raising=False)
    if breaking:
        monkeypatch.setenv("BREAK", breaking)
    recorder = Recorder()
    mocks.set_mocks(recorder, project="policy-stacks", stack="local", preview=False)

    @pulumi.runtime.test
    def run():
        runpy.run_path(str(PROGRAM), run_name="__main__")

    run()
    return recorder.resources


def provider_of(registered):
    if registered.typ.startswith("pulumi:providers:"):
        return None
    name = "cluster" if "::cluster::" in registered.provider else "default_4_25_0"
    return PolicyProviderResource(PROVIDER, {}, urn_of(PROVIDER, name), name)


@pytest.mark.parametrize("breaking", [None, *BREAKS])
def test_the_program_breaks_the_rule_that_it_is_told_to_and_no_other(monkeypatch, breaking):
    registered = declared_by_the_program(monkeypatch, breaking)
    assert len(registered) >= len(baseline().objects), "the program declares less than the tests judge"
    judgement = judge_resources(
        [(each.typ, each.name, each.inputs, provider_of(each)) for each in registered]
    )
    assert judgement.rules == ({breaking} if breaking else set())
    assert not judgement.skipped


def test_a_rule_that_does_not_exist_is_refused_with_those_that_do(monkeypatch):
    with pytest.raises(pulumi.RunError, match="the rules are tenant-isolation, resources-set"):
        declared_by_the_program(monkeypatch, "no-such-rule")
