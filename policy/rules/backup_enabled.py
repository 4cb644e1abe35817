"""Everything that holds data is in a plan of backups that keeps them long enough."""

import re
from collections.abc import Iterator, Mapping, Sequence
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
from policy.objects import kinds, namespace_of
from policy.pods import template
from policy.reading import field, is_mapping, mapping, sequence, text
from spec.labels import ENVIRONMENT, KEPT_DAYS

KEPT: Final = KEPT_DAYS
"""Annotation of the CronJob that backs a volume up: for how many days it keeps what it made."""

_PLAN: Final = "backup/plan:Plan"
_SELECTION: Final = "backup/selection:Selection"
_STATEFUL: Final = (aws.DATABASE_CLUSTER, aws.FILES, aws.INSTANCE, aws.TABLE, aws.VOLUME)
_POSTGRES: Final = "kubernetes:postgresql.cnpg.io/v1:Cluster"
_KINDS: Final = ("CronJob", "ObjectStore", "PersistentVolumeClaim", "ScheduledBackup")
_PERIOD: Final = re.compile(r"(?P<number>[0-9]+)(?P<unit>[dwm])\Z")
_DAYS: Final = {"d": 1, "w": 7, "m": 30}


class BackupSettings(RetentionSettings):
    """What counts as a backup of a volume."""

    kept_annotation: str = Field(
        KEPT, description="annotation with the days that a CronJob which mounts a volume keeps its backups"
    )
    without: tuple[str, ...] = Field(
        ("local",),
        description="environments in which a database may have no backups at all, because nothing runs there; one "
        "that has a store is judged like any other",
    )


def check(resources: Sequence[Resource], settings: BackupSettings) -> Iterator[Finding]:
    """Find databases, file systems, disks and volumes that no plan backs up, or not for long enough."""
    for resource in resources:
        if aws.aws(*_STATEFUL)(resource.type):
            judge = _in_cloud
        elif resource.type == _POSTGRES:
            judge = _postgres
        elif resource.kind == "PersistentVolumeClaim":
            judge = _claim
        else:
            continue
        yield from judge_each(
            resource, [resource], lambda each, judge=judge: judge(each, resources, settings)
        )


def _in_cloud(
    resource: Resource, resources: Sequence[Resource], settings: BackupSettings
) -> Iterator[Finding]:
    selections = [each for each in aws.of_type(resources, _SELECTION) if _selected(each, resource)]
    if not selections:
        yield Violation(
            resource,
            "no plan backs it up",
            "name it in the resources or selectionTags of a backup Selection",
        )
        return
    plans = [
        plan
        for plan in aws.of_type(resources, _PLAN)
        if any(aws.refers(selection, "planId", plan) for selection in selections)
    ]
    least = settings.days_for(resource)
    if not any(_kept(plan) >= least for plan in plans):
        yield Violation(
            resource,
            f"its backups are kept for less than {least} days",
            f"set lifecycle.deleteAfter of a rule of its plan to {least} or more",
        )


def _selected(selection: Resource, resource: Resource) -> bool:
    if aws.refers(selection, "notResources", resource):
        return False
    tags = mapping(resource.props, "tags")
    by_tag = any(
        text(each, "type") == "STRINGEQUALS" and tags.get(text(each, "key") or "") == text(each, "value")
        for each in sequence(selection.props, "selectionTags")
    )
    listed = selection.props.get("resources")
    everything = not isinstance(listed, str) and "*" in aws.listed(listed)
    return by_tag or everything or aws.refers(selection, "resources", resource)


def _kept(plan: Resource) -> float:
    """Return the most days that any rule of a plan keeps backups; endless without a lifecycle."""
    kept = [0.0]
    for rule in sequence(plan.props, "rules"):
        days = field(rule, "lifecycle", "deleteAfter")
        kept.append(float(days) if isinstance(days, int | float) else float("inf"))
    return max(kept)


