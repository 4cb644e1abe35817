"""A tenant as a component."""

from dataclasses import dataclass

import pulumi

from components.base import Component
from components.cells.component import CellOutputs
from components.tenancy.plan import TenantPlan


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """What a tenant is made from: its plan, and the cell that it stands in."""

    plan: TenantPlan
    cell: CellOutputs


@dataclass(frozen=True, kw_only=True)
class TenantOutputs:
    """Where the tenant lives."""

    namespace: str


class Tenant(Component):
    """One tenant: its namespace, quota, limits, network policies, ServiceAccount and its team's binding.

    What lets it in to its cell, and its role and database, stand in the cell's data namespace.
    """

    outputs: TenantOutputs

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:tenancy:Tenant", name, wait_seconds=args.plan.wait_seconds, opts=opts)
        self.declare(
            args.plan.objects,
            namespaces={args.cell.namespace: args.cell.namespace_resource},
            operators=args.cell.operators,
        )
        self.outputs = TenantOutputs(namespace=args.plan.namespace)
        self.register_outputs({"namespace": self.outputs.namespace})
