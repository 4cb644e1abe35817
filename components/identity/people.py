"""What people may do in AWS, by role. Nobody administers everything: what a role may, another checks.

=================  ==================================================  ===================================
role               may                                                 may not
=================  ==================================================  ===================================
developer          look at the cluster, its logs and its metrics       change anything, read any data
release-manager    push and sign images, write evidence                change the cluster, delete evidence
operator           administer the cluster, reach nodes, take backups   delete backups, keys or evidence
auditor            read all settings, the audit logs and the evidence  change anything, read tenants' data
break-glass        restore, start and stop what an operator may not    keep it: an hour, with a second factor
=================  ==================================================  ===================================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.iam import Condition, Statement, document, statement
from components.identity.tenants import by_s3
from components.identity.workloads import Place, place_of
from spec.cloud_names import bucket_name, key_alias
from spec.environment import EnvironmentSpec
from spec.kubernetes import HumanRole

SESSION_SECONDS: Final[Mapping[HumanRole, int]] = {
    HumanRole.DEVELOPER: 8 * 3600,
    HumanRole.RELEASE_MANAGER: 4 * 3600,
    HumanRole.OPERATOR: 4 * 3600,
    HumanRole.AUDITOR: 8 * 3600,
    HumanRole.BREAK_GLASS: 3600,
}
"""Longest session: a working day to look, half of one to change, an hour for an emergency."""

_SECOND_FACTOR: Final = frozenset({HumanRole.OPERATOR, HumanRole.BREAK_GLASS})
_SECOND_FACTOR_SECONDS: Final = 3600


@dataclass(frozen=True, kw_only=True)
class PersonRole:
    """A role that people assume."""

    role: HumanRole
    trust: str
    policy: str
    managed: tuple[str, ...]
    """ARNs of policies of AWS' own."""
    session_seconds: int
    why: str


def plan_people(environment: EnvironmentSpec) -> tuple[PersonRole, ...]:
    """Return the roles that somebody may assume here, in a fixed order."""
    if environment.aws is None:
        return ()
    place = place_of(environment)
    rights = {
        HumanRole.DEVELOPER: _developer(place),
        HumanRole.RELEASE_MANAGER: _release_manager(environment, place),
        HumanRole.OPERATOR: _operator(environment, place),
        HumanRole.AUDITOR: _auditor(environment, place),
        HumanRole.BREAK_GLASS: _break_glass(environment, place),
    }
    access = environment.aws.kubernetes.access
    return tuple(
        PersonRole(
            role=role,
            trust=_trust(access[role], second_factor=role in _SECOND_FACTOR),
            policy=document(*rights[role]),
            managed=_MANAGED.get(role, ()),
            session_seconds=SESSION_SECONDS[role],
            why=_WHY[role],
        )
        for role in HumanRole
        if role in access
    )


def _trust(principals: tuple[str, ...], *, second_factor: bool) -> str:
    """Return who may take a role on. Sessions of roles carry no mark of a second factor: their directory asks."""
    users = tuple(sorted(arn for arn in principals if ":user/" in arn))
    roles = tuple(sorted(arn for arn in principals if ":user/" not in arn))
    # "Age" as well: a session of the morning does not count in the evening.
    factor: Condition = {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": str(_SECOND_FACTOR_SECONDS)},
    }
    given: tuple[tuple[str, tuple[str, ...], Condition], ...] = (
        ("Directory", roles, {}),
        ("Users", users, factor if second_factor else {}),
    )
    return document(
        *(
            Statement(sid=sid, actions=("sts:AssumeRole",), principal={"AWS": arns}, condition=condition)
            for sid, arns, condition in given
            if arns
        )
    )


_MANAGED: Final[Mapping[HumanRole, tuple[str, ...]]] = {
    HumanRole.AUDITOR: ("arn:aws:iam::aws:policy/SecurityAudit",),
}
_WHY: Final[Mapping[HumanRole, str]] = {
    HumanRole.DEVELOPER: "Looks, to find out what a shop does; changes go through Git.",
    HumanRole.RELEASE_MANAGER: "Publishes images and evidence; releases move by commits, not by this role.",
    HumanRole.OPERATOR: "Keeps the cluster running and applies what is inside it.",
    HumanRole.AUDITOR: "Reads what was done and what is set, and never what the tenants' data say.",
    HumanRole.BREAK_GLASS: "For the hour in which nothing else helps.",
}


def _cluster(place: Place) -> Statement:
    return statement(
        "SeeCluster",
        ("eks:AccessKubernetesApi", "eks:DescribeCluster", "eks:DescribeNodegroup", "eks:ListNodegroups"),
        (
            place.arn("eks", f"cluster/{place.cluster}"),
            place.arn("eks", f"nodegroup/{place.cluster}/*/*"),
        ),
    )


def _log_reading(place: Place) -> Statement:
    groups = (f"/aws/eks/{place.cluster}/*", f"/storefleet/{place.cluster}/*")
    return statement(
        "ReadLogs",
        ("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery"),
        tuple(place.arn("logs", f"log-group:{group}{end}") for group in groups for end in ("", ":*")),
    )


