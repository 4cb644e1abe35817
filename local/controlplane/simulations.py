"""What kwok answers for beside nodes and pods: the volumes of files, and certificates. Nothing is behind either.

The stages make what a provisioner and a certificate authority would make, so that what waits for them goes on. The
binding of a volume to its claim is done by the real controller.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from local.state import write
from spec.tiers import TIERS

if TYPE_CHECKING:
    from pathlib import Path

PROVISIONER: Final = "storefleet.dev/simulated"
ROLE: Final = "storefleet-simulations"
GROUPS: Final = ("cert-manager.io/v1",)
"""The groups of kinds that are answered for and that definitions bring: kwok ends where one is not served."""
STORAGE_CLASSES: Final = tuple(sorted({preset.storage_class for preset in TIERS.values()}))

_VOLUME: Final = """\
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-{{ .metadata.uid }}
  annotations:
    pv.kubernetes.io/provisioned-by: storefleet.dev/simulated
spec:
  accessModes:
  {{ YAML .spec.accessModes 1 }}
  capacity:
  {{ YAML .spec.resources.requests 2 }}
  persistentVolumeReclaimPolicy: Retain
  storageClassName: {{ .spec.storageClassName | Quote }}
  volumeMode: Filesystem
  claimRef:
    apiVersion: v1
    kind: PersistentVolumeClaim
    name: {{ .metadata.name | Quote }}
    namespace: {{ .metadata.namespace | Quote }}
    uid: {{ .metadata.uid | Quote }}
  hostPath:
    path: /nonexistent
"""
_CERTIFICATE: Final = """\
conditions:
- type: Ready
  status: "True"
  reason: Simulated
  message: Nothing issues certificates here
  lastTransitionTime: {{ Now | Quote }}
"""


def rights() -> dict[str, Any]:
    """Return the ClusterRole that kwok needs for its part."""
    reads = ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": reads},
        {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": [*reads, "create", "patch"]},
        {"apiGroups": ["cert-manager.io"], "resources": ["certificates"], "verbs": reads},
        {
            "apiGroups": ["cert-manager.io"],
            "resources": ["certificates/status"],
            "verbs": ["get", "patch", "update"],
        },
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLE},
        "rules": rules,
    }


def storage_classes() -> tuple[dict[str, Any], ...]:
    """Return the classes of the tenants' files; in AWS the stack has its own under the same names."""
    return tuple(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": PROVISIONER,
            "reclaimPolicy": "Retain",
            "volumeBindingMode": "Immediate",
        }
        for name in STORAGE_CLASSES
    )


def stages(folder: Path) -> tuple[Path, ...]:
    """Write the stages into a folder, where they are not there as they should be, and return their files."""
    classes = ", ".join(f"'{name}'" for name in STORAGE_CLASSES)
    found = {
        "volume": _stage(
            "volume-of-files",
            {"apiGroup": "v1", "kind": "PersistentVolumeClaim"},
            [
                f"has(self.spec.storageClassName) && self.spec.storageClassName in [{classes}]",
                "!has(self.spec.volumeName)",
            ],
            {"apply": {"template": _VOLUME}},
        ),
        "certificate": _stage(
            "certificate",
            {"apiGroup": "cert-manager.io/v1", "kind": "Certificate"},
            ["!(has(self.status) && has(self.status.conditions))"],
            {"patch": {"root": "status", "subresource": "status", "template": _CERTIFICATE}},
        ),
    }
    paths: list[Path] = []
    for name, stage in found.items():
        path, text = folder / f"{name}.json", json.dumps(stage, indent=2)
        if not path.exists() or path.read_text() != text:
            write(path, text)
        paths.append(path)
    return tuple(paths)


def _stage(
    name: str, resource: dict[str, str], conditions: list[str], step: dict[str, Any]
) -> dict[str, Any]:
    expressions = ["!has(self.metadata.deletionTimestamp)", *conditions]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": resource,
            "selector": {"matchExpressions": [{"cel": {"expression": each}} for each in expressions]},
            "steps": [step],
        },
    }
