"""The baseline as a program for the real engine; `BREAK=<rule>` breaks that rule in one place.

STOREFLEET_KUBECONFIG=… BREAK=image-digest pulumi preview --policy-pack ../../../policy \
    --policy-pack-config policy-config.json

`BREAKS` lists the rules that it can break, one a line. The policy configuration names the baseline's images as
signed, which nobody really did.
"""

import os
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pulumi

from tests.policy.breaks import BREAKS, stack_to_declare
from tests.policy.parts import Declared, type_of

KUBERNETES = "pulumi:providers:kubernetes"
FOUNDATIONS = {"Namespace", "CustomResourceDefinition"}


def declare(declared: Declared, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Declare an object as it is; nobody waits for it, because nothing runs in the embedded environment."""
    own = declared.manifest["metadata"]
    annotations = {**own.get("annotations", {}), "pulumi.com/skipAwait": "true"}
    manifest = {**declared.manifest, "metadata": {**own, "annotations": annotations}}
    return pulumi.CustomResource(type_of(manifest), declared.key, manifest, opts)


breaking = os.environ.get("BREAK")
if breaking and breaking not in BREAKS:
    raise pulumi.RunError(f"BREAK={breaking} is no rule; the rules are {', '.join(BREAKS)}")
kubeconfig = os.environ.get("STOREFLEET_KUBECONFIG")
if not kubeconfig:
    raise pulumi.RunError("set STOREFLEET_KUBECONFIG to the path of a kubeconfig")

settings = {
    "kubeconfig": kubeconfig,
    "clusterIdentifier": "policy-stacks",
    "enableServerSideApply": "true",
}
version = metadata.version("pulumi-kubernetes")
cluster = pulumi.ProviderResource("kubernetes", "cluster", settings, pulumi.ResourceOptions(version=version))
objects = stack_to_declare(breaking)
made: list[pulumi.Resource] = []
# Namespaces and definitions first: everything else needs them, and waits for all of them.
for item in sorted(objects, key=lambda each: each.manifest["kind"] not in FOUNDATIONS):
    is_foundation = item.manifest["kind"] in FOUNDATIONS
    opts = pulumi.ResourceOptions(
        provider=cluster if item.explicit else None,
        version=version,
        protect=item.protect,
        depends_on=[] if is_foundation else list(made),
    )
    resource = declare(item, opts)
    if is_foundation:
        made.append(resource)
