"""Judges a `Stack` the way the SDK does: through its proxies, and policy by policy."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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

from policy.adapter import policies
from policy.rules import RULES
from tests.policy.baseline import Declared, Stack

UNKNOWN = UNKNOWN_STRING_VALUE
PROVIDER = "pulumi:providers:kubernetes"
_STACK_URN = "urn:pulumi:local::storefleet::"
_OPTIONS = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


@dataclass
class Judgement:
    """What the pack said: (rule, message, URN) of each breach, and why a rule was not fully run."""

    breaches: list[tuple[str, str, str | None]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def rules(self) -> set[str]:
        return {rule for rule, _, _ in self.breaches}

    @property
    def messages(self) -> list[str]:
        return [message for _, message, _ in self.breaches]


def type_of(manifest: Mapping[str, Any]) -> str:
    """Return the type token of an object; the SDK adds `core/` to the group without a name."""
    version = manifest["apiVersion"]
    built_in = {"v1": "core/v1"}
    return f"kubernetes:{built_in.get(version, version)}:{manifest['kind']}"


def urn_of(token: str, name: str) -> str:
    """Return a resource's URN."""
    return f"{_STACK_URN}{token}::{name}"


def provider_of(declared: Declared) -> PolicyProviderResource:
    """Return the provider that the engine would report for an object."""
    name = "cluster" if declared.explicit else "default_4_25_0"
    props = {"kubeconfig": "/state/kubeconfig"} if declared.explicit else {}
    return PolicyProviderResource(PROVIDER, unknown_checking_proxy(props), urn_of(PROVIDER, name), name)


def judge(stack: Stack, config: Mapping[str, Mapping[str, Any]] | None = None) -> Judgement:
    """Run every policy of the pack over the stack, each with fresh copies and its own configuration."""
    return judge_resources(
        [
            (type_of(declared.manifest), declared.key, declared.manifest, provider_of(declared))
            for declared in stack.objects.values()
        ],
        config,
    )


def judge_resources(
    resources: Iterable[tuple[str, str, Mapping[str, Any], PolicyProviderResource | None]],
    config: Mapping[str, Mapping[str, Any]] | None = None,
) -> Judgement:
    """Run every policy over resources given as (type, name, properties, provider)."""
    judgement = Judgement()
    everything = [("pulumi:pulumi:Stack", "storefleet-local", {}, None), *resources]
    for policy in policies(RULES):
        own = (config or {}).get(policy.name, {})

        def report(message: str, urn: str | None = None, rule: str = policy.name) -> None:
            judgement.breaches.append((rule, message, urn))

        runs: list[Any] = []
        if isinstance(policy, ResourceValidationPolicy):
            runs = [_resource_run(policy, resource, own, report) for resource in everything]
        elif isinstance(policy, StackValidationPolicy):
            runs = [_stack_run(policy, everything, own, report)]
        for run in runs:
            try:
                run()
            except UnknownValueError as unknown:
                judgement.skipped[policy.name] = unknown.message
    return judgement


def _resource_run(policy, resource, config, report):
    token, name, props, provider = resource
    proxied = unknown_checking_proxy(copy.deepcopy(dict(props)))
    args = ResourceValidationArgs(token, proxied, urn_of(token, name), name, _OPTIONS, provider, config)
    return lambda: policy.validate(args, report)


def _stack_run(policy, resources, config, report):
    seen = [
        PolicyResource(
            token,
            # What a resource looks like once created: the provider adds bookkeeping and what the server set.
            unknown_checking_proxy({**copy.deepcopy(dict(props)), "__inputs": copy.deepcopy(dict(props))}),
            urn_of(token, name),
            name,
            _OPTIONS,
            provider,
            None,
            [],
            {},
        )
        for token, name, props, provider in resources
    ]
    return lambda: policy.validate(StackValidationArgs(seen, config), report)
