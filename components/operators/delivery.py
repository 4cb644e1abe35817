"""Values of the operators that deliver: Argo CD, and Argo Rollouts for its analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.delivery.notifications import notifications
from components.delivery.settings import controller_settings
from components.operators.inputs import resources

if TYPE_CHECKING:
    from components.operators.inputs import OperatorInputs


ANALYSES_ONLY: Final = ("--controllers", "analysis")
"""Arguments of the controller of Argo Rollouts: it carries out analyses, and no Rollout, Service or Ingress."""


def argo_cd(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Argo CD: no local administrator, no shell into pods, nothing exposed by itself."""
    return {
        "crds": {"install": False},
        "global": {"networkPolicy": {"create": True}},
        "configs": {
            "cm": controller_settings(inputs.calendars),
            "rbac": {"policy.default": ""},
            # The chart writes the Secret without a value; Argo CD puts its key into it, inside the cluster.
            "secret": {"createSecret": True},
        },
        "dex": {"enabled": False},
        "controller": {
            "resources": resources("500m", "1Gi", most="2Gi"),
            "metrics": {"enabled": True},
        },
        "server": {
            "replicas": inputs.replicas,
            "resources": resources("100m", "256Mi", most="512Mi"),
            "service": {"type": "ClusterIP"},
            "ingress": {"enabled": False},
        },
        "repoServer": {
            "replicas": inputs.replicas,
            "resources": resources("250m", "512Mi", most="1Gi"),
        },
        "applicationSet": {
            "replicas": inputs.replicas,
            "resources": resources("100m", "256Mi", most="512Mi"),
        },
        "notifications": {"resources": resources("50m", "128Mi"), **notifications()},
        "redis": {"resources": resources("100m", "128Mi", most="256Mi")},
        # The password of its cache is made by a job in the cluster, so no rendered manifest has it.
        "redisSecretInit": {"enabled": True, "resources": resources("50m", "64Mi")},
    }


def argo_rollouts(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Argo Rollouts: the controller of analyses alone, without rights over traffic."""
    return {
        "installCRDs": False,
        "controller": {
            "replicas": inputs.replicas,
            "extraArgs": list(ANALYSES_ONLY),
            "resources": resources("50m", "128Mi", most="256Mi"),
            "metrics": {"enabled": True},
            "pdb": {"enabled": inputs.replicas > 1, "maxUnavailable": 1},
        },
        "providerRBAC": {"enabled": False},
        "notifications": {"configmap": {"create": False}},
        "dashboard": {"enabled": False},
    }
