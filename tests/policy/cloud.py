"""A small compliant AWS program as recorded inputs of its resources, and a way to break each rule about them.

The inputs are what the engine hands over: camelCase keys of the provider's own. What one resource takes from
another is a `From`: at preview it is unknown and the engine only says where it comes from; once applied it is
a value.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import PolicyProviderResource

from tests.policy.harness import UNKNOWN, Judged, urn_of
from tests.policy.parts import NAMESPACE

PROVIDER = "pulumi:providers:aws"
Inputs = dict[str, Any]

PLATFORM = {
    "storefleet.dev/environment": "production",
    "storefleet.dev/data-class": "personal",
    "storefleet.dev/cost-centre": "platform",
    "storefleet.dev/role": "platform",
}
CELL = {
    "storefleet.dev/environment": "production",
    "storefleet.dev/data-class": "personal",
    "storefleet.dev/cost-centre": "retail-group",
    "storefleet.dev/cell": "north",
    "storefleet.dev/tier": "dedicated",
    "storefleet.dev/residency": "eu",
}
TENANT = {**CELL, "storefleet.dev/tenant": "acorn"}


@dataclass(frozen=True)
class From:
    """A value that another resource has once it is created."""

    name: str
    attribute: str = "id"


@dataclass
class Recorded:
    """One resource: its type without the package, its inputs, and the provider (by region) it is given."""

    type: str
    inputs: Inputs
    protect: bool = False
    region: str | None = "eu-central-1"


@dataclass
class Cloud:
    """The resources of a program by their names."""

    resources: dict[str, Recorded] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Inputs:
        return self.resources[name].inputs

    def add(
        self,
        name: str,
        type_: str,
        *,
        protect: bool = False,
        region: str | None = "eu-central-1",
        **inputs: Any,
    ) -> None:
        self.resources[name] = Recorded(type_, inputs, protect, region)

    def judged(self, *, applied: bool) -> Iterator[Judged]:
        """Yield the resources as the engine shows them at preview, or once they are applied."""
        for region in ("eu-central-1", "eu-west-1"):
            yield Judged(PROVIDER, region, {"region": region})
        for name, recorded in self.resources.items():
            sources: Mapping[str, list[str]] = {}
            if applied:
                props = {**_rendered(recorded.inputs, self._value), **self._identity(name)}
            else:
                props = _rendered(recorded.inputs, lambda _: UNKNOWN)
                sources = {key: sorted(set(_sources(value))) for key, value in recorded.inputs.items()}
            yield Judged(
                f"aws:{recorded.type}", name, props, _provider(recorded.region), recorded.protect, sources
            )

    def _identity(self, name: str) -> Mapping[str, str]:
        return {"id": f"{name}-id", "arn": f"arn:aws:x:{self.resources[name].region}:1:{name}"}

    def _value(self, source: From) -> str:
        return self._identity(source.name)[source.attribute]


def _provider(region: str | None) -> PolicyProviderResource:
    name = region or "default_7_51_1"
    return PolicyProviderResource(PROVIDER, {}, urn_of(PROVIDER, name), name)


def _rendered(value: Any, of: Callable[[From], str]) -> Any:
    if isinstance(value, From):
        return of(value)
    if isinstance(value, dict):
        return {key: _rendered(item, of) for key, item in value.items()}
    return [_rendered(item, of) for item in value] if isinstance(value, list) else value


def _sources(value: Any) -> Iterator[str]:
    if isinstance(value, From):
        yield value.name
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _sources(item)


def a_policy(*statements: Mapping[str, Any]) -> str:
    """Return an IAM policy as the text that the provider takes."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def an_allowance(**fields: Any) -> Mapping[str, Any]:
    """Return a statement that allows something."""
    return {"Effect": "Allow", **fields}


def tls_only(bucket: str) -> Mapping[str, Any]:
    """Return the statement that refuses requests without TLS."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def trust(**statement: Any) -> str:
    """Return a trust policy of one statement."""
    return a_policy(an_allowance(**statement))


def cloud() -> Cloud:
    """Return the network's edge, the cluster, and a cell with everything that holds data."""
    made = Cloud()
    made.add("key", "kms/key:Key", protect=True, tags=CELL, enableKeyRotation=True)
    made.add("replica-key", "kms/key:Key", protect=True, region="eu-west-1", tags=CELL)
    _add_bucket(made, "backups", "key", "eu-central-1")
    _add_bucket(made, "replica", "replica-key", "eu-west-1")
    _add_data(made)
    _add_backups(made)
    _add_cluster(made)
    _add_access(made)
    return made


