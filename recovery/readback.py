"""Read a whole backup back out of the store: what is sealed by its hash, and with the key, what is in it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from recovery.store import keys
from recovery.store.objects import Stored
from recovery.together import side_by_side
from recovery.trouble import NotWhole, RecoveryFailed

if TYPE_CHECKING:
    from recovery.manifest import File, Manifest, Part
    from recovery.store.objects import Store
    from recovery.store.sealing import Identity


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """What was read: objects and bytes, and whether they were opened with the private key too."""

    objects: int
    size: int
    opened: bool


def read_back(store: Store, manifest: Manifest, identity: Identity | None = None) -> ReadBack:
    """Read every object of a backup and compare it.

    Raises:
        NotWhole: at least one is missing or differs: this backup cannot be restored as it is.
        StoreTrouble: it could not be read to the end, so nothing is known.

    """
    wanted: list[tuple[str, Part | File]] = [
        *((keys.dump_part(manifest.tenant, manifest.id, part.name), part) for part in manifest.dump),
        *((keys.file(manifest.tenant, file.sha256, file.sent_by), file) for file in manifest.files),
    ]

    def one(each: tuple[str, Part | File]) -> None:
        key, about = each
        stored = Stored(key=key, sha256=about.stored_sha256, size=about.stored_size, version=about.version)
        store.check(stored)
        if identity is not None:
            into = cast("BinaryIO", _Nowhere())
            found = identity.open(io.BytesIO(store.bytes(key, about.version)), into, key)
            if (found.sha256, found.size) != (about.sha256, about.size):
                raise NotWhole(f"{key} holds something else than {about.name}")

    side_by_side(one, wanted)
    return ReadBack(
        objects=len(wanted), size=sum(each.stored_size for _, each in wanted), opened=identity is not None
    )


def holds(store: Store, manifest: Manifest) -> bool:
    """Say whether a backup can be restored as far as its stored bytes say; whatever is in doubt is a no."""
    try:
        read_back(store, manifest)
    except RecoveryFailed:
        return False
    return True


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        return len(cast("bytes", data))
