"""The one builder of images: whatever a row of the table asks for, as one layer, named by the digest of its manifest.

Reproducible: the same pins and the same sources give the same bytes, hence the same digest, on every machine of a kind.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from local.node.images import debian, oci, tree, wheels
from local.progress import Progress
from local.state import ROOT
from local.toolchain import build as toolchain
from local.toolchain import cache, golang
from local.toolchain.catalog import GO_VERSION
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from local.node.images.table import Image
    from local.node.images.tree import Tree

SOURCES: Final = Path(__file__).parents[1] / "programs"
DIGESTS: Final = Path(__file__).with_name("digests.json")
"""Of the images whose content is pinned to the last byte; one with sources of the project moves with them."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image that was built: its archive (OCI layout) and its name with the digest of its manifest."""

    archive: Path
    reference: str

    @property
    def digest(self) -> str:
        """The digest alone."""
        return self.reference.partition("@")[2]


def build(image: Image, progress: Progress | None = None, *, checked: bool = True) -> Built:
    """Build an image, or return the one that is in the cache.

    `progress` shows a program that has to be built first. `checked` says whether the digest must be the pinned one.

    Raises EnvironmentTrouble where a part cannot be had, or something else came out than what was reviewed.
    """
    programs = [program for program, _ in image.programs]
    if programs:
        toolchain.ensure(progress or Progress(Console(quiet=True)), programs)
    folder = cache.root() / "images" / f"{image.name}-{_key(image)}"
    if not cache.finished(folder):
        with cache.making(folder) as target:
            (target / "digest").write_text(_make(image, target / "image.tar"))
    digest = (folder / "digest").read_text()
    pinned: dict[str, str] = json.loads(DIGESTS.read_text())[oci.architecture()] if DIGESTS.exists() else {}
    if checked and pinned.get(image.name, digest) != digest:
        raise EnvironmentTrouble(
            f"the image {image.name} came out as {digest}, and {pinned[image.name]} was reviewed: something that it is "
            "made of was changed. `python -m local.node.images.lock` writes the new one down."
        )
    return Built(archive=folder / "image.tar", reference=oci.reference(image.name, digest))


def content(image: Image) -> Tree:
    """Return everything that an image holds; later parts of a row lie above earlier ones."""
    found: Tree = debian.content(image.debian) if image.debian else {}
    if image.wheels:
        found |= tree.without(tree.below(image.library, wheels.content(image.wheels)), image.left)
    for program, path in image.programs:
        found[path.strip("/")] = tree.file(toolchain.locate(program).path.read_bytes(), runs=True)
    for name in image.sources:
        found[name] = tree.file(_own(name), runs=True)
    found |= _files(image)
    found |= {path.strip("/"): tree.link(target) for path, target in image.links}
    found |= {path.strip("/"): tree.folder(mode) for path, mode in image.folders}
    found |= {path.strip("/"): tree.file(text.encode(), runs=runs) for path, text, runs in image.texts}
    if image.debian:
        found |= _accounts(image)
        found["tmp"] = tree.folder(0o1777)
    return tree.without(found, image.left)


def _make(image: Image, target: Path) -> str:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".layer") as layer:
        diff = tree.write(content(image), layer)
        layer.flush()
        return oci.write(image.name, _settings(image), Path(layer.name), diff, target)


def _settings(image: Image) -> dict[str, Any]:
    return {
        "User": f"{image.user}:{image.user}",
        "Entrypoint": list(image.starts),
        "Env": [f"{name}={value}" for name, value in image.environment.items()],
        "Labels": {"org.opencontainers.image.description": image.what},
        **({"Cmd": list(image.command)} if image.command else {}),
        **({"ExposedPorts": {f"{image.port}/tcp": {}}} if image.port else {}),
    }


def _key(image: Image) -> str:
    return cache.key(
        GO_VERSION,
        repr(image),
        debian.LOCK.read_bytes() if image.debian else "",
        wheels.key(image.wheels),
        *(toolchain.locate(program).path for program, _ in image.programs),
        *((SOURCES / name / "main.go").read_bytes() for name in image.sources),
        *(f"{path}{entry.mode}".encode() + entry.data for path, entry in sorted(_files(image).items())),
        *(Path(module).read_bytes() for module in (__file__, tree.__file__, oci.__file__, debian.__file__)),
    )


def _own(name: str) -> bytes:
    """Build a program of `programs/`, which needs nothing but Go's own library."""
    go = golang.find()
    with tempfile.TemporaryDirectory() as module:
        Path(module, "main.go").write_bytes((SOURCES / name / "main.go").read_bytes())
        Path(module, "go.mod").write_text(f"module storefleet.dev/{name}\n\ngo 1.27\n")
        program = Path(module, name)
        go.run(["build", "-ldflags=-s -w -buildid=", "-o", str(program), "."], Path(module))
        return program.read_bytes()


def _files(image: Image) -> Tree:
    found: Tree = {}
    for source, target in image.files:
        place = ROOT / source
        if place.is_dir():
            found |= tree.below(target, tree.of_folder(place))
        else:
            runs = bool(place.stat().st_mode & 0o100)
            found[target.strip("/")] = tree.file(place.read_bytes(), runs=runs)
    return found


def _accounts(image: Image) -> Tree:
    """Return the lists of users: some programs ask who they are, and refuse to run as nobody that has a name."""
    name = image.account
    users = f"root:x:0:0:root:/root:/usr/sbin/nologin\n{name}:x:{image.user}:{image.user}:{name}:{image.home}:/bin/sh\n"
    groups = f"root:x:0:\n{name}:x:{image.user}:\n"
    return {"etc/passwd": tree.file(users.encode()), "etc/group": tree.file(groups.encode())}
