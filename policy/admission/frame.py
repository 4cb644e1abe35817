"""The types that admission parts are written in, and the expressions that several of them share.

Expressions are CEL as the API server evaluates it. An expression that fails to evaluate refuses the request
(`failurePolicy: Fail`), so optional fields are read with `.?` and `orValue`. `dyn()` is needed wherever one
expression meets several kinds: the server checks types against each of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from spec import labels
from spec.naming import cell_namespace, tenant_namespace

PLATFORM_GROUPS: Final = ("system:masters", "storefleet:platform")
"""Whoever applies the platform is in one of them; on EKS an access entry maps the deployer's role to the second.

Groups and not rights: a controller that may write everything (Argo CD) is not the platform by that.
"""

CONTROLLERS: Final = (
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
)
"""They delete what is left of something whose own deletion was admitted before."""

TENANT_PREFIX: Final = tenant_namespace("")
CELL_PREFIX: Final = cell_namespace("")

CREATE: Final = ("CREATE",)
WRITE: Final = ("CREATE", "UPDATE")
DELETE: Final = ("DELETE",)


def literal(value: str | Sequence[str] | Mapping[str, str]) -> str:
    """Write a text, a list of texts or a map of texts in CEL, whose literals JSON's are."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)


def owned(name: str) -> str:
    """Return the expression whether a namespace's name, itself an expression, is a tenant's or a cell's."""
    return f"({name}.startsWith({literal(TENANT_PREFIX)}) || {name}.startsWith({literal(CELL_PREFIX)}))"


BY_PLATFORM: Final = f"request.userInfo.?groups.orValue([]).exists(g, g in {literal(PLATFORM_GROUPS)})"
"""Whether the request is the platform's."""

NOT_BY_CONTROLLERS: Final = f"!(request.userInfo.username in {literal(CONTROLLERS)})"
"""Whether the request is somebody's own wish and not the tail of an earlier deletion."""

NEW_OR_CHANGED: Final = "oldObject == null || dyn(object).spec != dyn(oldObject).spec"
"""Whether there is something to judge: an object that breaks a newer policy can still be finished."""

POD: Final = (
    "object.kind == 'Pod' ? dyn(object).spec : object.kind == 'CronJob' ? "
    "dyn(object).spec.jobTemplate.spec.template.spec : dyn(object).spec.template.spec"
)
"""The pod in a `WORKLOADS` object."""

TIER: Final = f"namespaceObject.?metadata.?labels[?{literal(labels.TIER)}].orValue('')"
"""The tier of the namespace that the object is in."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which requests a part is about: resources of API groups, in any version, and operations on them."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    operations: tuple[str, ...] = WRITE


WORKLOADS: Final = (
    Target(groups=("",), resources=("pods", "pods/ephemeralcontainers")),
    Target(groups=("apps",), resources=("deployments", "statefulsets", "daemonsets", "replicasets")),
    Target(groups=("batch",), resources=("jobs", "cronjobs")),
)
"""Whatever holds a pod: a mistake is refused where it is written, not later in a pod that never starts."""


class Parameter(StrEnum):
    """What an object of the cluster tells a part, `params` in its expressions; without it everything is refused."""

    CLOCK = "clock"
    """The time: `params.spec.renewTime`, of a Lease (see `deletion`)."""
    IMAGES = "images"
    """The images that the environment knows: a ConfigMap (see `known`)."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What must hold, and what to say when it does not: a CEL expression of type string."""

    expression: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What the API server checks of one rule.

    `rule` is the rule's name; `part` tells several parts of one rule apart. `roles` selects namespaces by the
    role that they have (empty: the part looks for itself). All `conditions` must hold for the part to apply;
    the server gives them no `namespaceObject`. `variables` may use those before them.
    """

    rule: str
    part: str = ""
    why: str
    roles: tuple[str, ...]
    targets: tuple[Target, ...]
    validations: tuple[Validation, ...]
    conditions: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    parameter: Parameter | None = None

    @property
    def name(self) -> str:
        """What the policy and its binding are called, and what a refusal names: `storefleet-image-digest`."""
        return "-".join(filter(None, ("storefleet", self.rule, self.part)))
