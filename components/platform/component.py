"""The platform as a component."""

from dataclasses import dataclass

import pulumi

from components.base import Component
from components.platform.plan import TEAM_ROLE, PlatformPlan


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """What the platform is made from."""

    plan: PlatformPlan


@dataclass(frozen=True, kw_only=True)
class PlatformOutputs:
    """What others may refer to."""

    team_role: str


class Platform(Component):
    """What all tenants of an environment share: a ClusterRole and the PriorityClasses of the tiers."""

    outputs: PlatformOutputs

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:platform:Platform", name, wait_seconds=args.plan.wait_seconds, opts=opts)
        self.declare(args.plan.objects)
        self.outputs = PlatformOutputs(team_role=TEAM_ROLE)
        self.register_outputs({"teamRole": self.outputs.team_role})
