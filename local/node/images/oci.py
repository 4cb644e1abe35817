"""An image as an OCI archive: one layer, its configuration and its manifest, the same bytes for the same content. Pure.

Layers are not compressed: another zlib would make other bytes of the same files, and so another digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REGISTRY: Final = "storefleet.local"
"""Nothing answers there: what is not imported cannot run, and nothing is pulled."""
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """Return how images name this machine's kind."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def write(name: str, settings: Mapping[str, Any], layer: Path, diff: str, target: Path) -> str:
    """Write the archive of an image and return the digest of its manifest.

    `settings` is the `config` of the image's configuration; `layer` an archive whose digest is `diff`.
    """
    size = layer.stat().st_size
    config = _json(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": dict(settings),
            "rootfs": {"type": "layers", "diff_ids": [diff]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [{"mediaType": _LAYER, "digest": diff, "size": size}],
        }
    )
    described = _descriptor(_MANIFEST, manifest)
    digest = str(described["digest"])
    names = {"io.containerd.image.name": reference(name, digest)}
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [{**described, "annotations": names}]}
    with tarfile.open(target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in (
            (f"blobs/{_digest(config).replace(':', '/')}", config),
            (f"blobs/{digest.replace(':', '/')}", manifest),
            ("index.json", _json(index)),
            ("oci-layout", _json({"imageLayoutVersion": "1.0.0"})),
        ):
            archive.addfile(_member(path, len(data)), io.BytesIO(data))
        with layer.open("rb") as content:
            archive.addfile(_member(f"blobs/{diff.replace(':', '/')}", size), content)
    return digest


def reference(name: str, digest: str) -> str:
    """Return the name by which a pod asks for an image."""
    return f"{REGISTRY}/{name}@{digest}"


def _member(path: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.size, member.mode = size, 0o444
    return member


def _descriptor(media: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media, "digest": _digest(data), "size": len(data)}


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
