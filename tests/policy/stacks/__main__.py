"""The baseline as a program for the real engine; `BREAK=<rule>` breaks that rule in one place.

STOREFLEET_KUBECONFIG=… BREAK=image-digest pulumi preview --policy-pack ../../../policy
"""

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pulumi
import pulumi_kubernetes as kubernetes

from tests.policy.baseline import BREAKS, Declared, stack_to_declare

CLASSES = {
    "Namespace": kubernetes.core.v1.Namespace,
    "ResourceQuota": kubernetes.core.v1.ResourceQuota,
    "LimitRange": kubernetes.core.v1.LimitRange,
    "ConfigMap": kubernetes.core.v1.ConfigMap,
    "Secret": kubernetes.core.v1.Secret,
    "NetworkPolicy": kubernetes.networking.v1.NetworkPolicy,
    "Deployment": kubernetes.apps.v1.Deployment,
    "CronJob": kubernetes.batch.v1.CronJob,
}


def declare(declared: Declared, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Declare an object by the SDK's class for its kind, which takes the top-level fields in snake case."""
    fields = {key: value for key, value in declared.manifest.items() if key not in {"apiVersion", "kind"}}
    arguments = {re.sub(r"(?=[A-Z])", "_", key).lower(): value for key, value in fields.items()}
    return CLASSES[declared.manifest["kind"]](declared.key, opts=opts, **arguments)


breaking = os.environ.get("BREAK")
if breaking and breaking not in BREAKS:
    raise pulumi.RunError(f"BREAK={breaking} is no rule; the rules are {', '.join(BREAKS)}")
kubeconfig = os.environ.get("STOREFLEET_KUBECONFIG")
if not kubeconfig:
    raise pulumi.RunError("set STOREFLEET_KUBECONFIG to the path of a kubeconfig")

cluster = kubernetes.Provider(
    "cluster", kubeconfig=kubeconfig, cluster_identifier="policy-stacks", enable_server_side_apply=True
)
namespace, *contents = stack_to_declare(breaking)
wall = declare(namespace, pulumi.ResourceOptions(provider=cluster))
for item in contents:
    provider = cluster if item.explicit else None
    declare(item, pulumi.ResourceOptions(provider=provider, depends_on=[wall]))
