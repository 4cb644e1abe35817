"""A Deployment that no node can take, below the components' own base class and its time limit."""

import os

import pulumi

from components.base import Component

LIMIT_SECONDS = 15


class NeverReady(Component):
    """One workload that waits for a node that does not exist."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("storefleet:tests:NeverReady", name, wait_seconds=LIMIT_SECONDS, opts=opts)
        labels = {"app": name}
        container = {"name": "app", "image": "registry.k8s.io/pause:3.10"}
        pod = {"nodeSelector": {"no-such": "node"}, "containers": [container]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }
        options = pulumi.ResourceOptions(parent=self, custom_timeouts=self._timeouts)
        pulumi.CustomResource("kubernetes:apps/v1:Deployment", f"{name}/deployment", manifest, options)
        self.register_outputs({})


class Provider(pulumi.ProviderResource):
    """The Kubernetes provider, explicit, without the generated SDK."""


provider = Provider("kubernetes", "cluster", {"kubeconfig": os.environ["STOREFLEET_KUBECONFIG"]})
NeverReady("never-ready", pulumi.ResourceOptions(providers=[provider]))
