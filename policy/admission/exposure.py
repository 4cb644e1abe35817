"""No way from outside into a namespace but the ingress controller's."""

from typing import Final

from policy.admission.frame import Admission, Target, Validation
from spec import labels

PART: Final = Admission(
    rule="service-exposure",
    why="A node port, a load balancer or an external name leads around the ingress controller and its TLS.",
    roles=(labels.ROLE_TENANT, labels.ROLE_CELL),
    targets=(Target(groups=("",), resources=("services",)),),
    variables={"type": "object.spec.?type.orValue('ClusterIP')"},
    validations=(
        Validation(
            expression="variables.type == 'ClusterIP'",
            message="'a Service of type ' + variables.type + ' is not allowed here. Fix: leave it ClusterIP,"
            " and reach it by an IngressRoute'",
        ),
        Validation(
            expression="object.spec.?externalIPs.orValue([]).size() == 0",
            message="'externalIPs draw traffic that is meant for others. Fix: remove them'",
        ),
    ),
)
