"""What a namespace says of itself: whose it is, and how strictly its pods are held."""

from typing import Final

from policy.admission.frame import (
    BY_PLATFORM,
    CELL_PREFIX,
    TENANT_PREFIX,
    Admission,
    Target,
    Validation,
    literal,
    owned,
)
from spec import labels
from spec.naming import NAME_LIMIT

_POD_SECURITY: Final = "pod-security.kubernetes.io/"
_OWN: Final = f"{labels.DOMAIN}/"
_IDENTITY: Final = (labels.TENANT, labels.ROLE, labels.ENVIRONMENT)

# Through `status` and `finalize` the API server takes changed labels as well.
_TARGETS: Final = (
    Target(groups=("",), resources=("namespaces", "namespaces/status", "namespaces/finalize")),
)


def _labels(of: str) -> str:
    return f"{of}.metadata.?labels.orValue({{}})"


def _guarded(key: str) -> str:
    return f"({key}.startsWith({literal(_OWN)}) || {key}.startsWith({literal(_POD_SECURITY)}))"


# `namespaceSelector` would look at the new labels alone: who removes the label would escape.
_CONCERNED: Final = (
    f"{owned('object.metadata.name')}"
    f" || {_labels('object')}.exists(k, k.startsWith({literal(_OWN)}))"
    f" || (oldObject != null && {_labels('oldObject')}.exists(k, k.startsWith({literal(_OWN)})))"
)

_ROLE_OF_NAME: Final = (
    f"object.metadata.name.startsWith({literal(TENANT_PREFIX)}) ? {literal(labels.ROLE_TENANT)}"
    f" : object.metadata.name.startsWith({literal(CELL_PREFIX)}) ? {literal(labels.ROLE_CELL)} : ''"
)

LABELS: Final = Admission(
    rule="required-labels",
    part="namespaces",
    why="Network policies, quotas by tier, bills and these policies follow the labels of namespaces.",
    roles=(),
    targets=_TARGETS,
    conditions={"concerned": _CONCERNED},
    variables={
        "platform": BY_PLATFORM,
        "after": _labels("object"),
        "before": f"oldObject == null ? {{}} : {_labels('oldObject')}",
        "notesAfter": "object.metadata.?annotations.orValue({})",
        "notesBefore": "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})",
        "changed": f"variables.after.map(k, {_guarded('k')} && variables.before[?k].orValue('') !="
        " variables.after[k], k)"
        f" + variables.before.map(k, {_guarded('k')} && !(k in variables.after), k)"
        f" + variables.notesAfter.map(k, k.startsWith({literal(_OWN)}) &&"
        " variables.notesBefore[?k].orValue('') != variables.notesAfter[k], k)"
        f" + variables.notesBefore.map(k, k.startsWith({literal(_OWN)}) && !(k in variables.notesAfter), k)",
        "lasting": f"{literal(_IDENTITY)}.filter(k, k in variables.before &&"
        " variables.before[k] != variables.after[?k].orValue(''))",
        "role": f"variables.after[?{literal(labels.ROLE)}].orValue('')",
        "due": _ROLE_OF_NAME,
        "tenant": f"variables.after[?{literal(labels.TENANT)}].orValue('')",
    },
    validations=(
        Validation(
            expression="variables.platform || variables.changed.size() == 0",
            message="'only the platform writes ' + variables.changed.join(', ')"
            " + '. Fix: change the file of the tenant or the cell, and apply it'",
        ),
        Validation(
            expression="variables.lasting.size() == 0",
            message="'says for good whose the namespace is: ' + variables.lasting.join(', ')"
            " + '. Fix: leave it, and make another namespace'",
        ),
        Validation(
            expression="variables.role == variables.due ||"
            f" (variables.due == '' && variables.role == {literal(labels.ROLE_PLATFORM)})",
            message=f"'the label {labels.ROLE} is \"' + variables.role + '\", and by its name it is \"'"
            " + variables.due + '\". Fix: make the two agree'",
        ),
        Validation(
            expression=f"(variables.due == {literal(labels.ROLE_TENANT)}) == (variables.tenant != '') &&"
            f" (variables.tenant == '' || {len(TENANT_PREFIX)} + variables.tenant.size() > {NAME_LIMIT} ||"
            f" object.metadata.name == {literal(TENANT_PREFIX)} + variables.tenant)",
            message=f"'the label {labels.TENANT} is \"' + variables.tenant + '\", which is not the tenant of '"
            " + object.metadata.name + '. Fix: make the two agree'",
        ),
    ),
)

STANDARD: Final = Admission(
    rule="tenant-isolation",
    part="standard",
    why="Without these labels a namespace takes pods that reach the node, and from there everybody.",
    roles=(),
    targets=_TARGETS,
    conditions={"ours": owned("object.metadata.name")},
    variables={"labels": _labels("object")},
    validations=(
        Validation(
            expression=f"variables.labels[?{literal(f'{_POD_SECURITY}enforce')}].orValue('') == 'restricted'",
            message=f"'the label {_POD_SECURITY}enforce must be restricted. Fix: set it'",
        ),
        Validation(
            expression=f"variables.labels[?{literal(f'{_POD_SECURITY}enforce-version')}].orValue('')"
            ".matches('^v1[.][0-9]+$')",
            message=f"'the label {_POD_SECURITY}enforce-version must be a version such as v1.37: with latest,"
            " an upgrade of the cluster changes what is accepted. Fix: set it'",
        ),
    ),
)
