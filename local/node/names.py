"""The image of the cluster's DNS: CoreDNS as it is built from the Go module proxy."""

from __future__ import annotations

from typing import Final

from local.node import images
from local.toolchain.catalog import COREDNS as PROGRAM

COREDNS: Final = images.Image(
    name="coredns",
    what="answers for the names of the cluster",
    programs=((PROGRAM, "/coredns"),),
    entrypoint=("/coredns",),
    port=53,
)
