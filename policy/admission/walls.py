"""The bounds of a namespace are the platform's alone."""

from typing import Final

from policy.admission.frame import (
    BY_PLATFORM,
    DELETE,
    NOT_BY_CONTROLLERS,
    WRITE,
    Admission,
    Target,
    Validation,
)
from spec import labels

_ANY: Final = (*WRITE, *DELETE)
_RBAC: Final = "rbac.authorization.k8s.io"

PART: Final = Admission(
    rule="tenant-isolation",
    part="walls",
    why="One more network policy or binding opens what all others close, and a chart could bring it.",
    roles=(labels.ROLE_TENANT, labels.ROLE_CELL),
    targets=(
        Target(groups=("",), resources=("resourcequotas", "limitranges"), operations=_ANY),
        Target(groups=("networking.k8s.io",), resources=("networkpolicies",), operations=_ANY),
        Target(groups=(_RBAC,), resources=("roles", "rolebindings"), operations=_ANY),
    ),
    conditions={"somebodys-wish": NOT_BY_CONTROLLERS},
    variables={
        # The database's operator gives each of its clusters a role of its own.
        "operators": f"request.resource.group == '{_RBAC}' && "
        f"namespaceObject.?metadata.?labels[?'{labels.ROLE}'].orValue('') == '{labels.ROLE_CELL}'",
    },
    validations=(
        Validation(
            expression=f"variables.operators || {BY_PLATFORM}",
            message="'only the platform writes ' + request.resource.resource + ' here. Fix: change the file of"
            " the tenant or the cell, and apply it'",
        ),
    ),
)
