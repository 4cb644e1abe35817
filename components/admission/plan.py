"""Which admission policies stand in the cluster, and why: the admission parts of the rules, rendered.

A part says what must hold; its rule says why that is asked for and how to comply. Nothing here depends on a
tenant: what differs between tenants (domains, tier) is read from labels and annotations of their namespaces,
so one policy and one binding serve a thousand tenants. Which images are known differs between days: it is an object
of its own that a policy is told (`known`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from components.admission.known import KEY, WARNED, image_list, known_images
from components.labelling import environment_labels
from components.manifests import KubeObject, Manifest, manifest
from policy.admission import ADMISSIONS
from policy.admission.frame import Admission, Parameter, Target
from policy.admission.known import LIST_NAME, LIST_NAMESPACE
from policy.frame import AnyRule
from policy.rules import RULES
from spec import labels
from spec.environment import EnvironmentSpec

_GROUP: Final = "admissionregistration.k8s.io/v1"

KINDS: Final[Mapping[Parameter, Mapping[str, str]]] = {
    # The Lease by which each API server says that it is there.
    Parameter.CLOCK: {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"},
    Parameter.IMAGES: {"apiVersion": "v1", "kind": "ConfigMap"},
}
"""What kind of object tells a policy its parameter."""

_SOURCES: Final[Mapping[Parameter, Mapping[str, object]]] = {
    # All API servers' Leases; a policy must hold by each of them.
    Parameter.CLOCK: {
        "namespace": "kube-system",
        "selector": {"matchLabels": {"apiserver.kubernetes.io/identity": "kube-apiserver"}},
    },
    Parameter.IMAGES: {"name": LIST_NAME, "namespace": LIST_NAMESPACE},
}
"""Which objects these are; without one, everything is refused that the policy is about."""


@dataclass(frozen=True, kw_only=True)
class AdmissionPlan:
    """The policies and their bindings, none of which belongs to a namespace, and the list of known images."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]


def plan_admission(environment: EnvironmentSpec, released: Sequence[str] = ()) -> AdmissionPlan:
    """Plan the admission policies of an environment: the parts of the rules that are in the pack.

    `released` are the images of its releases.
    """
    own = environment_labels(environment.name)
    return AdmissionPlan(
        wait_seconds=environment.wait_seconds,
        objects=(
            image_list(environment, known_images(environment, released)),
            *(
                one
                for rule in RULES
                for part in ADMISSIONS
                if part.rule == rule.name
                for one in _objects(part, rule, own, warned=environment.name in WARNED)
            ),
        ),
    )


def _objects(
    part: Admission, rule: AnyRule, own_labels: Mapping[str, str], *, warned: bool
) -> tuple[KubeObject, KubeObject]:
    """Return the policy of a part, and the binding that puts it in force."""
    key = part.name.removeprefix("storefleet-")
    policy = KubeObject(
        key=key,
        manifest=manifest(
            _GROUP, "ValidatingAdmissionPolicy", part.name, labels=own_labels, spec=_policy(part)
        ),
        why=f"{rule.title} {part.why}",
    )
    told = warned and part.parameter is Parameter.IMAGES
    actions = ["Warn", "Audit"] if told else ["Deny"]
    binding: dict[str, object] = {"policyName": part.name, "validationActions": actions}
    if part.parameter is not None:
        binding["paramRef"] = {**_SOURCES[part.parameter], "parameterNotFoundAction": "Deny"}
    return policy, KubeObject(
        key=f"{key}-binding",
        manifest=manifest(
            _GROUP, "ValidatingAdmissionPolicyBinding", part.name, labels=own_labels, spec=binding
        ),
        why=f"{part.name} warns whoever breaks it, and the audit log has it: builds are tried here."
        if told
        else f"Puts {part.name} in force for everybody, the platform included: what breaks it is refused.",
        # Without the list there is nothing to judge by, and nothing would start.
        after=(KEY,) if part.parameter is Parameter.IMAGES else (),
    )


def _policy(part: Admission) -> Manifest:
    # The server's defaults are written out: it owns this field as a whole, and what a killed engine created could
    # otherwise not be applied again, because the defaults count as a change by somebody else.
    constraints: dict[str, Any] = {
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "resourceRules": [_target(target) for target in part.targets],
    }
    if part.roles:
        role = {"key": labels.ROLE, "operator": "In", "values": list(part.roles)}
        constraints["namespaceSelector"] = {"matchExpressions": [role]}
    spec: dict[str, Any] = {"failurePolicy": "Fail"}
    if part.parameter is not None:
        spec["paramKind"] = dict(KINDS[part.parameter])
    spec["matchConstraints"] = constraints
    if part.conditions:
        spec["matchConditions"] = _named(part.conditions)
    if part.variables:
        spec["variables"] = _named(part.variables)
    spec["validations"] = [
        {"expression": one.expression, "messageExpression": one.message, "reason": "Forbidden"}
        for one in part.validations
    ]
    return spec


def _target(target: Target) -> Manifest:
    return {
        "apiGroups": list(target.groups),
        "apiVersions": ["*"],
        "operations": list(target.operations),
        "resources": list(target.resources),
        "scope": "*",
    }


def _named(expressions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "expression": expression} for name, expression in expressions.items()]
