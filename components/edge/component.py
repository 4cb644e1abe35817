"""The zones, names and certificates of an environment in AWS, and the balancer behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import lb, route53

from components.edge.balancer import Balancer, BalancerArgs
from components.edge.certificates import Certificate, CertificateArgs
from components.edge.plan import (
    HEALTH_FAILURES,
    HEALTH_PATH,
    HEALTH_SECONDS,
    TTL_SECONDS,
    EdgePlan,
    RecordPlan,
    ZonePlan,
)

_HTTPS = 443


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """The plan and the network; the public subnets are those of the balancer."""

    plan: EdgePlan
    vpc_id: pulumi.Input[str]
    cidr: str
    subnet_ids: Sequence[pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class EdgeOutputs:
    """Zones by name; where pods register (None without a balancer), and the group that reaches them."""

    zone_ids: Mapping[str, pulumi.Input[str]]
    name_servers: Mapping[str, pulumi.Output[Sequence[str]]]
    """Of zones that are made here: what the registrar of the domain must be told."""
    target_group_arn: pulumi.Output[str] | None
    balancer_group_id: pulumi.Output[str] | None
    balancer_host: pulumi.Output[str] | None


class Edge(pulumi.ComponentResource):
    """Zones, a balancer with its targets, a health check, certificates, and the records that lead there."""

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:edge:Edge", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        self._zone_ids: dict[str, pulumi.Input[str]] = {}
        self._servers: dict[str, pulumi.Output[Sequence[str]]] = {}
        for zone in args.plan.zones:
            self._zone(zone)
        balancer = self._balancer(args) if args.plan.balanced else None
        check = self._check() if args.plan.checked else None
        if balancer is not None:
            for record in args.plan.records:
                self._record(record, balancer.outputs.balancer, check)
        found = None if balancer is None else balancer.outputs
        self.outputs = EdgeOutputs(
            zone_ids=self._zone_ids,
            name_servers=self._servers,
            target_group_arn=None if found is None else found.target_group_arn,
            balancer_group_id=None if found is None else found.group_id,
            balancer_host=None if found is None else found.balancer.dns_name,
        )
        self.register_outputs({"nameServers": self._servers})

    def _child(self, *, protect: bool | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect)

    def _zone(self, planned: ZonePlan) -> None:
        if planned.id is not None:
            self._zone_ids[planned.name] = planned.id
            return
        zone = route53.Zone(
            f"{self._prefix}/zone-{planned.key}",
            name=planned.name,
            comment="Made by Storefleet",
            force_destroy=False,
            tags=dict(planned.tags),
            # Its name servers are written down at a registrar, by a person.
            opts=self._child(protect=True),
        )
        self._zone_ids[planned.name] = zone.zone_id
        self._servers[planned.name] = zone.name_servers

    def _balancer(self, args: EdgeArgs) -> Balancer:
        arns = {
            planned.key: Certificate(
                f"{self._prefix}/certificate-{planned.key}",
                CertificateArgs(plan=planned, zone_ids=self._zone_ids),
                self._child(),
            ).outputs.arn
            for planned in args.plan.certificates
        }
        return Balancer(
            f"{self._prefix}/balancer",
            BalancerArgs(
                plan=args.plan,
                vpc_id=args.vpc_id,
                cidr=args.cidr,
                subnet_ids=args.subnet_ids,
                certificate_arns=arns,
            ),
            self._child(),
        )

    def _check(self) -> route53.HealthCheck:
        return route53.HealthCheck(
            f"{self._prefix}/health",
            type="HTTPS",
            fqdn=self._plan.ingress_host,
            port=_HTTPS,
            resource_path=HEALTH_PATH,
            enable_sni=True,
            request_interval=HEALTH_SECONDS,
            failure_threshold=HEALTH_FAILURES,
            tags=dict(self._plan.tags),
            opts=self._child(),
        )

    def _record(
        self, planned: RecordPlan, balancer: lb.LoadBalancer, check: route53.HealthCheck | None
    ) -> None:
        name, zone_id = f"{self._prefix}/{planned.key}", self._zone_ids[planned.zone]
        if planned.leads_to is None:
            alias = route53.RecordAliasArgs(
                name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=True
            )
            route53.Record(
                name, zone_id=zone_id, name=planned.name, type="A", aliases=[alias], opts=self._child()
            )
            return
        pair = planned.failover
        route53.Record(
            name,
            zone_id=zone_id,
            name=planned.name,
            type="CNAME",
            ttl=TTL_SECONDS,
            records=[planned.leads_to],
            set_identifier=None if pair is None else pair.lower(),
            failover_routing_policies=None
            if pair is None
            else [route53.RecordFailoverRoutingPolicyArgs(type=pair)],
            health_check_id=check.id if check is not None and pair == "PRIMARY" else None,
            opts=self._child(),
        )
