"""What a fresh API server needs before the platform comes: CRDs, kwok's rights, and nodes."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from local.controlplane import nodes, simulations
from local.controlplane.services import FAKE_NODE
from local.kube import ApiError
from local.toolchain import files, published

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.kube import KubeApi

_RECORD = {"namespace": "kube-system", "name": "storefleet-embedded"}
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CONFLICT = 409
_WORKERS = 4


def apply(api: KubeApi) -> bool:
    """Apply what is missing and tell whether anything was applied.

    A record in the cluster names what was applied last: a second start reads that and nothing else.
    """
    rights = [d for d in files.documents(published.KWOK_FILES) if d["kind"] == "ClusterRole"]
    rights.append(simulations.rights())
    rights += [_binding(str(role["metadata"]["name"])) for role in rights]
    wanted = _digest([files.folder(crds).name for crds in published.CRDS], rights, nodes.manifests())
    record = api.get(f"/api/v1/namespaces/{_RECORD['namespace']}/configmaps/{_RECORD['name']}")
    if record is not None and record.get("data", {}).get("applied") == wanted:
        return False
    for manifest in (*rights, *nodes.manifests()):
        api.apply(manifest)
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(partial(_define, api), definitions()))
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": _RECORD, "data": {"applied": wanted}})
    return True


def waiting_for(api: KubeApi, *, fresh: bool) -> str:
    """Return what is not there yet, in a few words, or nothing when the cluster can be used.

    ``fresh``: definitions were just applied; otherwise they were established at an earlier start.
    """
    if api.get("/api/v1/namespaces/default/serviceaccounts/default") is None:
        return "the controller manager (the default service account)"
    ours = [n for n in api.items("/api/v1/nodes") if FAKE_NODE in n["metadata"].get("annotations", {})]
    missing = [
        n for n in ours if not _is(n, "Ready")
    ]  # a node that runs pods is waited for where it is started
    if missing:
        return f"{len(missing)} nodes"
    return _unserved(api) if fresh else ""


def unlisted(api: KubeApi, *, fresh: bool) -> str:
    """Return what the API server does not serve yet, in a few words: kwok ends when it cannot list everything.

    ``fresh``: as for `waiting_for`.
    """
    if slow := _unserved(api) if fresh else "":
        return slow
    groups: list[dict[str, Any]] = (api.get("/apis") or {}).get("groups", [])
    listed = {str(version["groupVersion"]) for group in groups for version in group["versions"]}
    missing = [each for each in sorted({*listed, *simulations.GROUPS}) if api.get(f"/apis/{each}") is None]
    return f"{', '.join(missing[:3])} to be served" if missing else ""


def _unserved(api: KubeApi) -> str:
    wanted = {
        (crd["spec"]["group"], version["name"], crd["spec"]["names"]["plural"])
        for crd in definitions()
        for version in crd["spec"]["versions"]
        if version["served"]
    }
    slow = wanted - api.served()  # a list of the definitions themselves would be megabytes at every look
    return f"{len(slow)} custom resources to be served" if slow else ""


@cache
def definitions(modules: tuple[published.Files, ...] = published.CRDS) -> tuple[dict[str, Any], ...]:
    """Return the CRDs as they are applied: the modules' own, without the descriptions in their schemas.

    Those are two thirds of the six megabytes, no rule of validation, and cost the API server a third of
    its start. `kubectl explain` has the fields and types, and not the prose.
    """
    documents = [document for crds in modules for document in files.documents(crds)]
    for document in documents:
        for version in document["spec"]["versions"]:
            _without_descriptions(version["schema"]["openAPIV3Schema"])
    return tuple(documents)


def _without_descriptions(schema: dict[str, Any]) -> None:
    """Remove the descriptions of a schema and of those in it; defaults and enumerations are left alone."""
    schema.pop("description", None)
    inner = [*schema.get("properties", {}).values(), *schema.get("patternProperties", {}).values()]
    inner += [schema[key] for key in ("items", "additionalProperties", "not") if key in schema]
    inner += [each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key, [])]
    for each in inner:
        if isinstance(each, dict):  # `additionalProperties` may be true or false
            _without_descriptions(each)  # pyright: ignore[reportUnknownArgumentType]


def _define(api: KubeApi, crd: Mapping[str, Any]) -> None:
    """Create a definition, which costs the server less than applying it, unless an earlier start has."""
    try:
        api.post(_CRDS, crd)
    except ApiError as error:
        if error.status != _CONFLICT:
            raise
        api.apply(crd)


def stages(folder: Path) -> tuple[Path, ...]:
    """Return the files that say what kwok does to nodes, pods, volumes and certificates; ours are in a folder."""
    theirs = [path for path in files.paths(published.KWOK_FILES) if path.name.startswith("Stage-")]
    return (*theirs, *simulations.stages(folder))


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
