"""CloudNativePG's operator on the real node: its own manifests of the version that it is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from local.node.settings import HERE
from local.toolchain import files, golang, published
from local.toolchain.pins import Files

if TYPE_CHECKING:
    from local.kube import KubeApi

IMAGE: Final = "cloudnative-pg"
"""How its image is called where others go by the names that plans have for them: no plan names it."""
NAMESPACE: Final = "cnpg-system"
NAME: Final = "cnpg-controller-manager"
_DEFINITIONS: Final = next(each for each in published.CRDS if each.name == "cloudnative-pg")
RELEASE: Final = Files(
    name="cloudnative-pg-release",
    module=_DEFINITIONS.module,
    version=_DEFINITIONS.version,
    sum=_DEFINITIONS.sum,
    patterns=(f"releases/cnpg-{_DEFINITIONS.version.removeprefix('v')}.yaml",),
)
"""The operator's own manifests, from the module that it is built from."""
_FIRST: Final = ("Namespace", "ServiceAccount", "ClusterRole")


def manifests(image: str) -> list[dict[str, Any]]:
    """Return what the operator consists of, in the order in which it is applied; fetched where it is not cached.

    Its definitions are left out: the environment has them, of the same module.
    """
    files.fetch(golang.find(), RELEASE)
    found = [each for each in files.documents(RELEASE) if each["kind"] != "CustomResourceDefinition"]
    found.sort(key=lambda each: _FIRST.index(each["kind"]) if each["kind"] in _FIRST else len(_FIRST))
    for each in found:
        if each["kind"] == "Deployment":
            _fit(each["spec"]["template"]["spec"], image)
    return found


def ready(api: KubeApi) -> bool:
    """Tell whether a pod of the operator is ready: before, nobody answers for the objects that it defines."""
    status: dict[str, Any] = (api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}") or {}).get(
        "status", {}
    )
    return bool(status.get("readyReplicas"))


def _fit(pod: dict[str, Any], image: str) -> None:
    pod.update(HERE)
    container = pod["containers"][0]
    container["image"] = image
    container["imagePullPolicy"] = "IfNotPresent"
    container["resources"] = {"limits": {"memory": "300Mi"}, "requests": {"cpu": "50m"}}
    for variable in container["env"]:
        if variable["name"] == "OPERATOR_IMAGE_NAME":
            variable["value"] = image
