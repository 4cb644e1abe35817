"""What runs on the real node in the place of the images that the platform's plans name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.database.images import PGBOUNCER, POSTGRES, VALKEY
from local.node.images import build, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.node.images import Built, Image
    from local.progress import Progress

DATA_LAYER: Final[Mapping[str, Image]] = {
    POSTGRES: table.DATABASE,
    PGBOUNCER: table.POOLER,
    VALKEY: table.CACHE,
}
"""Image of the data layer -> the row of the table that has its place: built from Debian, by digest as well."""


def built(progress: Progress, wanted: Mapping[str, Image]) -> dict[str, Built]:
    """Build what is not there yet; return it by the images that it has the place of."""
    done: dict[str, Built] = {}
    for name, image in wanted.items():
        with progress.step(f"image {image.name}") as step:
            done[name] = build(image, progress)
            step.result = done[name].digest
    return done
