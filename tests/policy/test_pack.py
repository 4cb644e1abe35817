"""The pack as the engine starts it: a process of its own that answers the analyzer protocol."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from policy.adapter import ADVICE_SUFFIX
from policy.rules import RULES
from tests.policy.baseline import baseline
from tests.policy.breaks import BREAKS, broken
from tests.policy.harness import DEFAULTS, UNKNOWN, provider_of, type_of, urn_of
from tests.policy.parts import CANARY, Stack

pytestmark = pytest.mark.policy

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "policy"


@pytest.fixture(scope="module")
def pack() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """Start the pack from its own folder, as language hosts do; it prints the port it serves."""
    command = [sys.executable, "-u", "-W", "error", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    process = subprocess.Popen(command, cwd=PACK, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        port = process.stdout.readline().strip()
        assert port.isdigit(), "the pack did not start"
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = analyzer_pb2_grpc.AnalyzerStub(channel)
            configure(stub, DEFAULTS)
            yield stub
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.stdout.close()
        process.wait()


def configure(pack: analyzer_pb2_grpc.AnalyzerStub, config: Mapping[str, Mapping[str, Any]]) -> None:
    """Configure the pack; the engine would add the defaults of each schema, which are the pack's own."""
    given = {
        rule: proto.PolicyConfig(enforcementLevel=proto.MANDATORY, properties=struct(settings))
        for rule, settings in config.items()
    }
    pack.Configure(proto.ConfigureAnalyzerRequest(policyConfig=given))


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return the values as the engine sends them: numbers as floats."""
    message = struct_pb2.Struct()
    message.update(values)
    return message


def resources_of(stack: Stack) -> list[dict[str, Any]]:
    found = []
    for declared in stack.objects.values():
        token, provider = type_of(declared.manifest), provider_of(declared)
        found.append(
            {
                "type": token,
                "name": declared.key,
                "urn": urn_of(token, declared.key),
                "properties": struct(declared.manifest),
                "options": proto.AnalyzerResourceOptions(protect=declared.protect),
                "provider": proto.AnalyzerProviderResource(
                    type=provider.resource_type, name=provider.name, urn=provider.urn
                ),
            }
        )
    return found


def diagnostics(pack: analyzer_pb2_grpc.AnalyzerStub, stack: Stack) -> list[Any]:
    """Ask about each resource, then about all of them, as a run does."""
    resources = resources_of(stack)
    found: list[Any] = []
    for resource in resources:
        found += pack.Analyze(proto.AnalyzeRequest(**resource)).diagnostics
    everything = proto.AnalyzeStackRequest(resources=[proto.AnalyzerResource(**each) for each in resources])
    found += pack.AnalyzeStack(everything).diagnostics
    return found


def test_the_pack_tells_the_engine_about_every_rule(pack):
    info = pack.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "storefleet"
    told_of = [told for told in info.policies if not told.name.endswith(ADVICE_SUFFIX)]
    assert [told.name for told in told_of] == [rule.name for rule in RULES]
    for told, rule in zip(told_of, RULES, strict=True):
        assert told.enforcementLevel == proto.MANDATORY, f"{told.name} would be shown and then applied"
        assert told.severity == getattr(proto, f"POLICY_SEVERITY_{rule.severity.name}")
        assert told.remediation_steps == rule.remediation
        assert told.configSchema.properties, f"nothing of {told.name} can be configured"


def test_the_engine_lets_a_compliant_stack_pass(pack):
    assert not diagnostics(pack, baseline())


# One of each sort: of a resource, of the program, about options, about providers, and one that also advises.
@pytest.mark.parametrize(
    "rule",
    [
        "no-plaintext-secret",
        "ingress-host-owned",
        "stateful-protected",
        "explicit-provider",
        "pod-restricted",
    ],
)
def test_the_engine_is_told_to_stop_a_stack_that_breaks_a_rule(pack, rule):
    found = diagnostics(pack, broken(BREAKS[rule]))
    assert {diagnostic.policyName for diagnostic in found} == {rule}
    for diagnostic in found:
        assert diagnostic.enforcementLevel == proto.MANDATORY
        assert " Fix: " in diagnostic.message
        assert CANARY not in str(diagnostic), "the engine prints and keeps this"


def test_a_breach_beside_an_unknown_value_still_stops_the_run(pack):
    stack = broken(BREAKS["image-digest"])
    stack["web"]["spec"]["template"]["spec"]["initContainers"][0]["image"] = UNKNOWN
    levels = {d.enforcementLevel for d in diagnostics(pack, stack) if d.policyName == "image-digest"}
    assert levels == {proto.MANDATORY, proto.ADVISORY}, "what is unknown is advice, what is wrong is not"


def test_a_policy_configuration_reaches_the_rule(pack):
    configure(pack, {**DEFAULTS, "image-digest": {"registries": ["registry.example"]}})
    try:
        assert {diagnostic.policyName for diagnostic in diagnostics(pack, baseline())} == {"image-digest"}
    finally:
        configure(pack, DEFAULTS)


def test_the_pack_runs_in_the_projects_own_environment():
    described = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    assert described["runtime"]["name"] == "python"
    assert (PACK / described["runtime"]["options"]["virtualenv"]).resolve() == ROOT / ".venv"
    assert described["version"], "the SDK would call every version 0.0.1"
