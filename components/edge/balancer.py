"""The one balancer of an environment in AWS: what pods of the ingress controller register with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, lb, vpc

from components.edge.plan import TARGET_PORT, EdgePlan

_HTTPS = 443
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@dataclass(frozen=True, kw_only=True)
class BalancerArgs:
    """The plan, the network, and certificates of ACM by key; none where the ingress controller ends TLS."""

    plan: EdgePlan
    vpc_id: pulumi.Input[str]
    cidr: str
    subnet_ids: Sequence[pulumi.Input[str]]
    certificate_arns: Mapping[str, pulumi.Output[str]]


@dataclass(frozen=True, kw_only=True)
class BalancerOutputs:
    """The balancer, the group of targets that pods register with, and the group that reaches them."""

    balancer: lb.LoadBalancer
    target_group_arn: pulumi.Output[str]
    group_id: pulumi.Output[str]


class Balancer(pulumi.ComponentResource):
    """A network balancer in the public subnets: port 443 for everybody, and pods by their addresses behind it."""

    def __init__(self, name: str, args: BalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:edge:Balancer", name, None, opts)
        self._prefix = name
        self._args = args
        plan = args.plan
        group = self._group()
        balancer = lb.LoadBalancer(
            f"{name}/balancer",
            name=plan.name,
            load_balancer_type="network",
            internal=False,
            subnets=list(args.subnet_ids),
            security_groups=[group.id],
            enable_cross_zone_load_balancing=True,
            tags=dict(plan.tags),
            opts=self._child(protect=plan.protect or None),
        )
        targets = lb.TargetGroup(
            f"{name}/targets",
            name=plan.targets,
            vpc_id=args.vpc_id,
            target_type="ip",
            port=TARGET_PORT,
            protocol="TLS" if args.certificate_arns else "TCP",
            # Shops see who asks, and not the balancer's address.
            preserve_client_ip="true",
            deregistration_delay=60,
            health_check=lb.TargetGroupHealthCheckArgs(
                protocol="TCP", interval=10, healthy_threshold=2, unhealthy_threshold=2
            ),
            tags={**plan.tags, "Name": plan.targets},
            opts=self._child(),
        )
        self._listen(balancer, targets)
        self.outputs = BalancerOutputs(balancer=balancer, target_group_arn=targets.arn, group_id=group.id)
        self.register_outputs({"host": balancer.dns_name})

    def _child(self, *, protect: bool | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect)

    def _group(self) -> ec2.SecurityGroup:
        plan = self._args.plan
        group = ec2.SecurityGroup(
            f"{self._prefix}/group",
            name=f"{plan.name}-edge",
            description="The balancer: HTTPS from everywhere",
            vpc_id=self._args.vpc_id,
            tags=dict(plan.group_tags),
            opts=self._child(),
        )
        vpc.SecurityGroupIngressRule(
            f"{self._prefix}/https",
            security_group_id=group.id,
            description="HTTPS from everywhere",
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            cidr_ipv4="0.0.0.0/0",
            tags=dict(plan.group_tags),
            opts=self._child(),
        )
        vpc.SecurityGroupEgressRule(
            f"{self._prefix}/to-pods",
            security_group_id=group.id,
            description="To the pods of the ingress controller",
            ip_protocol="tcp",
            from_port=TARGET_PORT,
            to_port=TARGET_PORT,
            cidr_ipv4=self._args.cidr,
            tags=dict(plan.group_tags),
            opts=self._child(),
        )
        return group

    def _listen(self, balancer: lb.LoadBalancer, targets: lb.TargetGroup) -> None:
        arns = dict(self._args.certificate_arns)
        first = arns.pop("ingress", None)
        listener = lb.Listener(
            f"{self._prefix}/listener",
            load_balancer_arn=balancer.arn,
            port=_HTTPS,
            protocol="TCP" if first is None else "TLS",
            ssl_policy=None if first is None else _TLS_POLICY,
            certificate_arn=first,
            default_actions=[lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            tags=dict(self._args.plan.tags),
            opts=self._child(),
        )
        for key, arn in arns.items():
            lb.ListenerCertificate(
                f"{self._prefix}/certificate-{key}",
                listener_arn=listener.arn,
                certificate_arn=arn,
                opts=self._child(),
            )
