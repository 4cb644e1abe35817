"""The monitoring as a component."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.base import Component
from components.monitoring.plan import MonitoringPlan


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """The plan, and the operators that define its kinds."""

    plan: MonitoringPlan
    operators: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class MonitoringOutputs:
    """Names of what was declared."""

    names: tuple[str, ...]


class Monitoring(Component):
    """Rules, monitors, routes of alerts and dashboards of an environment."""

    outputs: MonitoringOutputs

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = args.plan
        super().__init__("storefleet:monitoring:Monitoring", name, wait_seconds=plan.wait_seconds, opts=opts)
        # Their namespace is the operators' where it is not declared here, so what is built in waits as well.
        self.declare(plan.objects, after=args.operators)
        self.outputs = MonitoringOutputs(names=tuple(f"{one.kind}/{one.meta.name}" for one in plan.objects))
        self.register_outputs({"names": list(self.outputs.names)})
