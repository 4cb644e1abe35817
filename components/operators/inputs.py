"""What the values of the operators follow from: facts of the environment, and the parts that values share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class OperatorInputs:
    """Facts of an environment, as far as an operator's values depend on them.

    Everything here is known before anything exists: names are deterministic, so no chart waits for an output.
    """

    environment: str
    """local, dev, staging, production or dr."""
    replicas: int = 1
    """Copies of what may run more than once: 2 where an outage of minutes matters, else 1."""
    region: str = ""
    """Region of AWS; empty where there is none."""
    cluster: str = ""
    """Name of the EKS cluster; empty where it is another kind of cluster."""
    vpc_name: str = ""
    """Tag `Name` of the VPC, by which the load balancer controller finds it."""
    interruption_queue: str = ""
    """Name of the SQS queue that tells Karpenter of Spot nodes about to go; empty: none."""
    log_bucket: str = ""
    """Bucket of the logs; empty: they stay on the volume of Loki's pod."""
    log_days: int = 30
    """How many days logs can be searched."""
    ingress: str = "ClusterIP"
    """Type of the ingress controller's Service. A LoadBalancer is one only where this says so."""
    calendars: tuple[str, ...] = ()
    """Ids of the calendars that Argo CD is told of."""
    priority_class: str = "system-cluster-critical"


POD: Final[dict[str, Any]] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
"""Security context of a pod, for charts that come without one."""
CONTAINER: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""Security context of a container that the standard `restricted` lets in."""


def resources(cpu: str, memory: str, *, most: str = "") -> dict[str, Any]:
    """Return requests, and a limit of memory (`most`, else the request). A limit of CPU would only slow it."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": most or memory}}
