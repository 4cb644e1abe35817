"""What is asked of the model: one target for each source, or one for each source and cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.model.exposition import OF_ALL, OF_CELLS, cluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from release.model.exposition import Sample
    from release.model.shops import Shop
    from spec.fleet import Fleet

CLUSTER = "cluster"
"""kube-state-metrics, which knows of every namespace, also of a shop whose other sources are silent."""


def targets(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Yield the targets: a source and the cell that it is of; no cell where it is of all."""
    cells = sorted({tenant.cell for tenant in fleet.tenants})
    for source in (*OF_ALL, CLUSTER):
        yield source, ""
    for source in OF_CELLS:
        for cell in cells:
            yield source, cell


def samples(
    source: str, cell: str, environment: str, shops: Iterable[Shop], at: float
) -> Iterator[Sample] | None:
    """Return what a target says at an instant; None: there is no such target."""
    heard = [shop for shop in shops if source not in shop.effect.silent]
    if source == CLUSTER and not cell:
        return cluster(environment, heard)
    if source in OF_ALL and not cell:
        return OF_ALL[source](heard, at)
    if source in OF_CELLS and cell:
        return OF_CELLS[source]([shop for shop in heard if shop.tenant.cell == cell], at)
    return None
