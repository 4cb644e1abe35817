"""The delivery as a component."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.base import Component
from components.delivery.plan import DeliveryPlan


@dataclass(frozen=True, kw_only=True)
class DeliveryArgs:
    """What the delivery is made from, and the operators that must be there before it."""

    plan: DeliveryPlan
    operators: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class DeliveryOutputs:
    """What others may refer to: the names of the ApplicationSets."""

    application_sets: tuple[str, ...]


class Delivery(Component):
    """What Argo CD is told: the projects that others inherit from, and an ApplicationSet a cell."""

    outputs: DeliveryOutputs

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:delivery:Delivery", name, wait_seconds=args.plan.wait_seconds, opts=opts)
        self.declare(args.plan.objects, operators=args.operators)
        sets = tuple(each.meta.name for each in args.plan.objects if each.kind == "ApplicationSet")
        self.outputs = DeliveryOutputs(application_sets=sets)
        self.register_outputs({"applicationSets": list(sets)})
