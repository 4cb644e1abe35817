"""Drills as a component."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.base import Component
from components.recovery.plan import RecoveryPlan
from spec.naming import DRILLS


@dataclass(frozen=True, kw_only=True)
class RecoveryArgs:
    """The plan, and what must be there before the kinds that operators bring."""

    plan: RecoveryPlan
    operators: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class RecoveryOutputs:
    """Where drills run."""

    drills: str


class Recovery(Component):
    """The drill of each cell, what it may reach, and the alerts about backups and drills."""

    outputs: RecoveryOutputs

    def __init__(self, name: str, args: RecoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:recovery:Recovery", name, wait_seconds=args.plan.wait_seconds, opts=opts)
        self.declare(args.plan.objects, operators=args.operators)
        self.outputs = RecoveryOutputs(drills=DRILLS)
        self.register_outputs({"drills": self.outputs.drills})
