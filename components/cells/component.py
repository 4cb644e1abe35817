"""A cell as a component."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.base import Component
from components.cells.plan import CellPlan


@dataclass(frozen=True, kw_only=True)
class CellArgs:
    """What a cell is made from; `operators` must be there before the kinds that they bring."""

    plan: CellPlan
    operators: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class CellOutputs:
    """What the cell's tenants need: its data namespace, by name and to wait for, and what custom kinds wait for."""

    namespace: str
    namespace_resource: pulumi.Resource
    operators: Sequence[pulumi.Resource]


class Cell(Component):
    """The data of a cell: its namespace, PostgreSQL and cache, open to nobody until a tenant brings its policy."""

    outputs: CellOutputs

    def __init__(self, name: str, args: CellArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:cells:Cell", name, wait_seconds=args.plan.wait_seconds, opts=opts)
        declared = self.declare(args.plan.objects, operators=args.operators)
        self.outputs = CellOutputs(
            namespace=args.plan.namespace,
            namespace_resource=declared["namespace"],
            operators=args.operators,
        )
        self.register_outputs({"namespace": self.outputs.namespace})
