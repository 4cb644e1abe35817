"""The add-ons of an EKS cluster, each pinned for each version of Kubernetes, and how they are set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

VERSIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "1.34": {
            "vpc-cni": "v1.21.1-eksbuild.1",
            "kube-proxy": "v1.34.1-eksbuild.2",
            "eks-pod-identity-agent": "v1.3.10-eksbuild.2",
            "coredns": "v1.12.4-eksbuild.1",
            "aws-ebs-csi-driver": "v1.54.0-eksbuild.1",
            "aws-efs-csi-driver": "v2.1.15-eksbuild.1",
        },
        "1.35": {
            "vpc-cni": "v1.22.3-eksbuild.1",
            "kube-proxy": "v1.35.3-eksbuild.17",
            "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
            "coredns": "v1.13.2-eksbuild.11",
            "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
            "aws-efs-csi-driver": "v3.1.0-eksbuild.1",
        },
        "1.36": {
            "vpc-cni": "v1.22.4-eksbuild.3",
            "kube-proxy": "v1.36.0-eksbuild.14",
            "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
            "coredns": "v1.14.3-eksbuild.3",
            "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
            "aws-efs-csi-driver": "v3.4.1-eksbuild.1",
        },
    }
)
"""Version of Kubernetes -> add-on -> its version; to renew: ``aws eks describe-addon-versions``. They were taken
from published configurations of running clusters in November 2026, not tried in an account."""

_CRITICAL_NODES: Final = {"nodeSelector": {"storefleet.dev/pool": "general"}}


@dataclass(frozen=True, kw_only=True)
class AddonPlan:
    """One add-on. `needs_nodes`: it becomes healthy only where a node can run it, so it is made after them."""

    name: str
    version: str
    values: str
    """Its configuration as JSON; empty for none."""
    service_account: str
    """The account in kube-system that gets an identity in AWS; empty when it needs none."""
    policy: str
    """ARN of the policy of AWS' own that this identity has."""
    needs_nodes: bool
    why: str


def _values(body: Mapping[str, object]) -> str:
    return json.dumps(body, sort_keys=True)


def plan_addons(kubernetes: str, *, nodes: bool) -> tuple[AddonPlan, ...]:
    """Return the add-ons in the order of their making.

    Args:
        kubernetes: the cluster's version.
        nodes: whether the cluster has nodes; without, the engine would wait in vain for what runs on them.

    """
    versions = VERSIONS[kubernetes]
    # Without strict mode a pod is open until the agent has carried out its policies, some seconds later.
    network = {
        "enableNetworkPolicy": "true",
        "env": {
            "ENABLE_PREFIX_DELEGATION": "true",
            "NETWORK_POLICY_ENFORCING_MODE": "strict",
            "WARM_PREFIX_TARGET": "1",
        },
    }
    addons = (
        AddonPlan(
            name="vpc-cni",
            version=versions["vpc-cni"],
            values=_values(network),
            service_account="aws-node",
            policy="arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
            needs_nodes=False,
            why="Gives pods their addresses and carries out network policies, strictly: closed until allowed.",
        ),
        AddonPlan(
            name="kube-proxy",
            version=versions["kube-proxy"],
            values="",
            service_account="",
            policy="",
            needs_nodes=False,
            why="Leads the addresses of services to their pods.",
        ),
        AddonPlan(
            name="eks-pod-identity-agent",
            version=versions["eks-pod-identity-agent"],
            values="",
            service_account="",
            policy="",
            needs_nodes=False,
            why="Hands pods the credentials of the role that their namespace and service account have.",
        ),
        AddonPlan(
            name="coredns",
            version=versions["coredns"],
            values=_values({**_CRITICAL_NODES, "replicaCount": 2}),
            service_account="",
            policy="",
            needs_nodes=True,
            why="Resolves names; two, so that the loss of a node is not noticed.",
        ),
        AddonPlan(
            name="aws-ebs-csi-driver",
            version=versions["aws-ebs-csi-driver"],
            values=_values({"controller": _CRITICAL_NODES}),
            service_account="ebs-csi-controller-sa",
            policy="arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
            needs_nodes=True,
            why="Makes and attaches the volumes of the databases.",
        ),
        AddonPlan(
            name="aws-efs-csi-driver",
            version=versions["aws-efs-csi-driver"],
            values=_values({"controller": _CRITICAL_NODES}),
            service_account="efs-csi-controller-sa",
            policy="arn:aws:iam::aws:policy/service-role/AmazonEFSCSIDriverPolicy",
            needs_nodes=True,
            why="Makes an access point for the files of each tenant.",
        ),
    )
    return tuple(addon for addon in addons if nodes or not addon.needs_nodes)
