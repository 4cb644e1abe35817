"""What a planned object becomes where pods do run on the embedded environment's real node. Pure.

Everywhere else its pods are on nodes that run nothing, so that nobody could wait for them. Here the engine waits for
what runs: StatefulSets as it always does, and what CloudNativePG makes by what its objects say of
themselves. What a pod needs beyond that (the images that are there, the room on one node) is `local.node.fit`'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from components.admission.known import KEY
from components.cache.pod import SKIP_AWAIT
from local.node.fit import fitted
from policy.admission.known import LIST_KEY, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from components.manifests import KubeObject
    from components.plan import EnvironmentPlan

WAIT_FOR: Final = "pulumi.com/waitFor"
"""Annotation by which the engine's provider waits for what an object of an operator says of itself."""
READY: Final[Mapping[str, str]] = {
    "Cluster": "condition=Ready",
    "Pooler": "jsonpath={.status.phase}=active",
    "DatabaseRole": "jsonpath={.status.applied}=true",
    "Database": "jsonpath={.status.applied}=true",
}
"""Kind of CloudNativePG -> when it is there: all instances, the pooler, the role and the database in PostgreSQL."""
ARCHIVE: Final = frozenset({"ObjectStore", "ScheduledBackup"})
"""What the plug-in of the archive reads, which does not run here: declared, it would say that there is an archive."""


def placed(plan: EnvironmentPlan, images: Mapping[str, str] | None) -> EnvironmentPlan:
    """Return a plan as it is declared: the same objects, and with `images` those whose pods run on the real node.

    Args:
        plan: of the environment.
        images: each image that plans name and the one that the node has; None: no pod runs there.

    """
    if images is None:
        return plan
    return replace(
        plan,
        admission=replace(
            plan.admission, objects=tuple(_admitted(each, images) for each in plan.admission.objects)
        ),
        cells=tuple(replace(each, objects=_all(each.objects, images)) for each in plan.cells),
        tenants=tuple(replace(each, objects=_all(each.objects, images)) for each in plan.tenants),
        recovery=None
        if plan.recovery is None
        else replace(plan.recovery, objects=_all(plan.recovery.objects, images)),
    )


def _all(objects: Iterable[KubeObject], images: Mapping[str, str]) -> tuple[KubeObject, ...]:
    return tuple(object_on_node(each, images) for each in objects if each.kind not in ARCHIVE)


def _admitted(planned: KubeObject, images: Mapping[str, str]) -> KubeObject:
    """Return the list of known images with those that are in the place of others: they are what runs."""
    if planned.key != KEY:
        return planned
    here = {canonical(name): reference for name, reference in images.items() if "@" in name}
    listed: str = planned.manifest["data"][LIST_KEY]
    lines = [here.get(line, line) for line in listed.splitlines()]
    data = {LIST_KEY: "".join(f"{line}\n" for line in sorted(set(lines)))}
    return replace(planned, manifest={**planned.manifest, "data": data})


def object_on_node(planned: KubeObject, images: Mapping[str, str]) -> KubeObject:
    """Return an object as it is on the real node; one of an operator that does not run there stays as planned."""
    made = fitted(planned.manifest, images, instances=_instances(planned))
    if made is None:
        return planned
    metadata: dict[str, Any] = dict(made["metadata"])
    annotations = dict(metadata.pop("annotations", {}))
    if planned.kind != "Service":  # the engine would wait for a pod, and the pod is planned after its Service
        annotations.pop(SKIP_AWAIT, None)
    if planned.custom and planned.kind in READY:
        annotations[WAIT_FOR] = READY[planned.kind]
    if annotations:
        metadata["annotations"] = annotations
    return replace(planned, manifest={**made, "metadata": metadata})


def _instances(planned: KubeObject) -> int:
    """Return how many instances of a database the node bears: two show everything that more would."""
    return min(2, planned.manifest["spec"]["instances"]) if planned.kind == "Cluster" else 1
