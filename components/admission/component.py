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
    """The ValidatingAdmissionPolicies of an environment, their bindings, and the list of known images."""

    outputs: AdmissionOutputs

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "storefleet:admission:Admission", name, wait_seconds=args.plan.wait_seconds, opts=opts
        )
        self.declare(args.plan.objects)
        policies = [one for one in args.plan.objects if one.kind == "ValidatingAdmissionPolicy"]
        self.outputs = AdmissionOutputs(policies=len(policies))
        self.register_outputs({"policies": self.outputs.policies})
