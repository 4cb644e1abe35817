"""A managed database is private, backed up, hard to delete, and survives a zone."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from policy import aws
from policy.belonging import RetentionSettings, mark
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.reading import field, sequence, text
from spec import labels
from spec.vocabulary import Tier

_GROUPS: Final = ("rds/parameterGroup:ParameterGroup", "rds/clusterParameterGroup:ClusterParameterGroup")
_MEMBER: Final = "rds/clusterInstance:ClusterInstance"


class DatabaseSettings(RetentionSettings):
    """What a managed database is measured against."""

    multi_az_tiers: tuple[str, ...] = Field(
        tuple(tier.value for tier in Tier),
        description="tiers whose databases run in two zones, where `environments` says so",
    )
    tls_parameter: str = Field("rds.force_ssl", description="parameter that refuses connections without TLS")


def check(resources: Sequence[Resource], settings: DatabaseSettings) -> Iterator[Finding]:
    """Find databases that are public, unguarded, reachable without TLS, kept too briefly, or in one zone."""
    for database in aws.of_type(resources, aws.INSTANCE, aws.DATABASE_CLUSTER):
        judges = (_guards, _retention, _tls, _zones)
        yield from judge_each(database, judges, lambda judge, own=database: judge(own, resources, settings))
    for member in aws.of_type(resources, _MEMBER):
        yield from judge_each(member, [member], _private)


def _private(database: Resource) -> Iterator[Finding]:
    if field(database.props, "publiclyAccessible") is True:
        yield Violation(database, "it has a public address", "set publiclyAccessible to false")


def _guards(
    database: Resource, _resources: Sequence[Resource], _settings: DatabaseSettings
) -> Iterator[Finding]:
    yield from _private(database)
    if field(database.props, "deletionProtection") is not True:
        yield Violation(database, "anybody with access can delete it", "set deletionProtection to true")
    if field(database.props, "skipFinalSnapshot") is True or not aws.given(
        database, "finalSnapshotIdentifier"
    ):
        yield Violation(
            database,
            "nothing is left of it once it is deleted",
            "set skipFinalSnapshot to false and finalSnapshotIdentifier to a name",
        )


def _retention(
    database: Resource, _resources: Sequence[Resource], settings: DatabaseSettings
) -> Iterator[Finding]:
    days, least = field(database.props, "backupRetentionPeriod"), settings.days_for(database)
    if not isinstance(days, int | float) or days < least:
        yield Violation(
            database,
            f"its backups are kept for {days if isinstance(days, int | float) else 0:g} days",
            f"set backupRetentionPeriod to {least} or more",
        )


def _tls(database: Resource, resources: Sequence[Resource], settings: DatabaseSettings) -> Iterator[Finding]:
    key = "parameterGroupName" if database.kind == "Instance" else "dbClusterParameterGroupName"
    groups = [group for group in aws.of_type(resources, *_GROUPS) if aws.refers(database, key, group)]
    if not any(_forces_tls(group, settings.tls_parameter) for group in groups):
        yield Violation(
            database,
            "it accepts connections without TLS",
            f"set {key} to a parameter group of the program with {settings.tls_parameter} = 1",
        )


def _forces_tls(group: Resource, parameter: str) -> bool:
    return any(
        text(each, "name") == parameter and str(field(each, "value")) in ("1", "1.0")
        for each in sequence(group.props, "parameters")
    )


def _zones(
    database: Resource, resources: Sequence[Resource], settings: DatabaseSettings
) -> Iterator[Finding]:
    tier = mark(database, labels.TIER)
    if not settings.required_for(database) or tier not in (None, *settings.multi_az_tiers):
        return
    if database.kind == "Instance":
        if field(database.props, "multiAz") is not True:
            yield Violation(database, "it runs in one zone", "set multiAz to true")
        return
    members = list(aws.linked(list(aws.of_type(resources, _MEMBER)), "clusterIdentifier", database))
    # A cluster with a class of instance of its own is one of three zones.
    if len(members) < 2 and not aws.given(database, "dbClusterInstanceClass"):  # noqa: PLR2004
        yield Violation(database, "it has no second instance", "declare two or more ClusterInstances for it")


RULE: Final = StackRule(
    name="rds-guard",
    title="Managed databases are private, reached over TLS, protected, backed up and in two zones.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon Web Services Foundations Benchmark", version="3.0.0", specification="2.3.3"
    ),
    remediation="Set deletionProtection, a final snapshot, backupRetentionPeriod by the tier, multiAz, and a "
    "parameter group that forces TLS; leave publiclyAccessible off.",
    settings=DatabaseSettings,
    selects=aws.aws(aws.INSTANCE, aws.DATABASE_CLUSTER, _MEMBER, *_GROUPS),
    check=check,
)
