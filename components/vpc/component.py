"""The network of an environment in AWS: a VPC over the region's zones, and the only ways in and out of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, vpc

from components.iam import assume_by_service, document, statement
from components.vpc.cidrs import SubnetTier
from components.vpc.plan import VpcPlan

_ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class VpcArgs:
    """The plan, and the key that the record of connections is encrypted with."""

    plan: VpcPlan
    logs_key_arn: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class VpcOutputs:
    """What is put into the network needs these; the subnets by tier, in the order of their zones."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: tuple[pulumi.Output[str], ...]
    public_subnet_ids: tuple[pulumi.Output[str], ...]
    data_subnet_ids: tuple[pulumi.Output[str], ...]
    cidr: str


class Vpc(pulumi.ComponentResource):
    """VPC, subnets, routes, NAT, endpoints, flow log, and a default security group that lets nothing through."""

    def __init__(self, name: str, args: VpcArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:vpc:Vpc", name, None, opts)
        self._plan = args.plan
        self._prefix = name
        self._vpc = ec2.Vpc(
            f"{name}/vpc",
            cidr_block=args.plan.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={**args.plan.tags, "Name": args.plan.name},
            opts=self._child(),
        )
        # Closed: what forgets to name a group of its own reaches nothing, and nothing reaches it.
        ec2.DefaultSecurityGroup(
            f"{name}/default-group",
            vpc_id=self._vpc.id,
            ingress=[],
            egress=[],
            tags=self._tags("closed"),
            opts=self._child(),
        )
        self._subnets = self._make_subnets()
        self._tables = self._make_routes(self._make_nats())
        self._endpoints()
        self._flow_log(args.logs_key_arn)
        self.outputs = VpcOutputs(
            vpc_id=self._vpc.id,
            private_subnet_ids=self._ids(SubnetTier.PRIVATE),
            public_subnet_ids=self._ids(SubnetTier.PUBLIC),
            data_subnet_ids=self._ids(SubnetTier.DATA),
            cidr=args.plan.cidr,
        )
        self.register_outputs({"vpcId": self._vpc.id})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _tags(self, thing: str) -> dict[str, str]:
        return {**self._plan.tags, "Name": f"{self._plan.name}-{thing}"}

    def _ids(self, tier: SubnetTier) -> tuple[pulumi.Output[str], ...]:
        return tuple(self._subnets[planned.key].id for planned in self._plan.of_tier(tier))

    def _make_subnets(self) -> Mapping[str, ec2.Subnet]:
        return {
            planned.key: ec2.Subnet(
                f"{self._prefix}/{planned.key}",
                vpc_id=self._vpc.id,
                cidr_block=planned.cidr,
                availability_zone=planned.zone,
                map_public_ip_on_launch=False,
                tags=dict(planned.tags),
                opts=self._child(),
            )
            for planned in self._plan.subnets
        }

    def _make_nats(self) -> Mapping[str, ec2.NatGateway]:
        made: dict[str, ec2.NatGateway] = {}
        for zone in self._plan.nats:
            thing = f"nat-{zone[-1]}"
            address = ec2.Eip(
                f"{self._prefix}/{thing}-address", domain="vpc", tags=self._tags(thing), opts=self._child()
            )
            made[zone] = ec2.NatGateway(
                f"{self._prefix}/{thing}",
                allocation_id=address.id,
                subnet_id=self._subnets[f"public-{zone[-1]}"].id,
                tags=self._tags(thing),
                opts=self._child(),
            )
        return made

    def _make_routes(self, nats: Mapping[str, ec2.NatGateway]) -> Mapping[str, ec2.RouteTable]:
        gateway = ec2.InternetGateway(
            f"{self._prefix}/internet", vpc_id=self._vpc.id, tags=self._tags("internet"), opts=self._child()
        )
        made: dict[str, ec2.RouteTable] = {}
        for planned in self._plan.route_tables:
            table = ec2.RouteTable(
                f"{self._prefix}/routes-{planned.key}",
                vpc_id=self._vpc.id,
                tags=self._tags(planned.key),
                opts=self._child(),
            )
            made[planned.key] = table
            target = {"gateway_id": gateway.id} if planned.internet else {}
            if planned.nat is not None:
                target = {"nat_gateway_id": nats[planned.nat].id}
            if target:
                ec2.Route(
                    f"{self._prefix}/out-{planned.key}",
                    route_table_id=table.id,
                    destination_cidr_block=_ANYWHERE,
                    opts=self._child(),
                    **target,
                )
            for key in planned.subnets:
                ec2.RouteTableAssociation(
                    f"{self._prefix}/routes-of-{key}",
                    subnet_id=self._subnets[key].id,
                    route_table_id=table.id,
                    opts=self._child(),
                )
        return made

    def _endpoints(self) -> None:
        tables = [table.id for key, table in self._tables.items() if key != "public"]
        ec2.VpcEndpoint(
            f"{self._prefix}/endpoint-s3",
            vpc_id=self._vpc.id,
            service_name=f"com.amazonaws.{self._plan.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=tables,
            tags=self._tags("s3"),
            opts=self._child(),
        )
        if not self._plan.endpoints:
            return
        group = ec2.SecurityGroup(
            f"{self._prefix}/endpoints-group",
            name=f"{self._plan.name}-endpoints",
            description="Endpoints of AWS services: reached from inside the VPC",
            vpc_id=self._vpc.id,
            tags=self._tags("endpoints"),
            opts=self._child(),
        )
        vpc.SecurityGroupIngressRule(
            f"{self._prefix}/endpoints-https",
            security_group_id=group.id,
            description="HTTPS from inside the VPC",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self._plan.cidr,
            tags=self._tags("endpoints"),
            opts=self._child(),
        )
        for planned in self._plan.endpoints:
            ec2.VpcEndpoint(
                f"{self._prefix}/endpoint-{planned.key}",
                vpc_id=self._vpc.id,
                service_name=planned.service,
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(self._ids(SubnetTier.DATA)),
                security_group_ids=[group.id],
                tags=self._tags(planned.key),
                opts=self._child(),
            )

    def _flow_log(self, key_arn: pulumi.Input[str]) -> None:
        log = f"/storefleet/{self._plan.name}/flow"
        group = cloudwatch.LogGroup(
            f"{self._prefix}/flow-log-group",
            name=log,
            kms_key_id=key_arn,
            retention_in_days=self._plan.flow_log_days,
            tags=self._tags("flow"),
            opts=self._child(),
        )
        role = iam.Role(
            f"{self._prefix}/flow-log-role",
            name=f"{self._plan.name}-flow-log",
            assume_role_policy=assume_by_service("vpc-flow-logs.amazonaws.com", account=self._plan.account),
            tags=self._tags("flow-log"),
            opts=self._child(),
        )
        arn = f"arn:aws:logs:{self._plan.region}:{self._plan.account}:log-group:{log}"
        actions = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        policy = iam.RolePolicy(
            f"{self._prefix}/flow-log-rights",
            name="write",
            role=role.name,
            policy=document(statement("WriteFlowLog", actions, (arn, f"{arn}:*"))),
            opts=self._child(),
        )
        ec2.FlowLog(
            f"{self._prefix}/flow-log",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            tags=self._tags("flow"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
