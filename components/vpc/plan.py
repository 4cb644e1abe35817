"""What the network of an environment in AWS consists of, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.tagging import tags
from components.vpc.cidrs import SubnetTier, subnet_cidr
from spec.aws import AwsSpec
from spec.environment import EnvironmentSpec
from spec.regions import REGIONS
from spec.vocabulary import EnvironmentName, Sensitivity

IN_USE: Final = (SubnetTier.PUBLIC, SubnetTier.PRIVATE, SubnetTier.DATA)
"""The tiers of subnets that exist now."""

FLOW_LOG_DAYS: Final[Mapping[EnvironmentName, int]] = MappingProxyType(
    {EnvironmentName.PRODUCTION: 365, EnvironmentName.DR: 365}
)
"""How long the record of connections is kept, in days: a year where customers' data are (an intrusion is found
after months), a month elsewhere."""
_FLOW_LOG_DAYS_ELSEWHERE: Final = 30

_BALANCERS: Final = MappingProxyType(
    {
        SubnetTier.PUBLIC: {"kubernetes.io/role/elb": "1"},
        SubnetTier.PRIVATE: {"kubernetes.io/role/internal-elb": "1"},
    }
)
_SUBNET_WHY: Final = MappingProxyType(
    {
        SubnetTier.PUBLIC: "Load balancers and NAT gateways: all that has an address in the internet.",
        SubnetTier.PRIVATE: "Nodes and pods: they reach out through NAT, and nothing outside reaches them.",
        SubnetTier.DATA: "Caches, file systems and endpoints: no way to or from the internet at all.",
    }
)


@dataclass(frozen=True, kw_only=True)
class SubnetPlan:
    """One subnet. `key` is part of its URN and `cidr` of its identity: neither ever changes for a zone and tier."""

    key: str
    tier: SubnetTier
    zone: str
    cidr: str
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class RouteTablePlan:
    """The routes of a subnet's tier in a zone; `nat` is the zone of the NAT gateway behind its default route."""

    key: str
    subnets: tuple[str, ...]
    internet: bool
    nat: str | None
    why: str


@dataclass(frozen=True, kw_only=True)
class EndpointPlan:
    """An interface endpoint: a service of AWS, reached without leaving the VPC."""

    key: str
    service: str


@dataclass(frozen=True, kw_only=True)
class VpcPlan:
    """The whole network; names are physical ones."""

    name: str
    account: str
    region: str
    cidr: str
    subnets: tuple[SubnetPlan, ...]
    route_tables: tuple[RouteTablePlan, ...]
    nats: tuple[str, ...]
    """Zones that have a NAT gateway."""
    endpoints: tuple[EndpointPlan, ...]
    flow_log_days: int
    tags: Mapping[str, str]
    reasons: tuple[str, ...]

    def of_tier(self, tier: SubnetTier) -> tuple[SubnetPlan, ...]:
        """Return the subnets of a tier, in the order of their zones."""
        return tuple(subnet for subnet in self.subnets if subnet.tier is tier)


def plan_vpc(environment: EnvironmentSpec, aws: AwsSpec) -> VpcPlan:
    """Plan the network of an environment over the zones of its region."""
    name = f"storefleet-{environment.name.value}"
    zones = REGIONS[aws.region].zones
    own = tags(environment, data_class=Sensitivity.INTERNAL)
    subnets = tuple(
        SubnetPlan(
            key=f"{tier.value}-{_letter(zone)}",
            tier=tier,
            zone=zone,
            cidr=subnet_cidr(aws.network.cidr, tier, place),
            tags={**own, **_subnet_tags(name, tier, zone)},
            why=_SUBNET_WHY[tier],
        )
        for tier in IN_USE
        for place, zone in enumerate(zones)
    )
    nats = {"none": (), "one": zones[:1], "zone": zones}[aws.network.nat]
    return VpcPlan(
        name=name,
        account=aws.account,
        region=aws.region,
        cidr=aws.network.cidr,
        subnets=subnets,
        route_tables=_route_tables(zones, nats),
        nats=nats,
        endpoints=tuple(
            EndpointPlan(key=key, service=_service(aws.region, key)) for key in aws.network.endpoints
        ),
        flow_log_days=FLOW_LOG_DAYS.get(environment.name, _FLOW_LOG_DAYS_ELSEWHERE),
        tags=own,
        reasons=_reasons(aws, nats),
    )


def tier_cidrs(aws: AwsSpec, tier: SubnetTier) -> tuple[str, ...]:
    """Return the addresses of a tier's subnets, in the order of their zones."""
    zones = range(len(REGIONS[aws.region].zones))
    return tuple(subnet_cidr(aws.network.cidr, tier, zone) for zone in zones)


def _route_tables(zones: tuple[str, ...], nats: tuple[str, ...]) -> tuple[RouteTablePlan, ...]:
    # A table for each zone from the beginning: a NAT gateway more then changes a route and replaces nothing.
    public = RouteTablePlan(
        key="public",
        subnets=tuple(f"public-{_letter(zone)}" for zone in zones),
        internet=True,
        nat=None,
        why="What has a public address goes out by the internet gateway.",
    )
    private = tuple(
        RouteTablePlan(
            key=f"private-{_letter(zone)}",
            subnets=(f"private-{_letter(zone)}",),
            internet=False,
            nat=(zone if zone in nats else nats[0]) if nats else None,
            why="Nodes go out by NAT, of their own zone where it has one.",
        )
        for zone in zones
    )
    data = RouteTablePlan(
        key="data",
        subnets=tuple(f"data-{_letter(zone)}" for zone in zones),
        internet=False,
        nat=None,
        why="Data have no route to the internet, so they cannot leave by it.",
    )
    return (public, *private, data)


def _letter(zone: str) -> str:
    return zone[-1]


def _subnet_tags(name: str, tier: SubnetTier, zone: str) -> dict[str, str]:
    # Karpenter finds the subnets of its nodes by this tag, the load balancer controller by the other.
    discovery = {"karpenter.sh/discovery": name} if tier is SubnetTier.PRIVATE else {}
    return {"Name": f"{name}-{tier.value}-{_letter(zone)}", **_BALANCERS.get(tier, {}), **discovery}


def _service(region: str, key: str) -> str:
    return f"com.amazonaws.{region}.{key.replace('ecr-', 'ecr.')}"


def _reasons(aws: AwsSpec, nats: tuple[str, ...]) -> tuple[str, ...]:
    ways = {
        0: "There is no NAT gateway: nodes reach only the services of AWS that have an endpoint.",
        1: "One NAT gateway serves all zones: it is cheap, and the loss of its zone cuts all nodes off.",
    }
    listed = ", ".join(aws.network.endpoints) or "no service"
    return (
        ways.get(
            len(nats), "Each zone has a NAT gateway: the loss of a zone takes none of the others' ways out."
        ),
        "S3 is reached through its gateway endpoint, which costs nothing: images and backups never pay for NAT.",
        (
            f"Interface endpoints (paid by the hour and zone) stand for {listed}: worth it from some 150 GB a "
            "month and zone, or where there is no NAT."
        ),
    )
