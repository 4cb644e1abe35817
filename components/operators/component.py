"""The operators as releases of Helm.

The state holds a release's values and the names of what it made, never the rendered manifests, so a Secret that
a chart renders does not reach it; values do, so none of ours is secret (a test holds the catalogue to that).
Helm itself keeps each release, with all that was rendered, in a Secret of the release's namespace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.base import Component
from components.operators.plan import INSTALL_SECONDS, OperatorsPlan, ReleasePlan

TOKEN = "kubernetes:helm.sh/v3:Release"  # noqa: S105 - a resource type


@dataclass(frozen=True, kw_only=True)
class OperatorsArgs:
    """The plan, and what the operators run on: they go before it, and come after it."""

    plan: OperatorsPlan
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorsOutputs:
    """The operators that are installed: release -> version of its chart."""

    versions: Mapping[str, str]


class HelmRelease(pulumi.CustomResource):
    """One release; the SDK's class is left out for the time that importing it takes."""

    def __init__(self, name: str, planned: ReleasePlan, opts: pulumi.ResourceOptions) -> None:
        inputs: dict[str, Any] = {
            "name": planned.name,
            "chart": planned.chart,
            "namespace": planned.namespace,
            "createNamespace": False,
            "values": dict(planned.values),
            "skipCrds": planned.skip_crds,
            # A release that fails leaves nothing half-made: it goes back to what was there before.
            "atomic": True,
            "cleanupOnFail": True,
            "maxHistory": 5,
            "timeout": INSTALL_SECONDS,
        }
        if not planned.hooks:
            inputs["disableWebhooks"] = True  # the engine's word for Helm's own --no-hooks
        if planned.version:
            inputs["version"] = planned.version
        if planned.repository:
            inputs["repositoryOpts"] = {"repo": planned.repository}
        super().__init__(TOKEN, name, inputs, opts)


class Operators(Component):
    """The planned operators, each after what it needs."""

    outputs: OperatorsOutputs

    def __init__(self, name: str, args: OperatorsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = args.plan
        super().__init__("storefleet:operators:Operators", name, wait_seconds=plan.wait_seconds, opts=opts)
        made = self.declare(plan.namespaces)
        homes = {
            planned.meta.name: made[planned.key] for planned in plan.namespaces if planned.kind == "Namespace"
        }
        limit = f"{INSTALL_SECONDS + 60}s"
        declared: dict[str, HelmRelease] = {}
        for release in plan.releases:
            # Of the component's own order its children would know nothing when they are removed.
            before: list[pulumi.Resource] = [*args.after, *(declared[key] for key in release.needs)]
            before += [homes[release.namespace]] if release.namespace in homes else []
            declared[release.key] = HelmRelease(
                f"{name}/{release.key}",
                release,
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=before,
                    custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete=limit),
                ),
            )
        self.outputs = OperatorsOutputs(versions={one.key: one.version for one in plan.releases})
        self.register_outputs({"versions": dict(self.outputs.versions)})
