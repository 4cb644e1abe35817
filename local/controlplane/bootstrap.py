"""What a fresh API server needs before the platform comes: CRDs, kwok's rights, and nodes."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from local.controlplane import nodes
from local.toolchain import catalog, files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.kube import KubeApi

_RECORD = {"namespace": "kube-system", "name": "storefleet-embedded"}
_WORKERS = 8


def apply(api: KubeApi) -> bool:
    """Apply what is missing and tell whether anything was applied.

    A record in the cluster names what was applied last: a second start reads that and nothing else.
    """
    rights = [d for d in files.documents(catalog.KWOK_FILES) if d["kind"] == "ClusterRole"]
    rights += [_binding(str(role["metadata"]["name"])) for role in rights]
    wanted = _digest([files.folder(crds).name for crds in catalog.CRDS], rights, nodes.manifests())
    record = api.get(f"/api/v1/namespaces/{_RECORD['namespace']}/configmaps/{_RECORD['name']}")
    if record is not None and record.get("data", {}).get("applied") == wanted:
        return False
    definitions = [document for crds in catalog.CRDS for document in files.documents(crds)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(api.apply, [*definitions, *rights, *nodes.manifests()]))
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": _RECORD, "data": {"applied": wanted}})
    return True


def waiting_for(api: KubeApi, *, fresh: bool) -> str:
    """Return what is not there yet, in a few words, or nothing when the cluster can be used.

    ``fresh``: definitions were just applied; otherwise they were established at an earlier start.
    """
    if api.get("/api/v1/namespaces/default/serviceaccounts/default") is None:
        return "the controller manager (the default service account)"
    missing = [n for n in api.items("/api/v1/nodes") if not _is(n, "Ready")]
    if missing:
        return f"{len(missing)} nodes"
    if not fresh:
        return ""
    crds = api.items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    slow = [crd["metadata"]["name"] for crd in crds if not _is(crd, "Established")]
    return f"{len(slow)} custom resource definitions" if slow else ""


def stages() -> tuple[Path, ...]:
    """Return the files that say what kwok does to nodes and pods."""
    return tuple(path for path in files.paths(catalog.KWOK_FILES) if path.name.startswith("Stage-"))


def _binding(role: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "kwok-controller"}],
    }


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _is(item: Mapping[str, Any], condition: str) -> bool:
    conditions: list[Mapping[str, Any]] = item.get("status", {}).get("conditions") or []
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)
