"""What the installer of the operators leaves in a cluster, without the operators: namespaces and definitions.

Charts come from registries that a rehearsal does not reach, and what their webhooks would ask, nobody answers here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from components.operators.catalogue import NAMESPACES
from local.controlplane.bootstrap import definitions
from local.toolchain import published
from local.toolchain.build import ensure
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from local.kube import KubeApi
    from local.progress import Progress

_SECONDS: Final = 60.0
# The load balancer controller's module is on no proxy. This has the fields of the project's own binding, so a
# misspelt one is refused here as well.
_BINDING: Final[dict[str, Any]] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "targetgroupbindings.elbv2.k8s.aws"},
    "spec": {
        "group": "elbv2.k8s.aws",
        "scope": "Namespaced",
        "names": {
            "kind": "TargetGroupBinding",
            "plural": "targetgroupbindings",
            "singular": "targetgroupbinding",
            "listKind": "TargetGroupBindingList",
        },
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["targetGroupARN", "serviceRef"],
                                "properties": {
                                    "targetGroupARN": {"type": "string", "minLength": 1},
                                    "targetType": {"type": "string", "enum": ["instance", "ip"]},
                                    "serviceRef": {
                                        "type": "object",
                                        "required": ["name", "port"],
                                        "properties": {
                                            "name": {"type": "string"},
                                            "port": {"x-kubernetes-int-or-string": True},
                                        },
                                    },
                                    "networking": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


def install(api: KubeApi, progress: Progress) -> None:
    """Put in place what the operators' charts would have brought, and wait until the kinds are served."""
    ensure(progress, programs=(), more=published.CLOUD_CRDS)
    found = [_unconverted(each) for each in (*definitions(published.CLOUD_CRDS), _BINDING)]
    for each in found:
        api.apply(each)
    for name in NAMESPACES:
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    wanted = {
        (each["spec"]["group"], version["name"], each["spec"]["names"]["plural"])
        for each in found
        for version in each["spec"]["versions"]
        if version["served"]
    }
    deadline = time.monotonic() + _SECONDS
    while missing := wanted - api.served():
        if time.monotonic() > deadline:
            raise EnvironmentTrouble(f"the API server does not serve {sorted(missing)} after {_SECONDS:g} s")
        time.sleep(0.5)


def _unconverted(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition whose versions are only renamed: the webhook that would convert them is not there."""
    return {**definition, "spec": {**definition["spec"], "conversion": {"strategy": "None"}}}
