"""How Karpenter hears that nodes are about to be taken away: a queue, and rules that write to it."""

import json
from typing import Final

import pulumi
from pulumi_aws import cloudwatch, sqs

from components.eks.plan import EksPlan
from components.iam import Statement, document

RULES: Final = {
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
    "health": ("aws.health", "AWS Health Event"),
}
"""What is heard of: source and kind of event."""
_KEPT_SECONDS: Final = 300


def declare_interruptions(
    parent: pulumi.Resource, prefix: str, plan: EksPlan, key_arn: pulumi.Input[str]
) -> sqs.Queue:
    """Declare the queue and its rules as children of `parent`; the key's policy lets EventBridge use it."""
    name = f"{plan.name}-interruptions"
    tags = {**plan.tags, "Name": name}
    queue = sqs.Queue(
        f"{prefix}/interruptions",
        name=name,
        kms_master_key_id=key_arn,
        # A warning is two minutes ahead: older ones are of no use.
        message_retention_seconds=_KEPT_SECONDS,
        tags=tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    arn = f"arn:aws:sqs:{plan.region}:{plan.account}:{name}"
    events = Statement(
        sid="Events",
        actions=("sqs:SendMessage",),
        resources=(arn,),
        principal={"Service": "events.amazonaws.com"},
        condition={"StringEquals": {"aws:SourceAccount": plan.account}},
    )
    policy = sqs.QueuePolicy(
        f"{prefix}/interruptions-rights",
        queue_url=queue.url,
        policy=document(events),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    for key, (source, kind) in RULES.items():
        rule = cloudwatch.EventRule(
            f"{prefix}/interruptions-{key}",
            name=f"{name}-{key}",
            description=f"{kind}, for Karpenter",
            event_pattern=json.dumps({"source": [source], "detail-type": [kind]}),
            tags=tags,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        cloudwatch.EventTarget(
            f"{prefix}/interruptions-{key}-target",
            rule=rule.name,
            target_id="queue",
            arn=queue.arn,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[policy]),
        )
    return queue
