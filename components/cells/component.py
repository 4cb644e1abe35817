"""A cell as a component."""

from dataclasses import dataclass

import pulumi

from components.base import Component
from components.cells.plan import CellPlan


@dataclass(frozen=True, kw_only=True)
class CellArgs:
    """What a cell is made from."""

    plan: CellPlan


@dataclass(frozen=True, kw_only=True)
class CellOutputs:
    """What the cell's tenants need: the name of its data namespace, and the namespace itself to wait for."""

    namespace: str
    namespace_resource: pulumi.Resource


class Cell(Component):
    """The data namespace of a cell: closed to all, and open to nobody until a tenant brings its policy."""

    outputs: CellOutputs

    def __init__(self, name: str, args: CellArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:cells:Cell", name, wait_seconds=args.plan.wait_seconds, opts=opts)
        declared = self.declare(args.plan.objects)
        self.outputs = CellOutputs(namespace=args.plan.namespace, namespace_resource=declared["namespace"])
        self.register_outputs({"namespace": self.outputs.namespace})
