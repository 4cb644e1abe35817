"""Whatever holds data is deleted only after somebody has confirmed it in writing, on the object, on the day.

The annotation reads `<name of the object> <YYYY-MM-DD>`, the date being today's in UTC. CEL has no clock, so
the policy takes the time from the Lease that each API server renews every ten seconds
(`params.spec.renewTime`). A server that is gone leaves its Lease behind for an hour, and people's midnight is
not UTC's: two hours on both sides of the day are allowed. Without any Lease everything is refused.
"""

from typing import Final

from policy.admission.frame import (
    DELETE,
    NOT_BY_CONTROLLERS,
    Admission,
    Parameter,
    Target,
    Validation,
    literal,
    owned,
)
from spec import labels

_CLAIMED_IN: Final = "dyn(oldObject).spec.?claimRef.?namespace.orValue('')"
_ROLES: Final = literal((labels.ROLE_TENANT, labels.ROLE_CELL))


# A volume belongs to no namespace; the claim that it is bound to does. What is reclaimed by itself when its
# claim goes was confirmed with the claim.
_CONCERNED: Final = (
    f"request.resource.resource == 'namespaces' ? {owned('oldObject.metadata.name')}"
    f" || oldObject.metadata.?labels[?{literal(labels.ROLE)}].orValue('') in {_ROLES}"
    " : request.resource.resource == 'persistentvolumes' ?"
    " dyn(oldObject).spec.?persistentVolumeReclaimPolicy.orValue('Retain') == 'Retain' &&"
    f" {owned(_CLAIMED_IN)}"
    f" : {owned('request.namespace')}"
)

PART: Final = Admission(
    rule="stateful-protected",
    why="Deleting a namespace or a claim takes a shop's data with it, and a slip is enough.",
    roles=(),
    targets=(
        Target(
            groups=("",),
            resources=("namespaces", "persistentvolumeclaims", "persistentvolumes"),
            operations=DELETE,
        ),
        Target(groups=("postgresql.cnpg.io",), resources=("clusters", "databases"), operations=DELETE),
        Target(groups=("barmancloud.cnpg.io",), resources=("objectstores",), operations=DELETE),
    ),
    conditions={"somebodys-wish": NOT_BY_CONTROLLERS, "concerned": _CONCERNED},
    variables={
        "said": f"oldObject.metadata.?annotations[?{literal(labels.CONFIRM_DELETION)}].orValue('')",
        "now": "timestamp(string(params.spec.renewTime))",
        "days": "[variables.now, variables.now - duration('2h'), variables.now + duration('2h')]"
        ".map(t, string(t).substring(0, 10))",
        "due": "variables.days.map(d, oldObject.metadata.name + ' ' + d)",
    },
    validations=(
        Validation(
            expression="variables.said in variables.due",
            message="oldObject.metadata.name + ' holds data, and its deletion is not confirmed for today. Fix:"
            f" if it is meant, first set the annotation {labels.CONFIRM_DELETION} of it to '"
            " + variables.due[0]",
        ),
    ),
    parameter=Parameter.CLOCK,
)
