"""Rules as policies of the SDK: the only module that knows both.

A rule becomes one policy; one that `advises` becomes two, because a level belongs to a policy as a whole.
A finding that a resource's own waiver covers is left out here, the same way for every rule.

Three of the SDK's habits are dealt with here. Properties are proxies (not `dict`, and raising on what is
unknown): rules get plain values. A policy that touches an unknown value is abandoned, whatever it had still
to look at: here every breach is reported first, and only then is the policy marked as not fully run. And a
misspelt key in a policy configuration would be ignored: here it is a breach.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any, Final, Generic, TypeVar, cast

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
from policy.waivers import declared

ADVICE_SUFFIX: Final = "-advice"
"""Ends the name of the policy that gives a rule's advice; it is configured by that name."""

# Most values by far: looked at first, because the tests for proxies are slow.
_SCALARS: Final = (str, bool, int, float)

STACK_TYPE: Final = "pulumi:pulumi:Stack"
"""The root resource of every stack: present exactly once, so that what concerns no resource is said once."""

SettingsT = TypeVar("SettingsT", bound=Settings)


def today() -> date:
    """Return the day by which waivers are judged: the same for everybody, wherever the run takes place."""
    return datetime.now(tz=UTC).date()


def policies(rules: Iterable[AnyRule], day: Callable[[], date] = today) -> list[Policy]:
    """Return the SDK's policies for the rules, in order, each with its level set explicitly."""
    rules = tuple(rules)
    reader = _Reader({rule.name: rule.waivable for rule in rules}, day)
    made: list[Policy] = []
    for rule in rules:
        make = _resource_policy if isinstance(rule, ResourceRule) else _stack_policy
        made.append(make(cast("Any", rule), _Voice(rule, advice=False), reader))
        if rule.advises:
            made.append(make(cast("Any", rule), _Voice(rule, advice=True), reader))
    return made


def config_schema(rule: Rule[Any]) -> PolicyConfigSchema:
    """Return the schema, with defaults, that the engine checks the rule's configuration against."""
    properties = cast("dict[str, dict[str, Any]]", rule.settings.model_json_schema().get("properties", {}))
    return PolicyConfigSchema(properties=properties)


def plain(node: object, path: str = "") -> object:
    """Return the value with proxies replaced by dicts and lists, and unknown values by `Unknown`.

    Keys beginning with two underscores are the provider's own bookkeeping and are left out.
    """
    if node is None or isinstance(node, _SCALARS):
        return node
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


@dataclass(frozen=True)
class _Reader:
    """Turns the SDK's resources into what rules read, with their waivers as of the day."""

    waivable: Mapping[str, bool]
    day: Callable[[], date]

    def read(self, given: ResourceValidationArgs | PolicyResource) -> Resource:
        props = cast("Mapping[str, object]", plain(given.props))
        references: Mapping[str, Sequence[str]] = {}
        if isinstance(given, PolicyResource):
            references = {
                key: tuple(source.urn for source in sources)
                for key, sources in given.property_dependencies.items()
            }
        return Resource(
            type=given.resource_type,
            name=given.name,
            urn=given.urn,
            props=props,
            provider=_provider(given.provider),
            protect=given.opts.protect,
            references=references,
            waivers=declared(props, self.day(), self.waivable),
        )


