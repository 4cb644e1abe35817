"""The admission policies as a component."""

from dataclasses import dataclass

import pulumi

from components.admission.plan import AdmissionPlan
from components.base import Component


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    """What the admission policies are made from."""

    plan: AdmissionPlan


@dataclass(frozen=True, kw_only=True)
class AdmissionOutputs:
    """How many policies are in force."""

    policies: int


class Admission(Component):
    """The ValidatingAdmissionPolicies of an environment, and their bindings."""

    outputs: AdmissionOutputs

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "storefleet:admission:Admission", name, wait_seconds=args.plan.wait_seconds, opts=opts
        )
        declared = self.declare(args.plan.objects)
        self.outputs = AdmissionOutputs(policies=len(declared) // 2)
        self.register_outputs({"policies": self.outputs.policies})
