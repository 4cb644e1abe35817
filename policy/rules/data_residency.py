"""Data stay where the law that they are under says: themselves, their replicas and their backups."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from policy import aws
from policy.belonging import mark
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
from policy.reading import Unknown, field, mapping, sequence, strings, text
from spec.labels import RESIDENCY

_REPLICATION: Final = (
    "s3/bucketReplicationConfig:BucketReplicationConfig",
    "s3/bucketReplicationConfiguration:BucketReplicationConfiguration",
)
_FILE_COPY: Final = "efs/replicationConfiguration:ReplicationConfiguration"
_PLAN: Final = "backup/plan:Plan"
_SECRET: Final = "secretsmanager/secret:Secret"  # noqa: S105 - a type
_HOLDERS: Final = (
    *aws.BUCKETS,
    aws.DATABASE_CLUSTER,
    aws.FILES,
    aws.INSTANCE,
    aws.TABLE,
    aws.VAULT,
    aws.VOLUME,
    _SECRET,
    "elasticache/replicationGroup:ReplicationGroup",
    "elasticache/serverlessCache:ServerlessCache",
)
_ARN_PARTS: Final = 6
# Not data, and not where data are.
_ELSEWHERE: Final = ("Policy", "policy", "roleArn", "iamRoleArn", "tags")


class ResidencySettings(Settings):
    """Which regions lie in which jurisdiction."""

    eu: tuple[str, ...] = Field(
        ("eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"),
        description="regions in the European Economic Area",
    )
    uk: tuple[str, ...] = Field(("eu-west-2",), description="regions in the United Kingdom")
    ch: tuple[str, ...] = Field(("eu-central-2",), description="regions in Switzerland")

    def regions(self, jurisdiction: str) -> Sequence[str]:
        """Return the regions of a jurisdiction; none for one that there is not."""
        return {"eu": self.eu, "uk": self.uk, "ch": self.ch}.get(jurisdiction, ())


@dataclass(frozen=True)
class _Program:
    resources: Sequence[Resource]
    providers: Mapping[str, Resource]
    settings: ResidencySettings


def check(resources: Sequence[Resource], settings: ResidencySettings) -> Iterator[Finding]:
    """Find data, replicas and copies of backups in regions outside their jurisdiction."""
    providers = {each.urn: each for each in resources if each.type == aws.PROVIDER}
    program = _Program(resources, providers, settings)
    for holder in aws.of_type(resources, *_HOLDERS):
        judges = (_placed, _named, _replicas)
        yield from judge_each(holder, judges, lambda judge, own=holder: judge(own, program))
    for copier in aws.of_type(resources, *_COPIERS):
        judge = _COPIERS[copier.type.removeprefix("aws:")]
        yield from judge_each(copier, [copier], lambda each, judge=judge: judge(each, program))


def _allowed(resource: Resource, program: _Program) -> Sequence[str]:
    return program.settings.regions(mark(resource, RESIDENCY) or "")


def _placed(holder: Resource, program: _Program) -> Iterator[Finding]:
    allowed = _allowed(holder, program)
    if not allowed:
        yield Violation(
            holder,
            "it holds data and does not say in which jurisdiction they must stay",
            f"tag it with {RESIDENCY}: eu, uk or ch",
        )
        return
    region = aws.region_of(holder, program.providers)
    if region not in allowed:
        yield Violation(
            holder,
            f"it is in {region or 'a region that the shell decides'}, outside its jurisdiction",
            f"create it with a provider of one of {', '.join(allowed)}",
        )


def _named(holder: Resource, program: _Program) -> Iterator[Finding]:
    """Judge the regions in all ARNs that say where something of the data is or comes from."""
    allowed = _allowed(holder, program)
    body = {key: value for key, value in holder.props.items() if not key.endswith(_ELSEWHERE)}
    for found in strings(body):
        if isinstance(found, Unknown):
            continue
        path, value = found
        region = _region_in(value)
        if region and allowed and region not in allowed:
            yield Violation(
                holder, f"{path} names something in {region}, outside its jurisdiction", "name one inside it"
            )


def _replicas(holder: Resource, program: _Program) -> Iterator[Finding]:
    allowed = _allowed(holder, program)
    for index, replica in enumerate(sequence(holder.props, "replicas")):
        region = text(replica, "region") or text(replica, "regionName")
        if allowed and region not in allowed:
            yield Violation(
                holder,
                f"replicas[{index}] is in {region}, outside its jurisdiction",
                f"use one of {', '.join(allowed)}",
            )


def _region_in(value: str) -> str:
    parts = value.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) >= _ARN_PARTS else ""


def _plan(plan: Resource, program: _Program) -> Iterator[Finding]:
    """Judge where a plan copies backups to."""
    actions = [each for rule in sequence(plan.props, "rules") for each in sequence(rule, "copyActions")]
    if not actions:
        return
    allowed = _allowed(plan, program)
    if not allowed:
        yield Violation(
            plan,
            "it copies backups and does not say in which jurisdiction they must stay",
            f"tag it with {RESIDENCY}: eu, uk or ch",
        )
    for action in actions:
        vault = mapping(action).get("destinationVaultArn")
        regions = [_region_in(vault)] if isinstance(vault, str) else _regions_of(plan, (aws.VAULT,), program)
        yield from _outside(plan, regions, allowed)


def _files(copier: Resource, program: _Program) -> Iterator[Finding]:
    """Judge where the replica of a file system is."""
    allowed = _source_allows(copier, "sourceFileSystemId", (aws.FILES,), program)
    region = text(aws.first(field(copier.props, "destination")), "region")
    yield from _outside(copier, [region], allowed)


def _objects(copier: Resource, program: _Program) -> Iterator[Finding]:
    """Judge where a bucket is replicated to: its ARN names no region, so the bucket itself must be at hand."""
    allowed = _source_allows(copier, "bucket", aws.BUCKETS, program)
    for rule in sequence(copier.props, "rules"):
        target = mapping(rule, "destination").get("bucket")
        if isinstance(target, str):
            name = target.rpartition(":")[2]
            buckets = aws.of_type(program.resources, *aws.BUCKETS)
            regions = [aws.region_of(b, program.providers) for b in buckets if b.props.get("bucket") == name]
        else:
            regions = _regions_of(copier, aws.BUCKETS, program)
        # A rule's own bucket is among what it depends on.
        yield from _outside(copier, regions or [None], allowed)


def _source_allows(copier: Resource, name: str, types: Sequence[str], program: _Program) -> Sequence[str]:
    sources = [each for each in aws.of_type(program.resources, *types) if aws.refers(copier, name, each)]
    return [region for source in sources for region in _allowed(source, program)]


def _regions_of(copier: Resource, types: Sequence[str], program: _Program) -> Sequence[str | None]:
    named = copier.references.get("rules", ())
    targets = [each for each in aws.of_type(program.resources, *types) if each.urn in named]
    return [aws.region_of(each, program.providers) for each in targets] or [None]


def _outside(copier: Resource, regions: Sequence[str | None], allowed: Sequence[str]) -> Iterator[Finding]:
    for region in regions:
        if region not in allowed:
            yield Violation(
                copier,
                f"it copies data to {region or 'where this program cannot tell'}, outside their jurisdiction",
                "copy to something that this program declares, in a region of the source's jurisdiction",
            )


_COPIERS: Final[Mapping[str, Callable[[Resource, _Program], Iterator[Finding]]]] = {
    **dict.fromkeys(_REPLICATION, _objects),
    _FILE_COPY: _files,
    _PLAN: _plan,
}
_ABOUT_DATA: Final = aws.aws(*_HOLDERS, *_COPIERS)

RULE: Final = StackRule(
    name="data-residency",
    title="Data, their replicas and the copies of their backups stay in the tenants' jurisdiction.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(name="GDPR", version="2016/679", specification="Articles 44 to 46"),
    remediation="Tag what holds data with storefleet.dev/residency, and create it, its replicas and its vaults "
    "with providers of regions in that jurisdiction.",
    settings=ResidencySettings,
    selects=lambda token: token == aws.PROVIDER or _ABOUT_DATA(token),
    check=check,
)
