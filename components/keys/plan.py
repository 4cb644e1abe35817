"""Which keys an environment in AWS has, and why: one for each purpose, so that each can be withdrawn alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from components.iam import Statement, document
from components.tagging import tags
from spec.aws import AwsSpec
from spec.cloud_names import key_alias, physical
from spec.environment import EnvironmentSpec
from spec.vocabulary import EnvironmentName, Sensitivity

ROTATION_DAYS: Final = 365
"""How often KMS makes new key material; what was encrypted before stays readable."""
DELETION_DAYS: Final = 30
"""Between the order to delete a key and its end: the longest that KMS allows, because nothing undoes it."""


class KeyPurpose(StrEnum):
    """What a key is for."""

    EKS = "eks"
    DATA = "data"
    BACKUPS = "backups"
    LOGS = "logs"
    SECRETS = "secrets"
    EVIDENCE = "evidence"
    SIGNING = "signing"


_WHY: Final[Mapping[KeyPurpose, str]] = MappingProxyType(
    {
        KeyPurpose.EKS: "Secrets in the cluster's own store, the nodes' disks and the notices of interruptions.",
        KeyPurpose.DATA: "Tenants' data in use: volumes of databases, files, caches, images.",
        KeyPurpose.BACKUPS: "Backups: who may read the data in use may not thereby read what was kept of them.",
        KeyPurpose.LOGS: "Logs, and the record of who did what.",
        KeyPurpose.SECRETS: "Passwords in the secret store.",
        KeyPurpose.EVIDENCE: "Evidence of releases: auditors read it without a right to any tenant's data.",
        KeyPurpose.SIGNING: (
            "Signatures of images: whoever publishes signs with it, the cluster refuses what it did not sign, and its "
            "private half never leaves KMS."
        ),
    }
)
_CLASS: Final[Mapping[KeyPurpose, Sensitivity]] = MappingProxyType(
    {
        KeyPurpose.EKS: Sensitivity.INTERNAL,
        KeyPurpose.DATA: Sensitivity.REGULATED,
        KeyPurpose.BACKUPS: Sensitivity.REGULATED,
        KeyPurpose.LOGS: Sensitivity.PERSONAL,
        KeyPurpose.SECRETS: Sensitivity.REGULATED,
        KeyPurpose.EVIDENCE: Sensitivity.PERSONAL,
        KeyPurpose.SIGNING: Sensitivity.INTERNAL,
    }
)

OWN_IN_DR: Final = (KeyPurpose.DATA, KeyPurpose.BACKUPS, KeyPurpose.EVIDENCE)
"""Purposes with a key of its own in the second region. S3, EFS and Backup encrypt a copy anew where it arrives,
so sharing key material would gain nothing, and its loss in one region would be the loss of both."""
SHARED_WITH_DR: Final = (KeyPurpose.SECRETS, KeyPurpose.SIGNING)
"""Purposes whose key material is in both regions: what is encrypted or signed in one must be readable and proved in
the other even when nobody can reach the first."""
SIGNS: Final = frozenset({KeyPurpose.SIGNING})
"""Purposes of pairs of keys. KMS does not renew them: a signature is good for as long as its key is."""


@dataclass(frozen=True, kw_only=True)
class KeyPlan:
    """One key; `multi_region`: a replica may stand in another region; `signs`: it is a pair, and encrypts nothing."""

    purpose: KeyPurpose
    alias: str
    description: str
    policy: str
    multi_region: bool
    signs: bool
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class KeysPlan:
    """The keys of the region, those of the second region, and the replicas there."""

    keys: tuple[KeyPlan, ...]
    far_keys: tuple[KeyPlan, ...]
    replicas: tuple[KeyPlan, ...]


def plan_keys(environment: EnvironmentSpec, aws: AwsSpec) -> KeysPlan:
    """Plan the keys of an environment; those for the second region only where it has one."""
    far = aws.dr_region
    return KeysPlan(
        keys=tuple(
            _key(environment, aws, purpose, aws.region, multi_region=far is not None and _shared(purpose))
            for purpose in KeyPurpose
            # The images of the second region were signed for production.
            if aws.stands_in_for is None or purpose not in SIGNS
        ),
        far_keys=() if far is None else tuple(_key(environment, aws, each, far) for each in OWN_IN_DR),
        replicas=()
        if far is None
        else tuple(_key(environment, aws, each, far, multi_region=True) for each in SHARED_WITH_DR),
    )


def trail_arn(environment: EnvironmentSpec, aws: AwsSpec) -> str:
    """Return the ARN of the record of who did what: its key and its bucket let in this trail and no other."""
    return f"arn:aws:cloudtrail:{aws.region}:{aws.account}:trail/{physical(environment, 'trail')}"


def signing_key_arn(environment: EnvironmentSpec, aws: AwsSpec) -> str:
    """Return the ARN of the alias of the key that images of an environment are signed with, in its own region."""
    owner = EnvironmentName.PRODUCTION.value if aws.stands_in_for is not None else environment.name.value
    alias = key_alias(environment, KeyPurpose.SIGNING.value).replace(
        f"-{environment.name.value}-", f"-{owner}-"
    )
    return f"arn:aws:kms:{aws.region}:{aws.account}:{alias}"


def _shared(purpose: KeyPurpose) -> bool:
    return purpose in SHARED_WITH_DR


def _key(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    purpose: KeyPurpose,
    region: str,
    *,
    multi_region: bool = False,
) -> KeyPlan:
    place = "" if region == aws.region else f", in {region}"
    return KeyPlan(
        purpose=purpose,
        alias=key_alias(environment, purpose.value),
        description=f"Storefleet {environment.name.value}: {purpose.value}{place}",
        policy=_policy(environment, aws, purpose, region),
        multi_region=multi_region,
        signs=purpose in SIGNS,
        tags=tags(environment, data_class=_CLASS[purpose], residency=aws.jurisdiction),
        why=_WHY[purpose],
    )


_USE: Final = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
_THROUGH: Final[Mapping[KeyPurpose, str]] = MappingProxyType(
    {KeyPurpose.EKS: "ec2", KeyPurpose.DATA: "ec2", KeyPurpose.BACKUPS: "backup"}
)


def _policy(environment: EnvironmentSpec, aws: AwsSpec, purpose: KeyPurpose, region: str) -> str:
    # Without the account's own statement nobody could ever change the key again; what it opens, IAM decides.
    own = Statement(
        sid="Account",
        actions=("kms:*",),
        resources=("*",),
        principal={"AWS": f"arn:aws:iam::{aws.account}:root"},
    )
    return document(own, *_through(aws, purpose, region), *_services(environment, aws, purpose, region))


def _through(aws: AwsSpec, purpose: KeyPurpose, region: str) -> tuple[Statement, ...]:
    """Return the use through one service by whoever in the account may use that service.

    The roles by which AWS starts nodes and attaches disks take no policies of ours, so the key has to name them;
    naming them outright fails in an account where they do not exist yet.
    """
    service = _THROUGH.get(purpose)
    if service is None:
        return ()
    own = Statement(
        sid="ThroughService",
        actions=(*_USE, "kms:CreateGrant"),
        resources=("*",),
        principal={"AWS": "*"},
        condition={
            "StringEquals": {
                "kms:CallerAccount": aws.account,
                "kms:ViaService": f"{service}.{region}.amazonaws.com",
            }
        },
    )
    return (own,)


def _services(
    environment: EnvironmentSpec, aws: AwsSpec, purpose: KeyPurpose, region: str
) -> tuple[Statement, ...]:
    """Return the use by services that come for themselves, and not for a caller of ours."""
    if purpose is KeyPurpose.LOGS:
        groups = f"arn:aws:logs:{region}:{aws.account}:log-group:*"
        return (
            Statement(
                sid="LogGroups",
                actions=_USE,
                resources=("*",),
                principal={"Service": f"logs.{region}.amazonaws.com"},
                condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            ),
            Statement(
                sid="Trail",
                actions=("kms:DescribeKey", "kms:GenerateDataKey*"),
                resources=("*",),
                principal={"Service": "cloudtrail.amazonaws.com"},
                condition={"StringEquals": {"aws:SourceArn": trail_arn(environment, aws)}},
            ),
        )
    if purpose is KeyPurpose.EKS:
        notices = Statement(
            sid="Notices",
            actions=("kms:Decrypt", "kms:GenerateDataKey*"),
            resources=("*",),
            principal={"Service": ("events.amazonaws.com", "sqs.amazonaws.com")},
            condition={"StringEquals": {"aws:SourceAccount": aws.account}},
        )
        return (notices,)
    return ()
