"""A namespace with a Secret made of a configured and a generated password, declared as the platform does it.

`LEAK=1` adds a container that gets the configured one in plain sight, which the rules must refuse without
repeating it.
"""

import os
from pathlib import Path

import pulumi
import pulumi_random

from components.base import Component
from components.cluster.component import cluster_provider
from components.cluster.plan import ClusterPlan
from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from spec.vocabulary import EnvironmentName

NAME = "secrets-canary"
LABELS = environment_labels(EnvironmentName.LOCAL)


class Canary(Component):
    """The namespace and what is in it."""

    def __init__(self, name: str, args: None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:isolation:Canary", name, wait_seconds=60, opts=opts)
        configured = pulumi.Config().require_secret("password")
        inside = pulumi.ResourceOptions(parent=self)
        generated = pulumi_random.RandomPassword("generated", length=40, special=False, opts=inside)
        home = KubeObject(
            key="namespace", manifest=manifest("v1", "Namespace", NAME, labels=LABELS), why="Test."
        )
        account = manifest(
            "v1",
            "ServiceAccount",
            NAME,
            namespace=NAME,
            labels=LABELS,
            automountServiceAccountToken=False,
        )
        made = self.declare([home, KubeObject(key="account", manifest=account, why="Test.")])
        below = pulumi.ResourceOptions(parent=self, depends_on=[made["namespace"]])
        metadata = {"name": NAME, "namespace": NAME, "labels": LABELS}
        values = {"configured": configured, "generated": generated.result}
        pulumi.CustomResource(
            "kubernetes:core/v1:Secret",
            f"{name}/secret",
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values},
            pulumi.ResourceOptions.merge(
                below, pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
            ),
        )
        if os.environ.get("LEAK"):
            variables = [{"name": "DB_PASSWORD", "value": configured}]
            containers = [{"name": "leak", "image": "odoo:19", "env": variables}]
            body = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": {"containers": containers},
            }
            pulumi.CustomResource("kubernetes:core/v1:Pod", f"{name}/leak", body, below)
        self.register_outputs({"generated": generated.result, "configured": configured})


where = Path(os.environ["STOREFLEET_KUBECONFIG"])
provider = cluster_provider(ClusterPlan(identifier=NAME, kubeconfig=where, context=None))
Canary("canary", None, pulumi.ResourceOptions(providers=[provider]))
pulumi.export("configured", pulumi.Config().require_secret("password"))