def _developer(place: Place) -> tuple[Statement, ...]:
    metrics = ("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "logs:GetQueryResults")
    return _cluster(place), _log_reading(place), statement("ReadMetrics", metrics, ("*",))


def _release_manager(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    evidence = f"arn:aws:s3:::{bucket_name(environment, 'evidence')}"
    return (
        _cluster(place),
        statement("SignInToRegistry", ("ecr:GetAuthorizationToken",), ("*",)),
        statement(
            "PushImages",
            (
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ),
            (place.arn("ecr", f"repository/{place.cluster}/*"),),
        ),
        statement(
            "SignImages",
            ("kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"),
            (place.arn("kms", "key/*"),),
            condition={
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": key_alias(environment, "signing")}
            },
        ),
        statement("WriteEvidence", ("s3:GetObject", "s3:PutObject"), (f"{evidence}/*",)),
        statement("ListEvidence", ("s3:ListBucket",), (evidence,)),
        by_s3(place.account, place.region, key_alias(environment, "evidence")),
    )


def _operator(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    mine = {"StringEquals": {"aws:ResourceTag/storefleet.dev/environment": environment.name.value}}
    return (
        _cluster(place),
        _log_reading(place),
        statement(
            "ScaleNodes",
            ("eks:UpdateNodegroupConfig", "eks:UpdateNodegroupVersion"),
            (place.arn("eks", f"nodegroup/{place.cluster}/*/*"),),
        ),
        statement(
            "ReachNodes",
            ("ssm:StartSession",),
            (
                place.arn("ec2", "instance/*"),
                f"arn:aws:ssm:{place.region}::document/SSM-SessionManagerRunShell",
            ),
            condition={"StringEqualsIfExists": mine["StringEquals"]},
        ),
        statement(
            "OwnSessions",
            ("ssm:ResumeSession", "ssm:TerminateSession"),
            (place.arn("ssm", "session/${aws:username}-*"),),
        ),
        statement(
            "TakeBackups",
            ("backup:DescribeBackupJob", "backup:ListRecoveryPointsByBackupVault", "backup:StartBackupJob"),
            (place.arn("backup", f"backup-vault:{place.cluster}-*"),),
        ),
        _never(environment),
    )


def _auditor(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    evidence = f"arn:aws:s3:::{bucket_name(environment, 'evidence')}"
    return (
        _log_reading(place),
        statement("ReadQueries", ("logs:GetQueryResults",), ("*",)),
        statement("ReadEvidence", ("s3:GetObject", "s3:GetObjectVersion"), (f"{evidence}/*",)),
        statement("ListEvidence", ("s3:ListBucket", "s3:ListBucketVersions"), (evidence,)),
        by_s3(place.account, place.region, key_alias(environment, "evidence")),
        _never(environment),
    )


def _break_glass(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    mine = {"StringEquals": {"aws:ResourceTag/storefleet.dev/environment": environment.name.value}}
    backups = f"arn:aws:s3:::{bucket_name(environment, 'backups')}"
    return (
        _cluster(place),
        _log_reading(place),
        statement(
            "SetCluster",
            ("eks:CreateAccessEntry", "eks:UpdateClusterConfig", "eks:UpdateNodegroupConfig"),
            (
                place.arn("eks", f"cluster/{place.cluster}"),
                place.arn("eks", f"nodegroup/{place.cluster}/*/*"),
            ),
        ),
        statement(
            "StartAndStop",
            ("ec2:RebootInstances", "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"),
            (place.arn("ec2", "instance/*"),),
            condition=mine,
        ),
        statement(
            "Restore",
            ("backup:GetRecoveryPointRestoreMetadata", "backup:StartRestoreJob"),
            (place.arn("backup", "recovery-point:*"),),
        ),
        statement("ReadBackups", ("s3:GetObject", "s3:GetObjectVersion"), (f"{backups}/*",)),
        statement("ListBackups", ("s3:ListBucket", "s3:ListBucketVersions"), (backups,)),
        by_s3(place.account, place.region, key_alias(environment, "backups")),
        statement(
            "SaveKeys",
            ("kms:CancelKeyDeletion", "kms:EnableKey"),
            (place.arn("kms", "key/*"),),
            condition=mine,
        ),
        _never(environment),
    )


def _never(environment: EnvironmentSpec) -> Statement:
    """Return what is refused whatever else is allowed: destroying backups, keys, evidence, or the trail of it."""
    buckets = tuple(
        f"arn:aws:s3:::{bucket_name(environment, thing)}{end}"
        for thing in ("backups", "evidence")
        for end in ("", "/*")
    )
    others = tuple(f"arn:aws:{service}:*:*:*" for service in ("backup", "cloudtrail", "kms", "logs"))
    return Statement(
        sid="KeepThePast",
        effect="Deny",
        actions=(
            "backup:DeleteBackupVault",
            "backup:DeleteRecoveryPoint",
            "cloudtrail:DeleteTrail",
            "cloudtrail:StopLogging",
            "kms:DisableKey",
            "kms:ScheduleKeyDeletion",
            "logs:DeleteLogGroup",
            "s3:BypassGovernanceRetention",
            "s3:DeleteBucket",
            "s3:DeleteObjectVersion",
            "s3:PutBucketPolicy",
            "s3:PutLifecycleConfiguration",
        ),
        resources=(*buckets, *others),
    )