def _add_bucket(made: Cloud, name: str, key: str, region: str) -> None:
    bucket, own = f"storefleet-production-{name}", {"bucket": From(name)}
    made.add(name, "s3/bucket:Bucket", protect=True, region=region, bucket=bucket, tags=CELL)
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    made.add(
        f"{name}-block",
        "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        region=region,
        **own,
        **dict.fromkeys(switches, True),
    )
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": From(key, "arn")}
    made.add(
        f"{name}-encryption",
        "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        region=region,
        **own,
        rules=[{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}],
    )
    made.add(
        f"{name}-policy",
        "s3/bucketPolicy:BucketPolicy",
        region=region,
        **own,
        policy=a_policy(tls_only(bucket)),
    )


def _add_data(made: Cloud) -> None:
    made.add(
        "tls",
        "rds/parameterGroup:ParameterGroup",
        family="postgres18",
        parameters=[{"name": "rds.force_ssl", "value": "1"}],
    )
    made.add(
        "database",
        "rds/instance:Instance",
        protect=True,
        instanceClass="db.r8g.large",
        engine="postgres",
        storageEncrypted=True,
        kmsKeyId=From("key", "arn"),
        parameterGroupName=From("tls"),
        publiclyAccessible=False,
        deletionProtection=True,
        skipFinalSnapshot=False,
        finalSnapshotIdentifier="north-final",
        backupRetentionPeriod=35,
        multiAz=True,
        tags=CELL,
    )
    made.add(
        "files",
        "efs/fileSystem:FileSystem",
        protect=True,
        encrypted=True,
        kmsKeyId=From("key", "arn"),
        tags=CELL,
    )
    made.add(
        "cache",
        "elasticache/replicationGroup:ReplicationGroup",
        replicationGroupId="north-sessions",
        description="sessions",
        engine="valkey",
        atRestEncryptionEnabled=True,
        kmsKeyId=From("key", "arn"),
        tags=CELL,
    )
    made.add(
        "password",
        "secretsmanager/secret:Secret",
        kmsKeyId=From("key", "arn"),
        replicas=[{"region": "eu-west-1", "kmsKeyId": From("replica-key", "arn")}],
        tags=CELL,
    )
    made.add("logs", "cloudwatch/logGroup:LogGroup", kmsKeyId=From("key", "arn"), tags=PLATFORM)


def _add_backups(made: Cloud) -> None:
    made.add("vault", "backup/vault:Vault", protect=True, kmsKeyArn=From("key", "arn"), tags=CELL)
    made.add(
        "far-vault",
        "backup/vault:Vault",
        protect=True,
        region="eu-west-1",
        kmsKeyArn=From("replica-key", "arn"),
        tags=CELL,
    )
    kept = {"deleteAfter": 35}
    rule = {
        "ruleName": "daily",
        "targetVaultName": From("vault"),
        "lifecycle": kept,
        "copyActions": [{"destinationVaultArn": From("far-vault", "arn"), "lifecycle": kept}],
    }
    made.add("plan", "backup/plan:Plan", rules=[rule], tags=CELL)
    made.add(
        "selection",
        "backup/selection:Selection",
        planId=From("plan"),
        iamRoleArn="arn:aws:iam::111122223333:role/backup",
        resources=[From("database", "arn"), From("files", "arn")],
    )
    destination = {"bucket": "arn:aws:s3:::storefleet-production-replica", "storageClass": "STANDARD_IA"}
    made.add(
        "replication",
        "s3/bucketReplicationConfig:BucketReplicationConfig",
        bucket=From("backups"),
        role="arn:aws:iam::111122223333:role/replication",
        rules=[{"status": "Enabled", "destination": destination}],
    )


