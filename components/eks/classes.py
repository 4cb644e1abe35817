"""The classes of volumes, in the cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.base import Component
from components.manifests import KubeObject


@dataclass(frozen=True, kw_only=True)
class VolumesArgs:
    """The planned classes, and the longest wait in seconds for one to be there."""

    classes: Sequence[KubeObject]
    wait_seconds: int


class Volumes(Component):
    """The classes that volumes of this cluster are made by."""

    def __init__(self, name: str, args: VolumesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:eks:Volumes", name, wait_seconds=args.wait_seconds, opts=opts)
        self.declare(args.classes)
        self.register_outputs({"classes": [planned.meta.name for planned in args.classes]})
