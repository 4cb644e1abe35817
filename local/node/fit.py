"""What the platform's own objects become on one small node: the images that are here, the room there is. Pure.

Nothing else of them changes: the plans, charts and rules are those of every environment. What is lost by it is said
where figures are shown: one node is one zone, so instances lie side by side, and they are small.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from local.node.settings import HERE

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE_CLASS: Final = "node"
VOLUME: Final = "2Gi"
_CPU: Final = "20m"
_MEMORY: Final = "32Mi"
_INSTANCE: Final = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}}
_SIDECAR: Final = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
_PARAMETERS: Final = {
    "shared_buffers": "128MB",
    "effective_cache_size": "256MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "max_slot_wal_keep_size": "1024MB",
}
ELSEWHERE: Final = frozenset(
    {"ExternalSecret", "PodMonitor", "Certificate", "ScaledObject", "ScheduledBackup"}
)
"""Kinds whose operators do not run here: what they would make is made by whoever calls, or is not there."""


def fitted(
    manifest: Mapping[str, Any], images: Mapping[str, str], *, instances: int = 2, archiving: bool = False
) -> dict[str, Any] | None:
    """Return a manifest as it is applied to the real node; None for one whose operator does not run here.

    `images` maps each image that a plan names to the one that is here, by its whole reference. `archiving` says that
    CloudNativePG's plugin runs as well, which archives to a store of objects.
    """
    if manifest["kind"] in ELSEWHERE or (manifest["kind"] == "ObjectStore" and not archiving):
        return None
    made: dict[str, Any] = _replaced(copy.deepcopy(dict(manifest)), images)
    kind, spec = made["kind"], made.get("spec", {})
    if kind == "Cluster":
        _cluster(spec, instances)
        if not archiving:
            spec.pop("plugins", None)
    elif kind == "Pooler":
        spec["instances"] = 1
    elif kind == "PersistentVolumeClaim":
        _claim(spec)
    elif kind == "ObjectStore":
        spec["instanceSidecarConfiguration"]["resources"] = copy.deepcopy(_SIDECAR)
    for claim in spec.get("volumeClaimTemplates", []):
        _claim(claim["spec"])
    for pod in _pods(made):
        _place(pod)
    return made


def _cluster(spec: dict[str, Any], instances: int) -> None:
    spec["instances"] = instances
    spec["affinity"] = {
        **{key: value for key, value in spec.get("affinity", {}).items() if key not in HERE},
        "podAntiAffinityType": "preferred",
        **HERE,
    }
    spec["resources"] = copy.deepcopy(_INSTANCE)
    spec["postgresql"]["parameters"] |= _PARAMETERS
    if instances == 1:  # nobody is there to confirm, and the operator refuses to ask for it
        spec["postgresql"].pop("synchronous", None)
    for volume in ("storage", "walStorage"):
        if volume in spec:
            spec[volume] = {"size": VOLUME, "storageClass": STORAGE_CLASS}


def _claim(spec: dict[str, Any]) -> None:
    spec["storageClassName"] = STORAGE_CLASS
    spec["resources"] = {"requests": {"storage": VOLUME}}
    if spec.get("accessModes") == ["ReadWriteMany"]:
        # A folder of the only node, so whoever may mount it is on the node that has it.
        spec["accessModes"] = ["ReadWriteOnce"]


def _place(pod: dict[str, Any]) -> None:
    pod.pop("affinity", None)
    pod.pop("topologySpreadConstraints", None)
    pod.update(copy.deepcopy(dict(HERE)))
    for container in (*pod.get("containers", []), *pod.get("initContainers", [])):
        resources = container.get("resources")
        if resources:
            resources["requests"] = {"cpu": _CPU, "memory": _MEMORY}
            limits = resources.get("limits", {})
            resources["limits"] = {key: value for key, value in limits.items() if key == "memory"}


def _pods(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any part of a manifest
    """Return every specification of a pod in a manifest."""
    if isinstance(value, list):
        return [pod for each in value for pod in _pods(each)]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, dict):
        return []
    found: list[dict[str, Any]] = [value] if isinstance(value.get("containers"), list) else []  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    return found + [pod for each in value.values() for pod in _pods(each)]  # pyright: ignore[reportUnknownVariableType]


def _replaced(value: Any, images: Mapping[str, str]) -> Any:  # noqa: ANN401 - any part of a manifest
    if isinstance(value, str):
        return images.get(value, value)
    if isinstance(value, list):
        return [_replaced(each, images) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: _replaced(each, images) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
