"""Judges resources the way the SDK does: through its proxies, and policy by policy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policy.adapter import ADVICE_SUFFIX, policies
from policy.rules import RULES
from tests.policy.parts import VERIFIED, Declared, Stack, type_of

UNKNOWN = UNKNOWN_STRING_VALUE
PROVIDER = "pulumi:providers:kubernetes"
TODAY = date(2026, 11, 23)
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"image-signed": {"digests": list(VERIFIED)}}
"""What a policy configuration must say for the baseline's images, which nobody really signed."""
_STACK_URN = "urn:pulumi:local::storefleet::"
_POLICIES = policies(RULES, lambda: TODAY)


@dataclass(frozen=True)
class Judged:
    """A resource as it is put before the pack; `sources` are the names of those that a property comes from."""

    type: str
    name: str
    props: Mapping[str, Any]
    provider: Any = None
    protect: bool = False
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass
class Judgement:
    """What the pack said: (policy, message, URN) each time, and why a rule was not fully run."""

    said: list[tuple[str, str, str | None]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def breaches(self) -> list[tuple[str, str, str | None]]:
        return [each for each in self.said if not each[0].endswith(ADVICE_SUFFIX)]

    @property
    def advice(self) -> list[tuple[str, str]]:
        """What is only advised, by rule."""
        given = [each for each in self.said if each[0].endswith(ADVICE_SUFFIX)]
        return [(name.removesuffix(ADVICE_SUFFIX), message) for name, message, _ in given]

    @property
    def rules(self) -> set[str]:
        return {rule for rule, _, _ in self.breaches}

    @property
    def messages(self) -> list[str]:
        return [message for _, message, _ in self.breaches]


def urn_of(token: str, name: str) -> str:
    """Return a resource's URN."""
    return f"{_STACK_URN}{token}::{name}"


def provider_of(declared: Declared) -> PolicyProviderResource:
    """Return the provider that the engine would report for an object."""
    name = "cluster" if declared.explicit else "default_4_25_0"
    props = {"kubeconfig": "/state/kubeconfig"} if declared.explicit else {}
    return PolicyProviderResource(PROVIDER, unknown_checking_proxy(props), urn_of(PROVIDER, name), name)


def judge(
    stack: Stack, config: Mapping[str, Mapping[str, Any]] | None = None, only: str | None = None
) -> Judgement:
    """Run every policy of the pack, or `only` one, over the stack, each with its own configuration."""
    return judge_resources(
        [
            Judged(type_of(each.manifest), each.key, each.manifest, provider_of(each), each.protect)
            for each in stack.objects.values()
        ],
        config,
        only,
    )


def judge_resources(
    resources: Iterable[Judged],
    config: Mapping[str, Mapping[str, Any]] | None = None,
    only: str | None = None,
) -> Judgement:
    """Run every policy over the resources; the pack's defaults hold for what is not configured."""
    judgement = Judgement()
    everything = [Judged("pulumi:pulumi:Stack", "storefleet-local", {}), *resources]
    before, after = [_before(each) for each in everything], _after(everything)
    for policy in _POLICIES:
        if only not in (None, policy.name):
            continue
        own = {**DEFAULTS, **(config or {})}.get(policy.name, {})

        def report(message: str, urn: str | None = None, rule: str = policy.name) -> None:
            judgement.said.append((rule, message, urn))

        if isinstance(policy, ResourceValidationPolicy):
            given: list[Any] = [make(own) for make in before]
        else:
            assert isinstance(policy, StackValidationPolicy)
            given = [StackValidationArgs(after, own)]
        for args in given:
            try:
                policy.validate(args, report)
            except UnknownValueError as unknown:
                judgement.skipped[policy.name] = unknown.message
    return judgement


def _options(judged: Judged) -> PolicyResourceOptions:
    return PolicyResourceOptions(judged.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


def _before(judged: Judged):
    # Proxies are built anew from the properties, so nothing that a policy does reaches the next one.
    proxied, urn = unknown_checking_proxy(dict(judged.props)), urn_of(judged.type, judged.name)
    return lambda config: ResourceValidationArgs(
        judged.type, proxied, urn, judged.name, _options(judged), judged.provider, config
    )


def _after(resources: Sequence[Judged]) -> list[PolicyResource]:
    """Return the resources as they are once created: with bookkeeping, and what each one depends on."""
    made = {
        judged.name: PolicyResource(
            judged.type,
            unknown_checking_proxy({**judged.props, "__inputs": dict(judged.props)}),
            urn_of(judged.type, judged.name),
            judged.name,
            _options(judged),
            judged.provider,
            None,
            [],
            {},
        )
        for judged in resources
    }
    for judged in resources:
        for name, sources in judged.sources.items():
            made[judged.name].property_dependencies[name] = [made[source] for source in sources]
    return list(made.values())


def check_messages(stack: Stack, judgement: Judgement) -> None:
    """Assert that each message names one of the stack's objects, what is wrong with it, and what to do."""
    titles: set[str] = set()
    for key, declared in stack.objects.items():
        metadata = declared.manifest["metadata"]
        namespace = f"{metadata['namespace']}/" if "namespace" in metadata else ""
        titles.add(f"{declared.manifest['kind']} {namespace}{metadata['name']} ({key})")
    for _, message, urn in judgement.said:
        named, _, rest = message.partition(": ")
        assert named in titles, f"nobody can tell which resource is meant: {message}"
        assert " Fix: " in rest, "the message says what is wrong but not what to do"
        assert message.endswith("."), message
        assert urn is not None, "the engine would show the message at the stack, not at the resource"
        assert urn.endswith(named.rpartition("(")[2].rstrip(")"))
