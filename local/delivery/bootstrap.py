"""What Argo CD finds in the cluster when it starts: its namespace, settings, rights, classes of volumes, nodes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast

from local.controlplane import nodes, simulations
from spec.naming import ARGO_CD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.kube import KubeApi

_PART = {"app.kubernetes.io/part-of": "argocd"}
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "update", "patch", "delete"]


def apply(
    api: KubeApi,
    settings: Mapping[str, str],
    delivered: Mapping[str, tuple[str, ...]],
    alone: Iterable[str] = (),
) -> bool:
    """Apply what is missing or differs; tell whether anything was.

    `delivered` are the kinds, by API group, that Argo CD may write; `alone` are the tenants with nodes of their own.
    """
    changed = False
    for wanted in (*_objects(settings, delivered), *simulations.storage_classes()):
        path = api.path(wanted)
        there = api.get(path)
        if there is None or not _holds(there, wanted):
            api.apply(wanted)
            changed = True
    for node in (each for tenant in alone for each in nodes.manifests_of(tenant)):
        if api.get(api.path(node)) is None:
            api.apply(node)
            changed = True
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": _meta("argocd-secret")}
    if api.get(api.path(secret)) is None:
        api.apply({**secret, "stringData": {"server.secretkey": secrets.token_urlsafe(32)}})
        changed = True
    return changed


def _objects(settings: Mapping[str, str], delivered: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": _READ},
        {"nonResourceURLs": ["*"], "verbs": ["get"]},
        {"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": _WRITE},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    rules += [
        {"apiGroups": [group], "resources": [f"{kind.lower()}s" for kind in kinds], "verbs": _WRITE}
        for group, kinds in delivered.items()
    ]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ARGO_CD, "labels": _PART}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("argocd-cm"), "data": dict(settings)},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _meta("argocd-rbac-cm"),
            "data": {"policy.default": ""},
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "argocd", "labels": _PART},
            "rules": rules,
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "argocd", "labels": _PART},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "argocd"},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": "argocd"}],
        },
    ]


def _meta(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": ARGO_CD, "labels": _PART}


def _holds(there: Any, wanted: Any) -> bool:  # noqa: ANN401 - of any field
    """Tell whether an object has all that is wanted of it; the server adds fields of its own."""
    if isinstance(wanted, dict):
        fields = cast("dict[str, Any]", wanted)
        return all(key in there and _holds(there[key], value) for key, value in fields.items())
    return there == wanted
