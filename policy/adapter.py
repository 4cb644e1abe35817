"""Rules as policies of the SDK: the only module that knows both.

Three of the SDK's habits are dealt with here. Properties are proxies (not `dict`, and raising on what is
unknown): rules get plain values. A policy that touches an unknown value is abandoned, whatever it had still
to look at: here every breach is reported first, and only then is the policy marked as not fully run. And a
misspelt key in a policy configuration would be ignored: here it is a breach.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyProviderResource,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import Severity as SdkSeverity
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UnknownValueError
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from policy.frame import (
    AnyRule,
    Finding,
    Provider,
    Resource,
    ResourceRule,
    Rule,
    Settings,
    StackRule,
    Undecided,
)
from policy.reading import Unknown, UnknownValue, is_mapping, is_sequence

STACK_TYPE: Final = "pulumi:pulumi:Stack"
"""The root resource of every stack: present exactly once, so that what concerns no resource is said once."""

SettingsT = TypeVar("SettingsT", bound=Settings)


def policies(rules: Iterable[AnyRule]) -> list[Policy]:
    """Return one SDK policy for each rule, in order, with the rule's level set explicitly."""
    return [
        _resource_policy(rule) if isinstance(rule, ResourceRule) else _stack_policy(rule) for rule in rules
    ]


def config_schema(rule: Rule[Any]) -> PolicyConfigSchema:
    """Return the schema, with defaults, that the engine checks the rule's configuration against."""
    properties = cast("dict[str, dict[str, Any]]", rule.settings.model_json_schema().get("properties", {}))
    return PolicyConfigSchema(properties=properties)


def plain(node: object, path: str = "") -> object:
    """Return the value with proxies replaced by dicts and lists, and unknown values by `Unknown`.

    Keys beginning with two underscores are the provider's own bookkeeping and are left out.
    """
    if is_mapping(node):
        return {
            key: _item(node, key, f"{path}.{key}" if path else key)
            for key in node
            if not key.startswith("__")
        }
    if is_sequence(node):
        return [_item(node, index, f"{path}[{index}]") for index in range(len(node))]
    return node


def _item(node: Any, key: str | int, path: str) -> object:  # noqa: ANN401 - a mapping by name, a list by index
    try:
        value: object = node[key]
    except UnknownValueError:
        return Unknown(path)
    return plain(value, path)


def _resource_policy(rule: ResourceRule[SettingsT]) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type == STACK_TYPE:
            for problem in _settings_problems(rule, args.get_config()):
                report(problem, args.urn)
        if not rule.selects(args.resource_type) or _settings_problems(rule, args.get_config()):
            return
        _report(rule.check(_resource(args), rule.settings.model_validate(args.get_config())), report)

    return ResourceValidationPolicy(validate=validate, **_described(rule))


def _stack_policy(rule: StackRule[SettingsT]) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        problems = _settings_problems(rule, args.get_config())
        for problem in problems:
            report(problem, None)
        if problems:
            return
        # The engine hands resources over in no order; people compare one run's messages with the next's.
        chosen = sorted((r for r in args.resources if rule.selects(r.resource_type)), key=lambda r: r.urn)
        resources = [_resource(resource) for resource in chosen]
        _report(rule.check(resources, rule.settings.model_validate(args.get_config())), report)

    return StackValidationPolicy(validate=validate, **_described(rule))


def _described(rule: Rule[Any]) -> dict[str, Any]:
    framework = rule.framework
    return {
        "name": rule.name,
        "display_name": rule.name,
        "description": rule.title,
        "enforcement_level": EnforcementLevel(rule.level.value),
        "severity": SdkSeverity(rule.severity.value),
        "remediation_steps": rule.remediation,
        "config_schema": config_schema(rule),
        "framework": None
        if framework is None
        else PolicyComplianceFramework(
            name=framework.name, version=framework.version, specification=framework.specification
        ),
    }


def _resource(given: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(
        type=given.resource_type,
        name=given.name,
        urn=given.urn,
        props=cast("Mapping[str, object]", plain(given.props)),
        provider=_provider(given.provider),
        protect=given.opts.protect,
    )


def _provider(given: PolicyProviderResource | None) -> Provider | None:
    return None if given is None else Provider(type=given.resource_type, name=given.name, urn=given.urn)


def _report(findings: Iterable[Finding], report: ReportViolation) -> None:
    """Report every breach, then mark the policy as not fully run if a value it needed is unknown.

    Raises:
        UnknownValueError: the SDK's own, which it shows as advice naming the values.

    """
    undecided: list[str] = []
    try:
        for finding in findings:
            if isinstance(finding, Undecided):
                undecided.append(f"{finding.path} of {finding.resource.name}")
            else:
                report(finding.message, finding.resource.urn)
    except UnknownValue as unknown:
        undecided.append(unknown.path)
    if undecided:
        raise UnknownValueError(UNKNOWN_OBJECT_VALUE, [", ".join(dict.fromkeys(undecided))])


def _settings_problems(rule: Rule[Any], config: Mapping[str, Any]) -> Sequence[str]:
    try:
        rule.settings.model_validate(config)
    except ValidationError as error:
        allowed = sorted(config_schema(rule).properties)
        return [_settings_problem(rule.name, details, allowed) for details in error.errors()]
    return ()


def _settings_problem(rule: str, details: ErrorDetails, allowed: Sequence[str]) -> str:
    key = ".".join(map(str, details["loc"]))
    if details["type"] != "extra_forbidden":
        return f"policy configuration of {rule}: {key}: {details['msg']}. Fix: correct its value."
    near = get_close_matches(key, allowed, n=1)
    fix = f"write {near[0]}" if near else f"use one of {', '.join(allowed)}"
    return f"policy configuration of {rule}: {key} is not one of its settings. Fix: {fix}."
