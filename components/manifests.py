"""What a plan says about one object of the cluster: its manifest, and why it exists.

Pure: no engine, no cluster, no I/O. Plans build these; `components.kube` declares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Manifest: TypeAlias = Mapping[str, Any]
"""A Kubernetes object as the API server takes it: camelCase keys, plain values, nothing computed."""


@dataclass(frozen=True, kw_only=True)
class ObjectMeta:
    """The metadata of a manifest, read back."""

    name: str
    namespace: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KubeObject:
    """One object of the cluster.

    `key` is its short name inside the component that declares it and part of its URN: changing it
    replaces the object. `why` is one sentence for people. A `protect`ed object is not deleted by the
    engine until someone lifts the protection. `after` names objects, by their keys, that are declared before
    this one in the same component, made before it and deleted after it.
    """

    key: str
    manifest: Manifest
    why: str
    protect: bool = False
    after: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """The manifest's apiVersion, such as `networking.k8s.io/v1`."""
        return str(self.manifest["apiVersion"])

    @property
    def kind(self) -> str:
        """The manifest's kind, such as `NetworkPolicy`."""
        return str(self.manifest["kind"])

    @property
    def custom(self) -> bool:
        """Whether an operator brings the definition of its kind, so that it cannot be there before the operator."""
        group = self.api_version.partition("/")[0]
        return "." in group and not group.endswith(".k8s.io")

    @property
    def meta(self) -> ObjectMeta:
        """Name, namespace (None for an object of the whole cluster) and labels."""
        metadata = self.manifest["metadata"]
        return ObjectMeta(
            name=metadata["name"], namespace=metadata.get("namespace"), labels=metadata["labels"]
        )


def manifest(
    api_version: str,
    kind: str,
    name: str,
    *,
    labels: Mapping[str, str],
    namespace: str | None = None,
    annotations: Mapping[str, str] | None = None,
    **body: object,
) -> Manifest:
    """Write a manifest with its metadata first; `body` holds the other top-level keys, in camelCase."""
    metadata: dict[str, object] = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
