"""Which nodes Karpenter may add, pool by pool: the kind that the pool has, up to the number that it allows."""

from collections.abc import Iterator
from typing import Any, Final

from components.cost.peaks import cores_of
from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from components.tagging import tags
from spec import labels
from spec.aws import AwsSpec
from spec.cloud_names import PREFIX, key_alias
from spec.environment import EnvironmentSpec
from spec.kubernetes import PoolSpec, PoolTier
from spec.vocabulary import Sensitivity, Tier

_EMPTY_FOR: Final = "5m"
"""How long a node is hardly used before its pods move and it goes."""
_OLDEST: Final = "336h"
"""After two weeks a node is replaced: no node is older than the fixes of its image."""
IMAGE: Final = "al2023@latest"
"""The image of AWS' own for the cluster's version; a new one replaces nodes one at a time."""


def node_pools(environment: EnvironmentSpec, aws: AwsSpec) -> Iterator[KubeObject]:
    """Yield a NodePool and its EC2NodeClass for each pool that may grow.

    Pools of databases have fixed nodes: their volumes stay in their zones. Where nodes are switched off at night
    there are none of Karpenter's, because it is switched off with them, and what it had started would stay.
    """
    if aws.hours is not None:
        return
    for name, pool in sorted(aws.kubernetes.pools.items()):
        more = pool.max - pool.min
        if pool.tier is PoolTier.DATA or more <= 0:
            continue
        yield _class(environment, aws, name, pool)
        yield _pool(environment, name, pool, more)


def _class(environment: EnvironmentSpec, aws: AwsSpec, name: str, pool: PoolSpec) -> KubeObject:
    cluster = f"{PREFIX}-{environment.name.value}"
    tier = None if pool.tenant is None else Tier.DEDICATED
    marks = tags(environment, data_class=Sensitivity.INTERNAL, tenant=pool.tenant, tier=tier)
    disk = {
        "volumeSize": f"{pool.disk_gib}Gi",
        "volumeType": "gp3",
        "encrypted": True,
        "kmsKeyID": f"arn:aws:kms:{aws.region}:{aws.account}:{key_alias(environment, 'eks')}",
        "deleteOnTermination": True,
    }
    spec: dict[str, Any] = {
        "role": f"{cluster}-node",
        "amiSelectorTerms": [{"alias": IMAGE}],
        "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": cluster}}],
        "securityGroupSelectorTerms": [{"tags": {"aws:eks:cluster-name": cluster}}],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            # One hop: what runs in a pod does not reach the node's credentials.
            "httpPutResponseHopLimit": 1,
        },
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": disk}],
        "detailedMonitoring": True,
        "tags": {**marks, "Name": f"{cluster}-{name}-more"},
    }
    return KubeObject(
        key=f"nodes-{name}-class",
        manifest=manifest(
            "karpenter.k8s.aws/v1",
            "EC2NodeClass",
            name,
            labels=environment_labels(environment.name),
            spec=spec,
        ),
        why=f"How a node of the pool {name} is made: as the node group makes its own.",
    )


def _pool(environment: EnvironmentSpec, name: str, pool: PoolSpec, more: int) -> KubeObject:
    taints = [{"key": labels.POOL, "value": pool.tier.value, "effect": "NoSchedule"}]
    own = {} if pool.tenant is None else {labels.TENANT: pool.tenant}
    largest = max(cores_of(each) for each in pool.instance_types)
    template: dict[str, Any] = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": name},
        "requirements": [
            _one_of("kubernetes.io/arch", pool.arch),
            _one_of("karpenter.sh/capacity-type", "spot" if pool.spot else "on-demand"),
            _one_of("node.kubernetes.io/instance-type", *pool.instance_types),
        ],
        "expireAfter": _OLDEST,
    }
    if pool.tier is not PoolTier.GENERAL:
        template["taints"] = taints
    spec: dict[str, Any] = {
        "template": {"metadata": {"labels": {labels.POOL: pool.tier.value, **own}}, "spec": template},
        "limits": {"cpu": str(more * largest)},
        "disruption": {
            "consolidationPolicy": "WhenEmptyOrUnderutilized",
            "consolidateAfter": _EMPTY_FOR,
            "budgets": [{"nodes": "1"}],
        },
    }
    return KubeObject(
        key=f"nodes-{name}",
        manifest=manifest(
            "karpenter.sh/v1", "NodePool", name, labels=environment_labels(environment.name), spec=spec
        ),
        why=f"The pool {name} may have {pool.max} nodes; {pool.min} are its node group's, the rest come as needed.",
    )


def _one_of(key: str, *values: str) -> dict[str, object]:
    return {"key": key, "operator": "In", "values": list(values)}
