"""What the operators of an environment leave in a cluster when somebody else installs them: namespaces and definitions.

None of them runs here. Their definitions are the real ones, so that what the program writes is checked by them; their
webhooks are taken out, because nobody would answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from components.operators.plan import inputs_of, plan_operators
from local.controlplane.bootstrap import definitions
from local.toolchain import cache, catalog, files, golang
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from local.kube import KubeApi
    from local.progress import Progress
    from spec.environment import EnvironmentSpec

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SECONDS = 120
BINDING: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "targetgroupbindings.elbv2.k8s.aws",
        "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs"},
    },
    "spec": {
        "group": "elbv2.k8s.aws",
        "scope": "Namespaced",
        "names": {"kind": "TargetGroupBinding", "plural": "targetgroupbindings"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
"""The load balancer controller publishes no Go module of its versions: this stands for its definition, and checks
nothing of what is written."""


def prepare(environment: EnvironmentSpec, api: KubeApi, progress: Progress) -> None:
    """Put into a cluster what the program expects of installed operators, and wait until it is served.

    Raises:
        EnvironmentTrouble: a module with definitions cannot be had, or the server does not serve them in time.

    """
    aws = environment.aws
    assert aws is not None
    with progress.step("what installed operators leave in a cluster") as step:
        with cache.lock(step):
            for each in catalog.CLOUD_CRDS:
                files.fetch(golang.find(), each)
        wanted = [*definitions(catalog.CLOUD_CRDS), BINDING]
        for definition in wanted:
            definition["spec"].pop("conversion", None)
            api.post(_CRDS, definition)
        installed = environment.model_copy(update={"aws": aws.model_copy(update={"operators": "helm"})})
        for planned in plan_operators(installed, inputs_of(installed)).namespaces:
            api.apply(planned.manifest)
        kinds = {(one["spec"]["group"], one["spec"]["names"]["plural"]) for one in wanted}
        deadline = time.monotonic() + _SECONDS
        while slow := kinds - {(group, plural) for group, _, plural in api.served()}:
            step.note = f"{len(slow)} definitions to be served"
            if time.monotonic() > deadline:
                raise EnvironmentTrouble(f"the API server does not serve {', '.join(map(str, slow))}")
            time.sleep(0.5)
        step.result = f"{len(wanted)} definitions"
