"""What the engine's state names, against what the cluster holds: nothing may be in one and not in the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.kube import KINDS
from local.trouble import EnvironmentTrouble
from spec import labels

if TYPE_CHECKING:
    from pathlib import Path

    from local.kube import KubeApi

_DELIVERED = "argocd.argoproj.io/tracking-id"
"""Annotation of what Argo CD applies: it stands in Git, and in no state."""


@dataclass(frozen=True, order=True)
class Item:
    """One object: its kind, its namespace ("" for cluster-wide ones) and its name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Two sets of objects: those in the engine's state and those in the cluster that carry our label."""

    state: frozenset[Item]
    cluster: frozenset[Item]

    @property
    def orphans(self) -> list[Item]:
        """Objects that the cluster holds and no state names."""
        return sorted(self.cluster - self.state)

    @property
    def missing(self) -> list[Item]:
        """Objects that the state names and the cluster does not hold."""
        return sorted(self.state - self.cluster)


def take(state_file: Path, api: KubeApi) -> Inventory:
    """Compare a stack's state file with the cluster, over every kind that the platform declares."""
    return Inventory(state=frozenset(in_state(state_file)), cluster=frozenset(_in_cluster(api)))


def in_state(state_file: Path) -> list[Item]:
    """Return the objects that a stack's state file names, one entry a resource; none without a file."""
    if not state_file.exists():
        return []
    kinds = {token: kind for (_, kind), token in KINDS.items()}
    try:
        data: dict[str, Any] = json.loads(state_file.read_text())
    except ValueError as error:
        raise EnvironmentTrouble(
            f"{state_file} cannot be read: `storefleet up` puts the last whole copy in its place."
        ) from error
    latest: dict[str, Any] = data.get("checkpoint", {}).get("latest") or {}
    resources: list[dict[str, Any]] = latest.get("resources") or []
    return [_item(kinds[r["type"]], str(r["id"])) for r in resources if r["type"] in kinds and r.get("id")]


def _item(kind: str, identity: str) -> Item:
    namespace, _, name = identity.rpartition("/")
    return Item(kind, namespace, name)


def _in_cluster(api: KubeApi) -> list[Item]:
    selector = f"{labels.MANAGED_BY}={labels.MANAGED_BY_VALUE}"
    found: list[Item] = []
    for api_version, kind in KINDS:
        for item in api.every(api_version, kind, labelSelector=selector):
            metadata = item["metadata"]
            if _DELIVERED in (metadata.get("annotations") or {}):
                continue
            found.append(Item(kind, str(metadata.get("namespace", "")), str(metadata["name"])))
    return found
