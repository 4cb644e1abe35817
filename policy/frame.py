"""The types that rules are written in. Nothing here or in a rule knows the policy SDK.

A rule is data about itself (name, severity, where it comes from, how to comply) and a pure function from what
it judges to findings. A `ResourceRule` sees one resource before it is created; a `StackRule` sees all of the
program's resources after the engine has worked through them (at preview: would have). Thresholds and lists
are a frozen `Settings` model, whose defaults are the pack's defaults and whose JSON Schema is what the engine
checks a policy configuration against.

Rules are data so that more than one thing can be made of them. A second reader of the list (admission
policies made of the same rules) adds its own optional field to `Rule`, and changes no rule that lacks it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from policy.reading import UnknownValue, text
from policy.waivers import WaiverNote


class Severity(Enum):
    """How bad a breach is; shown beside it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Level(Enum):
    """What a breach does: `MANDATORY` stops the run, `ADVISORY` is only shown."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"


@dataclass(frozen=True, kw_only=True)
class Framework:
    """The published guidance that a rule carries out: its name, version and the controls' identifiers."""

    name: str
    version: str
    specification: str


class Settings(BaseModel):
    """What a policy configuration may change of a rule. Keys are camelCase in configuration files.

    Fields are plain values and tuples of them: the engine's schema has no room for definitions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """The provider that a resource is created with."""

    type: str
    name: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, as a rule sees it.

    `type` is the token (`kubernetes:apps/v1:Deployment`), `name` the name in the program. `props` are plain
    values with camelCase keys (the inputs for a `ResourceRule`, the outputs for a `StackRule`), except that
    what preview cannot know is an `Unknown`; read them with `policy.reading`. `provider` is None for
    components, and for providers themselves. `references` says which resources a property's value comes from
    (top-level property -> URNs): at preview an identifier is unknown, but not whose it is. Only a `StackRule`
    gets them. `waivers` are the exceptions that the resource declares for itself, sound or not.
    """

    type: str
    name: str
    urn: str
    props: Mapping[str, object]
    provider: Provider | None
    protect: bool
    references: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    waivers: Sequence[WaiverNote] = ()

    @property
    def kind(self) -> str:
        """The last part of the type: `Deployment`."""
        return self.type.rpartition(":")[2]

    @property
    def title(self) -> str:
        """What to call it: `Deployment t-acorn/web (acorn/web)`, with the program's name in brackets."""
        try:
            name = text(self.props, "metadata", "name")
            namespace = text(self.props, "metadata", "namespace")
        except UnknownValue:
            name = namespace = None
        if name is None:
            return f"{self.kind} {self.name}"
        return f"{self.kind} {f'{namespace}/' if namespace else ''}{name} ({self.name})"


@dataclass(frozen=True)
class Violation:
    """A breach: which resource, what is wrong with it (a clause), and what to do (an imperative).

    Neither text may hold a value that could be a secret: the engine prints and stores both. What is only
    `advice` stops nothing, whatever the rule's level; a rule that gives any says so by `advises`.
    """

    resource: Resource
    problem: str
    fix: str
    advice: bool = False

    @property
    def message(self) -> str:
        """What people read."""
        return f"{self.resource.title}: {self.problem}. Fix: {self.fix}."


@dataclass(frozen=True)
class Undecided:
    """What could not be judged because the value at `path` is not known before the apply."""

    resource: Resource
    path: str


Finding: TypeAlias = Violation | Undecided

SettingsT = TypeVar("SettingsT", bound=Settings)
ItemT = TypeVar("ItemT")


def any_type(_token: str) -> bool:
    """Select every resource."""
    return True


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[SettingsT]):
    """What both kinds of rule say of themselves.

    `name` is kebab-case and the key in a policy configuration; `title` is the requirement as a sentence;
    `remediation` says how to comply in general, a violation's `fix` what to do about one. `selects` chooses
    by type token what the rule is shown, so that nothing is read of the other resources. A rule that is not
    `waivable` holds for everybody. One that `advises` gives advice beside its breaches, under its own name
    with `-advice` added.
    """

    name: str
    title: str
    severity: Severity
    level: Level
    remediation: str
    settings: type[SettingsT]
    framework: Framework | None = None
    selects: Callable[[str], bool] = any_type
    waivable: bool = True
    advises: bool = False


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule[SettingsT]):
    """Judges one resource by its inputs, before it is created or changed."""

    check: Callable[[Resource, SettingsT], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule[SettingsT]):
    """Judges the resources of one program together, by their outputs.

    It is shown only what this program manages: not what it merely looks up, nor what others create.
    """

    check: Callable[[Sequence[Resource], SettingsT], Iterable[Finding]]


AnyRule: TypeAlias = ResourceRule[Any] | StackRule[Any]


def judge_each(
    resource: Resource, items: Iterable[ItemT], judge: Callable[[ItemT], Iterable[Finding]]
) -> Iterator[Finding]:
    """Judge every item; one whose value is not known yet becomes `Undecided` and hides none of the others."""
    for item in items:
        try:
            yield from judge(item)
        except UnknownValue as unknown:
            yield Undecided(resource, unknown.path)
