"""Data at rest is encrypted with a key of our own, whose use can be logged and withdrawn."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from policy import aws
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Settings,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.objects import kinds
from policy.reading import UnknownValue, field, mapping, sequence, text

_BUCKET_ENCRYPTION: Final = (
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
_EBS: Final = ("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com")
_LAUNCH_TEMPLATE: Final = "ec2/launchTemplate:LaunchTemplate"

_SWITCHED: Final = {
    aws.INSTANCE: ("storageEncrypted", "kmsKeyId"),
    aws.DATABASE_CLUSTER: ("storageEncrypted", "kmsKeyId"),
    aws.VOLUME: ("encrypted", "kmsKeyId"),
    aws.FILES: ("encrypted", "kmsKeyId"),
    "elasticache/replicationGroup:ReplicationGroup": ("atRestEncryptionEnabled", "kmsKeyId"),
}
"""Type -> the switch that turns encryption on, and the key."""

_KEYED: Final = {
    "backup/vault:Vault": ("kmsKeyArn",),
    "cloudwatch/logGroup:LogGroup": ("kmsKeyId",),
    aws.TABLE: ("serverSideEncryption", "kmsKeyArn"),
    "elasticache/serverlessCache:ServerlessCache": ("kmsKeyId",),
    "secretsmanager/secret:Secret": ("kmsKeyId",),
    "sns/topic:Topic": ("kmsMasterKeyId",),
    "sqs/queue:Queue": ("kmsMasterKeyId",),
}
"""Type -> the key, which is all that is needed."""


class EncryptionSettings(Settings):
    """What counts as a key of our own."""

    foreign_keys: tuple[str, ...] = Field(
        ("alias/aws/",), description="parts of a key's name by which keys that AWS manages are told"
    )


def check(resources: Sequence[Resource], settings: EncryptionSettings) -> Iterator[Finding]:
    """Find what stores data without encryption, or with a key that AWS manages."""
    for resource in resources:
        kind = resource.type.removeprefix("aws:")
        yield from judge_each(
            resource, [kind], lambda each, own=resource: _judge(own, each, resources, settings)
        )


def _judge(
    resource: Resource, kind: str, resources: Sequence[Resource], settings: EncryptionSettings
) -> Iterator[Finding]:
    if kind in _SWITCHED:
        switch, key = _SWITCHED[kind]
        yield from _on(resource, switch)
        yield from _key(resource, (key,), settings)
    elif kind in _KEYED:
        yield from _key(resource, _KEYED[kind], settings)
    elif kind in aws.BUCKETS:
        yield from _bucket(resource, resources, settings)
    elif kind == aws.CLUSTER:
        yield from _cluster(resource, settings)
    elif kind == _LAUNCH_TEMPLATE:
        yield from _disks(resource, settings)
    elif resource.kind == "StorageClass":
        yield from _storage_class(resource, settings)


def _on(resource: Resource, switch: str) -> Iterator[Finding]:
    # Some providers write their switches as texts.
    if str(field(resource.props, switch)).lower() != "true":
        yield Violation(resource, "it is not encrypted", f"set {switch} to true")


def _key(resource: Resource, keys: tuple[str, ...], settings: EncryptionSettings) -> Iterator[Finding]:
    where = ".".join(keys)
    if not aws.given(resource, *keys):
        yield Violation(
            resource, "it uses a key that AWS manages", f"set {where} to a KMS key of the program"
        )
    elif _is_foreign(resource.props, keys, settings):
        yield Violation(
            resource, f"{where} is a key that AWS manages", f"set {where} to a KMS key of the program"
        )


def _is_foreign(node: object, keys: tuple[str, ...], settings: EncryptionSettings) -> bool:
    try:
        name = text(node, *keys) or ""
    except UnknownValue:
        # Keys that AWS manages are named outright; what is not known yet is a key about to be created.
        return False
    return any(part in name for part in settings.foreign_keys)


def _bucket(
    bucket: Resource, resources: Sequence[Resource], settings: EncryptionSettings
) -> Iterator[Finding]:
    holders = list(aws.linked(list(aws.of_type(resources, *_BUCKET_ENCRYPTION)), "bucket", bucket))
    for holder in holders:
        for rule in sequence(holder.props, "rules"):
            default = mapping(rule, "applyServerSideEncryptionByDefault")
            by_kms = (text(default, "sseAlgorithm") or "").startswith("aws:kms")
            if not by_kms or "kmsMasterKeyId" not in default:
                yield Violation(
                    bucket,
                    "its objects are encrypted with a key that AWS manages",
                    "set sseAlgorithm to aws:kms and kmsMasterKeyId to a KMS key of the program",
                )
            elif _is_foreign(default, ("kmsMasterKeyId",), settings):
                yield Violation(
                    bucket, "kmsMasterKeyId is a key that AWS manages", "use a KMS key of the program"
                )
    if not holders:
        yield Violation(
            bucket,
            "its objects are encrypted with a key that AWS manages",
            "declare a BucketServerSideEncryptionConfiguration with aws:kms and a KMS key of the program",
        )


def _cluster(cluster: Resource, settings: EncryptionSettings) -> Iterator[Finding]:
    covered = sequence(cluster.props, "encryptionConfig", "resources")
    if "secrets" not in covered:
        yield Violation(
            cluster,
            "its Secrets are not encrypted with a key of ours",
            "set encryptionConfig.resources to [secrets], and provider.keyArn to a KMS key of the program",
        )
    else:
        yield from _key(cluster, ("encryptionConfig", "provider", "keyArn"), settings)


def _disks(template: Resource, settings: EncryptionSettings) -> Iterator[Finding]:
    disks = sequence(template.props, "blockDeviceMappings")
    if not disks:
        yield Violation(
            template,
            "its disks follow the account's default encryption, which this program does not control",
            "name the root disk in blockDeviceMappings, encrypted with a KMS key of the program",
        )
    for index, mapped in enumerate(disks):
        disk = mapping(mapped, "ebs")
        # The provider writes this switch as a text.
        switched = str(field(disk, "encrypted")).lower() == "true"
        if disk and not (switched and "kmsKeyId" in disk and not _is_foreign(disk, ("kmsKeyId",), settings)):
            yield Violation(
                template,
                f"blockDeviceMappings[{index}] is not encrypted with a key of ours",
                f"set encrypted and kmsKeyId in blockDeviceMappings[{index}].ebs",
            )


def _storage_class(resource: Resource, settings: EncryptionSettings) -> Iterator[Finding]:
    if text(resource.props, "provisioner") not in _EBS:
        return
    parameters = mapping(resource.props, "parameters")
    if text(parameters, "encrypted") != "true" or "kmsKeyId" not in parameters:
        yield Violation(
            resource,
            "volumes of this class are not encrypted with a key of ours",
            "set parameters.encrypted to true, and parameters.kmsKeyId",
        )
    elif _is_foreign(parameters, ("kmsKeyId",), settings):
        yield Violation(
            resource, "parameters.kmsKeyId is a key that AWS manages", "use a KMS key of the program"
        )


RULE: Final = StackRule(
    name="encryption-at-rest",
    title="Databases, disks, files, buckets, caches, logs and cluster secrets are encrypted with our own keys.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon Web Services Foundations Benchmark",
        version="3.0.0",
        specification="2.2.1, 2.3.1, 2.4.1",
    ),
    remediation="Switch encryption on and name a KMS key of the program.",
    settings=EncryptionSettings,
    selects=aws.either(
        aws.aws(*_SWITCHED, *_KEYED, *aws.BUCKETS, *_BUCKET_ENCRYPTION, aws.CLUSTER, _LAUNCH_TEMPLATE),
        kinds("StorageClass"),
    ),
    check=check,
)