@dataclass(frozen=True)
class _Voice(Generic[SettingsT]):
    """What of a rule's findings one policy says: its breaches, or its advice."""

    rule: Rule[SettingsT]
    advice: bool

    def described(self) -> dict[str, Any]:
        rule, framework = self.rule, self.rule.framework
        name = f"{rule.name}{ADVICE_SUFFIX}" if self.advice else rule.name
        return {
            "name": name,
            "display_name": name,
            "description": rule.title,
            "enforcement_level": EnforcementLevel.ADVISORY
            if self.advice
            else EnforcementLevel(rule.level.value),
            "severity": SdkSeverity(rule.severity.value),
            "remediation_steps": rule.remediation,
            "config_schema": config_schema(rule),
            "framework": None
            if framework is None
            else PolicyComplianceFramework(
                name=framework.name, version=framework.version, specification=framework.specification
            ),
        }

    def report(self, findings: Iterable[Finding], report: ReportViolation) -> None:
        """Report what is this voice's, then mark the policy as not fully run if a value it needed is unknown.

        Raises:
            UnknownValueError: the SDK's own, which it shows as advice naming the values.

        """
        undecided: list[str] = []
        try:
            for finding in findings:
                if self._waived(finding.resource):
                    continue
                if isinstance(finding, Undecided):
                    undecided.append(f"{finding.path} of {finding.resource.name}")
                elif finding.advice == self.advice:
                    report(finding.message, finding.resource.urn)
        except UnknownValue as unknown:
            undecided.append(unknown.path)
        if undecided and not self.advice:
            raise UnknownValueError(UNKNOWN_OBJECT_VALUE, [", ".join(dict.fromkeys(undecided))])

    def _waived(self, resource: Resource) -> bool:
        return any(note.rule == self.rule.name and note.holds for note in resource.waivers)


def _resource_policy(rule: ResourceRule[SettingsT], voice: _Voice[SettingsT], reader: _Reader) -> Policy:
    configured = _Configured(rule)

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        about = rule.selects(args.resource_type)
        if not about and args.resource_type != STACK_TYPE:
            return
        settings, problems = configured.read(args.get_config())
        if args.resource_type == STACK_TYPE:
            for problem in problems:
                report(problem, args.urn)
        if about and settings is not None:
            voice.report(rule.check(reader.read(args), settings), report)

    return ResourceValidationPolicy(validate=validate, **voice.described())


def _stack_policy(rule: StackRule[SettingsT], voice: _Voice[SettingsT], reader: _Reader) -> Policy:
    configured = _Configured(rule)

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        settings, problems = configured.read(args.get_config())
        for problem in problems:
            report(problem, None)
        if settings is None:
            return
        # The engine hands resources over in no order; people compare one run's messages with the next's.
        chosen = sorted((r for r in args.resources if rule.selects(r.resource_type)), key=lambda r: r.urn)
        voice.report(rule.check([reader.read(resource) for resource in chosen], settings), report)

    return StackValidationPolicy(validate=validate, **voice.described())


def _provider(given: PolicyProviderResource | None) -> Provider | None:
    return None if given is None else Provider(type=given.resource_type, name=given.name, urn=given.urn)


class _Configured(Generic[SettingsT]):
    """A rule's settings, read again only when its configuration is another than the last time."""

    def __init__(self, rule: Rule[SettingsT]) -> None:
        self._rule = rule
        self._last: tuple[Mapping[str, Any], SettingsT | None, Sequence[str]] | None = None

    def read(self, config: Mapping[str, Any]) -> tuple[SettingsT | None, Sequence[str]]:
        """Return the settings, or None and what is wrong with the configuration."""
        if self._last is None or self._last[0] != config:
            self._last = (config, *self._parsed(config))
        return self._last[1:]

    def _parsed(self, config: Mapping[str, Any]) -> tuple[SettingsT | None, Sequence[str]]:
        try:
            return self._rule.settings.model_validate(config), ()
        except ValidationError as error:
            allowed = sorted(config_schema(self._rule).properties)
            return None, [_settings_problem(self._rule.name, each, allowed) for each in error.errors()]


def _settings_problem(rule: str, details: ErrorDetails, allowed: Sequence[str]) -> str:
    key = ".".join(map(str, details["loc"]))
    if details["type"] != "extra_forbidden":
        return f"policy configuration of {rule}: {key}: {details['msg']}. Fix: correct its value."
    near = get_close_matches(key, allowed, n=1)
    fix = f"write {near[0]}" if near else f"use one of {', '.join(allowed)}"
    return f"policy configuration of {rule}: {key} is not one of its settings. Fix: {fix}."
