"""What runs on the real node in the place of the images that the platform's plans name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.database.images import PGBOUNCER, POSTGRES, VALKEY
from local.node.images import build, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.node.images import Built, Image
    from local.progress import Progress
    from spec.recovery import RecoverySpec

DATA_LAYER: Final[Mapping[str, Image]] = {
    POSTGRES: table.DATABASE,
    PGBOUNCER: table.POOLER,
    VALKEY: table.CACHE,
}
"""Image of the data layer -> the row of the table that has its place: built from Debian, by digest as well."""


def wanted(recovery: RecoverySpec | None, released: Sequence[str]) -> dict[str, Image]:
    """Return what has the place of what an environment's plans name: data layer, jobs of backup, images of releases."""
    jobs = {} if recovery is None else {recovery.image: table.RECOVERY}
    return {**DATA_LAYER, **dict.fromkeys(released, table.STAND_IN), **jobs}


def built(progress: Progress, wanted: Mapping[str, Image]) -> dict[str, Built]:
    """Build what is not there yet; return it by the images that it has the place of."""
    done: dict[str, Built] = {}
    for image in {each.name: each for each in wanted.values()}.values():
        with progress.step(f"image {image.name}") as step:
            done[image.name] = build(image, progress)
            step.result = done[image.name].digest
    return {name: done[image.name] for name, image in wanted.items()}
