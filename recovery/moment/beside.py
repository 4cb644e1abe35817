"""What is created beside a cell's database to recover it: a cluster that reads its archive, and its ways. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from components.database.backups import STORE
from components.database.walls import POSTGRES_PODS
from recovery.moment.plan import recovery_cluster
from spec.naming import server_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from components.manifests import KubeObject, Manifest
    from recovery.moment.plan import MomentPlan
    from spec.environment import CellSpec

_WAYS: Final = ("operators", "database-out")
"""Keys of the policies that name the pods of a cell's database: without its own the new one would reach no archive."""


def objects_beside(plan: MomentPlan, planned: Sequence[KubeObject], cell: CellSpec) -> list[Manifest]:
    """Return the objects of a recovery: the ways of the new database first, then itself.

    Args:
        plan: to which moment, from what.
        planned: what the cell consists of.
        cell: as the stack file has it: its generation says under which name the archive was written.

    Raises:
        ValueError: the cell has no archive, or no database.

    """
    objects = {one.key: one.manifest for one in planned}
    if "object-store" not in objects or "database" not in objects:
        raise ValueError("the cell has no archive that could be recovered from")
    ways = [
        {
            **objects[key],
            "metadata": {
                **objects[key]["metadata"],
                "name": f"{objects[key]['metadata']['name']}-{plan.name}",
            },
            "spec": {
                **objects[key]["spec"],
                "podSelector": {"matchLabels": dict.fromkeys(POSTGRES_PODS, plan.name)},
            },
        }
        for key in _WAYS
    ]
    archive = server_name(cell.generation)
    return [
        *ways,
        recovery_cluster(plan, objects["database"], name=plan.name, object_store=STORE, server_name=archive),
    ]


class _Plain(yaml.SafeDumper):
    """Writes a part that occurs twice twice: anchors are for programs."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the dumper calls it
        return True


def as_yaml(manifests: Iterable[Manifest]) -> str:
    """Write objects as kubectl takes them."""
    return "".join(
        "---\n" + yaml.dump(dict(one), Dumper=_Plain, sort_keys=False, width=110) for one in manifests
    )
