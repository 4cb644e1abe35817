"""What AWS backs up by itself, how long it keeps it, and where the copies go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.iam import Statement, assume_by_service, document
from components.storage.lifecycle import WITH_CUSTOMERS
from components.tagging import tags
from spec.aws import AwsSpec
from spec.cloud_names import physical, role_name
from spec.environment import EnvironmentSpec
from spec.labels import DOMAIN
from spec.tiers import RETENTION, TIERS, BackupClass
from spec.vocabulary import Sensitivity, Tier

BACKUP: Final = f"{DOMAIN}/backup"
"""Tag of what AWS backs up: its value says in which environment and for how long (see `backup_tag`)."""

_ELSEWHERE_DAYS: Final = 7
SPARE_DAYS: Final = 65
"""How much longer than usual somebody may keep a backup that they take by hand, such as before a migration."""

SERVICE_POLICIES: Final = (
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores",
)


@dataclass(frozen=True, kw_only=True)
class VaultPlan:
    """One vault; its lock refuses backups that are kept shorter or longer than these days."""

    key: str
    name: str
    region: str
    policy: str
    min_days: int
    max_days: int
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class SchedulePlan:
    """Backups of one class: what carries the tag's value is taken at `schedule` (UTC) and kept for `days`."""

    key: str
    name: str
    schedule: str
    days: int
    tag_value: str
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class BackupPlan:
    """The vault, the vault of the copies, the schedules by class, and the role that AWS takes on for them."""

    vault: VaultPlan
    far_vault: VaultPlan | None
    schedules: tuple[SchedulePlan, ...]
    role: str
    trust: str
    policies: tuple[str, ...]
    tags: Mapping[str, str]
    reasons: tuple[str, ...]


def backup_tag(environment: EnvironmentSpec, tier: Tier) -> dict[str, str]:
    """Return the tag by which something of a tier is backed up; none of another environment is taken with it."""
    return {BACKUP: f"{environment.name.value}-{TIERS[tier].backup_class.value}"}


def plan_backup(environment: EnvironmentSpec, aws: AwsSpec) -> BackupPlan:
    """Plan the backups that AWS takes, with a copy in the second region where the environment has one."""
    far = aws.dr_region
    return BackupPlan(
        vault=_vault(environment, aws, "vault", aws.region),
        far_vault=None if far is None else _vault(environment, aws, "far-vault", far),
        schedules=tuple(_schedule(environment, aws, each, hour) for hour, each in enumerate(BackupClass, 1)),
        role=role_name(environment, "backup"),
        trust=assume_by_service("backup.amazonaws.com", account=aws.account),
        policies=SERVICE_POLICIES,
        tags=tags(environment, data_class=Sensitivity.INTERNAL),
        reasons=_reasons(aws),
    )


def _days(environment: EnvironmentSpec, kept: BackupClass) -> int:
    return RETENTION[kept].days if environment.name in WITH_CUSTOMERS else _ELSEWHERE_DAYS


def _vault(environment: EnvironmentSpec, aws: AwsSpec, key: str, region: str) -> VaultPlan:
    days = [_days(environment, each) for each in BackupClass]
    name = physical(environment, "backups")
    return VaultPlan(
        key=key,
        name=name,
        region=region,
        policy=_policy(),
        min_days=min(days),
        max_days=max(days) + SPARE_DAYS,
        tags={
            **tags(environment, data_class=Sensitivity.REGULATED, residency=aws.jurisdiction),
            "Name": name,
        },
    )


def _policy() -> str:
    # For everybody: what is too old goes by the service itself, whom this does not concern.
    return document(
        Statement(
            sid="KeepThem",
            effect="Deny",
            actions=("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"),
            resources=("*",),
            principal={"AWS": "*"},
        )
    )


def _schedule(environment: EnvironmentSpec, aws: AwsSpec, kept: BackupClass, hour: int) -> SchedulePlan:
    days = _days(environment, kept)
    return SchedulePlan(
        key=kept.value,
        name=physical(environment, kept.value),
        schedule=f"cron(0 {hour} ? * * *)",
        days=days,
        tag_value=f"{environment.name.value}-{kept.value}",
        tags={
            **tags(environment, data_class=Sensitivity.INTERNAL, residency=aws.jurisdiction),
            "Name": physical(environment, kept.value),
        },
        why=f"Every night, kept for {days} days: as long as databases of this class can be wound back.",
    )


def _reasons(aws: AwsSpec) -> tuple[str, ...]:
    reasons = [
        "What is backed up is chosen by a tag, so nothing new is forgotten that carries its tier.",
        "Nobody deletes a backup before its time or shortens it; the vault's lock refuses times that are too short.",
    ]
    if aws.dr_region is not None:
        reasons.append(
            f"Each backup is copied to {aws.dr_region}, under the law of {aws.jurisdiction.value} as here, and "
            "encrypted anew with a key of that region."
        )
    return tuple(reasons)
