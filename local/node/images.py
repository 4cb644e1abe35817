"""Images of the real node: a static program each, as one layer, built here and named by digest.

Reproducible: the same Go and the same source give the same bytes, hence the same digest, on every machine of a kind.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from local.toolchain import cache, golang
from local.toolchain.catalog import GO_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES: Final = Path(__file__).parent / "programs"
_REGISTRY: Final = "storefleet.local"
"""Nothing answers there: what is not imported cannot run, and nothing is pulled."""
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_NOBODY: Final = 65532
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Image:
    """One row of the table: a program of `programs/<name>`, who it runs as, and on which port it listens."""

    name: str
    what: str
    user: int = _NOBODY
    port: int | None = None


PAUSE: Final = Image(name="pause", what="holds a pod's network")
ANSWER: Final = Image(name="answer", what="a stand-in that answers HTTP; it is no Odoo", port=8069)
IMAGES: Final = (PAUSE, ANSWER)


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image that was built: its archive (OCI layout) and its name with the digest of its manifest."""

    archive: Path
    reference: str


def build(image: Image) -> Built:
    """Build an image, or return the one that is in the cache; raises EnvironmentTrouble where Go fails."""
    source = (SOURCES / image.name / "main.go").read_bytes()
    folder = cache.root() / "images" / f"{image.name}-{cache.key(GO_VERSION, repr(image), source)}"
    if not cache.finished(folder):
        go = golang.find()
        with cache.making(folder) as target, tempfile.TemporaryDirectory() as module:
            shutil.copy(SOURCES / image.name / "main.go", module)
            Path(module, "go.mod").write_text(f"module storefleet.dev/{image.name}\n\ngo 1.27\n")
            program = Path(module, image.name)
            go.run(["build", "-ldflags=-s -w -buildid=", "-o", str(program), "."], Path(module))
            data, digest = archive(image, program.read_bytes())
            (target / "image.tar").write_bytes(data)
            (target / "digest").write_text(digest)
    digest = (folder / "digest").read_text()
    return Built(archive=folder / "image.tar", reference=f"{_REGISTRY}/{image.name}@{digest}")


def archive(image: Image, program: bytes) -> tuple[bytes, str]:
    """Return an OCI archive of a program, and the digest of its manifest. Pure."""
    plain = _tar({image.name: (program, 0o555)})
    layer = gzip.compress(plain, mtime=0)
    config: dict[str, Any] = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "User": str(image.user),
            "Entrypoint": [f"/{image.name}"],
            "Labels": {"org.opencontainers.image.description": image.what},
            **({"ExposedPorts": {f"{image.port}/tcp": {}}} if image.port else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
    }
    blobs: dict[str, bytes] = {}

    def blob(media: str, data: bytes) -> dict[str, Any]:
        blobs[_digest(data)] = data
        return {"mediaType": media, "digest": _digest(data), "size": len(data)}

    body = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": blob(_CONFIG, _json(config)),
        "layers": [blob(_LAYER, layer)],
    }
    manifest = blob(_MANIFEST, _json(body))
    digest = str(manifest["digest"])
    name = {"io.containerd.image.name": f"{_REGISTRY}/{image.name}@{digest}"}
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [{**manifest, "annotations": name}]}
    files = {f"blobs/{each.replace(':', '/')}": (data, 0o444) for each, data in blobs.items()}
    files |= {
        "oci-layout": (_json({"imageLayoutVersion": "1.0.0"}), 0o444),
        "index.json": (_json(index), 0o444),
    }
    return _tar(files), digest


def _tar(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Return files as an archive without times and owners, so that the same content is the same bytes."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.USTAR_FORMAT) as target:
        for name, (data, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            target.addfile(entry, io.BytesIO(data))
    return into.getvalue()


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
