"""How Argo CD itself behaves: the same settings for its chart in AWS and for the embedded processes."""

import json
from collections.abc import Iterable
from typing import Any, Final

from components.delivery.projects import COMMON, calendar_project
from spec import labels
from spec.naming import bounded

_INCLUDED: Final = (
    "",
    "apps",
    "batch",
    "cert-manager.io",
    "external-secrets.io",
    "keda.sh",
    "networking.k8s.io",
    "policy",
    "traefik.io",
)
"""API groups that Argo CD watches: what a workload has, and what could stand in its way. Watching all of them costs
memory and the API server's time for nothing."""
_LEFT_OUT: Final = ("Endpoints", "Event", "Node", "PersistentVolume", "Secret")
"""Kinds of the core group that it does not watch; no Secret is ever in its memory or its cache."""


def controller_settings(calendars: Iterable[str]) -> dict[str, str]:
    """Return what stands in `argocd-cm`; `calendars` are the ids of those that tenants are under."""
    inherited: list[dict[str, Any]] = [_inherits(labels.ROLE, labels.ROLE_TENANT, COMMON)]
    inherited += [
        _inherits(labels.CALENDAR, bounded(each), calendar_project(each)) for each in sorted(calendars)
    ]
    included = [{"apiGroups": list(_INCLUDED), "kinds": ["*"], "clusters": ["*"]}]
    left_out = [{"apiGroups": [""], "kinds": list(_LEFT_OUT), "clusters": ["*"]}]
    return {
        "admin.enabled": "false",
        "exec.enabled": "false",
        # An annotation names the Application of an object in full; a label is cut, and charts set it themselves.
        "application.resourceTrackingMethod": "annotation",
        # Another revision than Git's is a privilege of its own, which nobody has.
        "application.sync.requireOverridePrivilegeForRevisionSync": "true",
        "globalProjects": json.dumps(inherited),
        "resource.inclusions": json.dumps(included),
        "resource.exclusions": json.dumps(left_out),
    }


def _inherits(label: str, value: str, project: str) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {label: value}}, "projectName": project}