def _postgres(
    cluster: Resource, resources: Sequence[Resource], settings: BackupSettings
) -> Iterator[Finding]:
    name, here = text(cluster.props, "metadata", "name"), namespace_of(cluster)
    near = [each for each in resources if each.kind in _KINDS and namespace_of(each) == here]
    stores = [each for each in near if each.kind == "ObjectStore"]
    if not stores and mark(cluster, ENVIRONMENT) in settings.without:
        return
    if is_mapping(field(cluster.props, "spec", "backup", "barmanObjectStore")):
        yield Violation(
            cluster,
            "it is backed up in the way that the operator removes in its next version",
            "replace spec.backup.barmanObjectStore by the Barman Cloud plugin and an ObjectStore",
        )
    schedules = [
        each
        for each in near
        if each.kind == "ScheduledBackup"
        and text(each.props, "spec", "cluster", "name") == name
        and field(each.props, "spec", "suspend") is not True
    ]
    for schedule in schedules:
        if text(schedule.props, "spec", "method") != "plugin":
            yield Violation(
                schedule,
                "it asks for another method than the plugin's, which is not where the log goes",
                "set spec.method to plugin and name the plugin in spec.pluginConfiguration",
            )
    if not schedules:
        yield Violation(
            cluster, "no ScheduledBackup takes base backups of it", f"declare one for {name} in {here}"
        )
    archives = [
        text(plugin, "parameters", "barmanObjectName")
        for plugin in sequence(cluster.props, "spec", "plugins")
        if field(plugin, "isWALArchiver") is True
    ]
    if not archives:
        yield Violation(
            cluster,
            "nothing archives its write-ahead log, so what came after the last backup is lost",
            "add the Barman Cloud plugin to spec.plugins with isWALArchiver: true",
        )
    least = settings.days_for(cluster)
    for archive in archives:
        store = next((each for each in stores if text(each.props, "metadata", "name") == archive), None)
        period = text(store.props, "spec", "retentionPolicy") if store else None
        found = _PERIOD.match(period or "")
        if not found or int(found["number"]) * _DAYS[found["unit"]] < least:
            yield Violation(
                cluster,
                f"its backups are kept for {period or 'an unknown time'}",
                f"set spec.retentionPolicy of the ObjectStore {archive} to {least}d or more",
            )


def _claim(claim: Resource, resources: Sequence[Resource], settings: BackupSettings) -> Iterator[Finding]:
    name, here = text(claim.props, "metadata", "name"), namespace_of(claim)
    jobs = [
        each
        for each in resources
        if each.kind == "CronJob" and namespace_of(each) == here and name in _mounted(each)
    ]
    least = settings.days_for(claim)
    if not any(_job_keeps(mapping(job.props), settings) >= least for job in jobs):
        yield Violation(
            claim,
            "nothing backs it up" if not jobs else f"its backups are kept for less than {least} days",
            f"have a CronJob in {here} mount it, annotated with {settings.kept_annotation} of {least} or more",
        )


def _mounted(job: Resource) -> Iterator[str | None]:
    pod = template(job)
    for volume in sequence(pod.spec, "volumes") if pod else ():
        yield text(volume, "persistentVolumeClaim", "claimName")


def _job_keeps(job: Mapping[str, object], settings: BackupSettings) -> int:
    days = text(job, "metadata", "annotations", settings.kept_annotation) or ""
    return int(days) if days.isascii() and days.isdigit() else 0


RULE: Final = StackRule(
    name="backup-enabled",
    title="Everything that holds data is backed up, and its backups are kept long enough.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(name="AWS Well-Architected Framework", version="2024-06", specification="REL09-BP03"),
    remediation="Select AWS resources in a backup plan; give a PostgreSQL cluster a ScheduledBackup, an "
    "archiving plugin and an ObjectStore with a retention; have a CronJob back a volume up.",
    settings=BackupSettings,
    selects=aws.either(
        aws.aws(*_STATEFUL, _PLAN, _SELECTION), kinds(*_KINDS), lambda token: token == _POSTGRES
    ),
    check=check,
)
