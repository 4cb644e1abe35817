"""What makes something that holds data the same thing: properties whose change makes the provider replace it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.components.recorder import Registered

REPLACING: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:backup/vault:Vault": ("name", "kmsKeyArn"),
    "aws:ec2/subnet:Subnet": ("cidrBlock", "availabilityZone"),
    "aws:ec2/vpc:Vpc": ("cidrBlock",),
    "aws:ecr/repository:Repository": ("name", "encryptionConfigurations"),
    "aws:efs/accessPoint:AccessPoint": ("fileSystemId", "posixUser", "rootDirectory"),
    "aws:efs/fileSystem:FileSystem": ("creationToken", "encrypted", "kmsKeyId"),
    "aws:eks/cluster:Cluster": ("name", "roleArn", "kubernetesNetworkConfig"),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "replicationGroupId",
        "atRestEncryptionEnabled",
        "kmsKeyId",
        "subnetGroupName",
    ),
    "aws:kms/key:Key": ("customerMasterKeySpec", "keyUsage", "multiRegion"),
    "aws:kms/replicaKey:ReplicaKey": ("primaryKeyArn",),
    "aws:route53/zone:Zone": ("name",),
    "aws:s3/bucket:Bucket": ("bucket", "objectLockEnabled"),
    "aws:secretsmanager/secret:Secret": ("name",),
    "kubernetes:core/v1:Namespace": ("metadata.name",),
    "random:index/randomPassword:RandomPassword": ("length", "special", "keepers"),
}
"""From the reference of Terraform's providers for AWS 5.100 and random: what is marked as forcing a new resource."""


def identities(registered: Iterable[Registered]) -> list[str]:
    """List `type | name | region's provider | property=value …` of everything that holds data."""
    rows: list[str] = []
    for one in registered:
        if one.type not in REPLACING:
            continue
        provider = one.provider.rpartition("::")[0].rpartition("::")[2]
        found = {name: _value(one.inputs, name) for name in REPLACING[one.type]}
        told = ", ".join(f"{name}={value}" for name, value in found.items() if value is not None)
        rows.append(f"{one.type} | {one.name} | {provider} | {told}")
    return sorted(rows)


def _value(inputs: Mapping[str, Any], path: str) -> Any:
    value: Any = inputs
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
