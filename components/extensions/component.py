"""What the operators of a cluster in AWS are told, as objects of the cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from components.base import Component
from components.extensions.plan import ExtensionsPlan
from components.manifests import KubeObject


@dataclass(frozen=True, kw_only=True)
class ExtensionsArgs:
    """The plan, and what AWS made: the group of the balancer's targets, and a volume's handle for each tenant."""

    plan: ExtensionsPlan
    target_group_arn: pulumi.Input[str] | None
    group_id: pulumi.Input[str] | None
    """The balancer's security group: pods take HTTPS from it alone."""
    volumes: Mapping[str, pulumi.Input[str]]
    after: Sequence[pulumi.Resource] = ()
    """The operators: they define the kinds, and are still there when what they were told is removed."""


@dataclass(frozen=True, kw_only=True)
class ExtensionsOutputs:
    """Names of what was declared."""

    names: tuple[str, ...]


class Extensions(Component):
    """Policies on images, pools of nodes, secrets of the platform, tenants' volumes, the way to the balancer."""

    outputs: ExtensionsOutputs

    def __init__(self, name: str, args: ExtensionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = args.plan
        super().__init__("storefleet:extensions:Extensions", name, wait_seconds=plan.wait_seconds, opts=opts)
        objects = [*plan.objects]
        for tenant, volume in plan.volumes.items():
            objects.append(_with(volume, "csi", {"volumeHandle": args.volumes[tenant]}))
        if plan.binding is not None and args.target_group_arn is not None:
            objects.append(_bound(plan.binding, args))
        self.declare(objects, after=args.after)
        self.outputs = ExtensionsOutputs(names=tuple(f"{one.kind}/{one.meta.name}" for one in objects))
        self.register_outputs({"names": list(self.outputs.names)})


def _bound(binding: KubeObject, args: ExtensionsArgs) -> KubeObject:
    spec: dict[str, Any] = dict(binding.manifest["spec"])
    (rule,) = spec["networking"]["ingress"]
    source = [{"securityGroup": {"groupID": args.group_id}}]
    spec |= {
        "targetGroupARN": args.target_group_arn,
        "networking": {"ingress": [{**rule, "from": source}]},
    }
    return replace(binding, manifest={**binding.manifest, "spec": spec})


def _with(planned: KubeObject, part: str, more: Mapping[str, Any]) -> KubeObject:
    spec: dict[str, Any] = dict(planned.manifest["spec"])
    spec[part] = {**spec[part], **more}
    return replace(planned, manifest={**planned.manifest, "spec": spec})
