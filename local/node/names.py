"""The image of the cluster's DNS: CoreDNS as it is built from the Go module proxy, as one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.node import images
from local.toolchain import cache

if TYPE_CHECKING:
    from pathlib import Path

COREDNS: Final = images.Image(name="coredns", what="answers for the names of the cluster", port=53)


def image(program: Path) -> images.Built:
    """Return the image of a program that was built, from the cache where it is there."""
    folder = cache.root() / "images" / f"{COREDNS.name}-{cache.key(program, repr(COREDNS))}"
    if not cache.finished(folder):
        data, digest = images.archive(COREDNS, program.read_bytes())
        with cache.making(folder) as target:
            (target / "image.tar").write_bytes(data)
            (target / "digest").write_text(digest)
    digest = (folder / "digest").read_text()
    return images.Built(archive=folder / "image.tar", reference=f"storefleet.local/{COREDNS.name}@{digest}")