def _add_cluster(made: Cloud) -> None:
    made.add(
        "cluster",
        "eks/cluster:Cluster",
        protect=True,
        roleArn="arn:aws:iam::111122223333:role/cluster",
        vpcConfig={
            "subnetIds": ["subnet-1", "subnet-2"],
            "endpointPrivateAccess": True,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["203.0.113.0/28"],
        },
        accessConfig={"authenticationMode": "API"},
        enabledClusterLogTypes=["api", "audit", "authenticator"],
        encryptionConfig={"provider": {"keyArn": From("key", "arn")}, "resources": ["secrets"]},
        tags=PLATFORM,
    )
    values = {"enableNetworkPolicy": "true", "env": {"NETWORK_POLICY_ENFORCING_MODE": "strict"}}
    made.add(
        "network",
        "eks/addon:Addon",
        addonName="vpc-cni",
        clusterName=From("cluster"),
        configurationValues=json.dumps(values),
    )
    disk = {"encrypted": "true", "kmsKeyId": From("key", "arn"), "volumeSize": 50}
    made.add(
        "node",
        "ec2/launchTemplate:LaunchTemplate",
        blockDeviceMappings=[{"deviceName": "/dev/xvda", "ebs": disk}],
        tags=PLATFORM,
    )
    made.add(
        "edge",
        "ec2/securityGroup:SecurityGroup",
        vpcId="vpc-1",
        tags={**PLATFORM, "storefleet.dev/role": "load-balancer"},
    )
    made.add(
        "https",
        "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        securityGroupId=From("edge"),
        ipProtocol="tcp",
        fromPort=443,
        toPort=443,
        cidrIpv4="0.0.0.0/0",
    )


def _add_access(made: Cloud) -> None:
    pods = {"Service": "pods.eks.amazonaws.com"}
    made.add(
        "shop",
        "iam/role:Role",
        assumeRolePolicy=trust(Principal=pods, Action=["sts:AssumeRole", "sts:TagSession"]),
        tags=TENANT,
    )
    made.add(
        "shop-identity",
        "eks/podIdentityAssociation:PodIdentityAssociation",
        clusterName=From("cluster"),
        namespace=NAMESPACE,
        serviceAccount="odoo",
        roleArn=From("shop", "arn"),
    )
    issuer = "oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    bound = {
        f"{issuer}:sub": f"system:serviceaccount:{NAMESPACE}:backup",
        f"{issuer}:aud": "sts.amazonaws.com",
    }
    made.add(
        "archiver",
        "iam/role:Role",
        assumeRolePolicy=trust(
            Principal={"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"},
            Action="sts:AssumeRoleWithWebIdentity",
            Condition={"StringEquals": bound},
        ),
        tags=TENANT,
    )
    prefix = "arn:aws:s3:::storefleet-production-backups/north/*"
    reading = an_allowance(Action=["s3:GetObject", "s3:PutObject"], Resource=prefix)
    made.add("objects", "iam/rolePolicy:RolePolicy", role=From("archiver"), policy=a_policy(reading))


CloudBreak = Callable[[Cloud], None]


def change(name: str, **inputs: Any) -> CloudBreak:
    """Return a break that changes inputs of a resource; None leaves one out."""

    def apply(made: Cloud) -> None:
        made[name].update(inputs)
        for key in [key for key, value in inputs.items() if value is None]:
            del made[name][key]

    return apply


def tag(name: str, key: str, value: str | None) -> CloudBreak:
    """Return a break that changes a tag of a resource; None leaves it out."""

    def apply(made: Cloud) -> None:
        tags = {**made[name]["tags"], f"storefleet.dev/{key}": value}
        made[name]["tags"] = {each: text for each, text in tags.items() if text is not None}

    return apply


def unprotected(name: str) -> CloudBreak:
    """Return a break that takes the engine's protection off a resource."""
    return lambda made: setattr(made.resources[name], "protect", False)


def in_region(name: str, region: str | None) -> CloudBreak:
    """Return a break that gives a resource another provider; None the default one."""
    return lambda made: setattr(made.resources[name], "region", region)


WAIVER = "owner=ops@acorn.example expires=2025-01-31 reason=moving to our own key"

CLOUD_BREAKS: Mapping[str, CloudBreak] = {
    "no-cross-tenant-ref": change("shop-identity", namespace="t-birch"),
    "s3-private": change("backups-block", restrictPublicBuckets=False),
    "encryption-at-rest": change("logs", kmsKeyId=None),
    "rds-guard": change("database", backupRetentionPeriod=7),
    "backup-enabled": change("selection", resources=[From("database", "arn")]),
    "data-residency": change("password", replicas=[{"region": "us-east-1"}]),
    "stateful-protected": unprotected("files"),
    "eks-baseline": change("network", configurationValues='{"enableNetworkPolicy": "true"}'),
    "iam-sg-scoped": change("https", fromPort=22, toPort=22),
    "explicit-provider": in_region("logs", None),
    "waivers-valid": tag("logs", "waive-encryption-at-rest", WAIVER),
    "required-tags": tag("files", "cost-centre", None),
}
"""The rule -> what to do to the AWS program so that it, and no other rule, is broken in one place."""


def broken_cloud(*breaks: CloudBreak) -> Cloud:
    """Return the AWS program after the given changes."""
    made = cloud()
    for each in breaks:
        each(made)
    return made
