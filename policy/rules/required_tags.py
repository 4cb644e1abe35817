"""Everything in the cloud says whose it is, what is in it and who pays for it."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from policy import aws
from policy.frame import Finding, Framework, Level, Resource, ResourceRule, Settings, Severity, Violation
from policy.reading import mapping
from spec import labels

TAGGED: Final = (
    *aws.BUCKETS,
    aws.CLUSTER,
    aws.DATABASE_CLUSTER,
    aws.FILES,
    aws.INSTANCE,
    aws.ROLE,
    aws.TABLE,
    aws.VAULT,
    aws.VOLUME,
    "backup/plan:Plan",
    "cloudwatch/logGroup:LogGroup",
    "ec2/instance:Instance",
    "ec2/launchTemplate:LaunchTemplate",
    "ec2/natGateway:NatGateway",
    "ec2/securityGroup:SecurityGroup",
    "ec2/subnet:Subnet",
    "ec2/vpc:Vpc",
    "ecr/repository:Repository",
    "eks/nodeGroup:NodeGroup",
    "elasticache/replicationGroup:ReplicationGroup",
    "elasticache/serverlessCache:ServerlessCache",
    "kms/key:Key",
    "lb/loadBalancer:LoadBalancer",
    "rds/clusterInstance:ClusterInstance",
    "secretsmanager/secret:Secret",
    "sns/topic:Topic",
    "sqs/queue:Queue",
)
"""What is paid for, holds data, or gives access. Not everything can be tagged, and nothing else says what can."""


class TagSettings(Settings):
    """Which tags resources carry."""

    every_resource: tuple[str, ...] = Field(
        (labels.ENVIRONMENT, labels.DATA_CLASS, labels.COST_CENTRE), description="tags of every resource"
    )
    owner_tags: tuple[str, ...] = Field(
        (labels.TENANT, labels.CELL, labels.ROLE),
        description="tags of which every resource has one: a tenant's, a cell's, or what part of the platform "
        "it is",
    )
    tenant_tags: tuple[str, ...] = Field((labels.TIER,), description="further tags of a tenant's or cell's")


def check(resource: Resource, settings: TagSettings) -> Iterator[Finding]:
    """Find resources that lack a tag, or have an empty one."""
    present = {key for key, value in mapping(resource.props, "tags").items() if value not in (None, "")}
    wanted = list(settings.every_resource)
    if present & {labels.TENANT, labels.CELL}:
        wanted += settings.tenant_tags
    if missing := [key for key in wanted if key not in present]:
        yield Violation(
            resource,
            f"it lacks the tags {', '.join(missing)}",
            "set them under tags, or defaultTags of its provider",
        )
    if not present & set(settings.owner_tags):
        yield Violation(
            resource,
            "no tag says whose it is",
            f"tag it with one of {', '.join(settings.owner_tags)}",
        )


RULE: Final = ResourceRule(
    name="required-tags",
    title="Every AWS resource says whose it is, what data it holds and who pays for it.",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    framework=Framework(
        name="AWS Well-Architected Framework", version="2024-06", specification="COST02-BP05"
    ),
    remediation="Take tags from the tenant, the cell or the environment that the resource belongs to; the "
    "keys are those of labels, in spec/labels.py.",
    settings=TagSettings,
    selects=aws.aws(*TAGGED),
    check=check,
)
