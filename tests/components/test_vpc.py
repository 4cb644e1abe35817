"""The network in AWS: no subnet overlaps another, and none ever moves."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.vpc.cidrs import ZONE_BLOCKS, SubnetTier, subnet_cidr
from components.vpc.component import Vpc, VpcArgs
from components.vpc.plan import IN_USE, plan_vpc
from spec.regions import regions_of
from spec.vocabulary import Jurisdiction
from tests.components import aws_samples
from tests.components.recorder import record

pytestmark = pytest.mark.unit

zones = st.integers(0, ZONE_BLOCKS - 1)
tiers = st.sampled_from(list(SubnetTier))


@st.composite
def vpcs(draw):
    prefix = draw(st.integers(16, 18))
    block = draw(st.sampled_from(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]))
    parent = ipaddress.ip_network(block)
    count = 2 ** (prefix - parent.prefixlen)
    number = draw(st.integers(0, count - 1))
    return str(ipaddress.IPv4Network((int(parent.network_address) + number * 2 ** (32 - prefix), prefix)))


# What was given out once. A change of any line moves a subnet, and with it every node and database in it.
GIVEN_OUT = {
    (SubnetTier.PRIVATE, 0): "10.64.0.0/20",
    (SubnetTier.PODS, 0): "10.64.16.0/21",
    (SubnetTier.DATA, 0): "10.64.24.0/23",
    (SubnetTier.PUBLIC, 0): "10.64.26.0/23",
    (SubnetTier.PRIVATE, 1): "10.64.32.0/20",
    (SubnetTier.PODS, 1): "10.64.48.0/21",
    (SubnetTier.DATA, 1): "10.64.56.0/23",
    (SubnetTier.PUBLIC, 1): "10.64.58.0/23",
    (SubnetTier.PRIVATE, 2): "10.64.64.0/20",
    (SubnetTier.PODS, 2): "10.64.80.0/21",
    (SubnetTier.DATA, 2): "10.64.88.0/23",
    (SubnetTier.PUBLIC, 2): "10.64.90.0/23",
}


@pytest.mark.parametrize(("place", "cidr"), GIVEN_OUT.items())
def test_a_subnet_keeps_the_addresses_that_it_was_given(place, cidr):
    assert subnet_cidr("10.64.0.0/16", *place) == cidr, (
        "the next upgrade would replace it with all that is in it"
    )


def test_every_tier_has_its_addresses_on_record():
    recorded = {tier for tier, _ in GIVEN_OUT}
    assert recorded == set(SubnetTier), "a tier that is not on record could move unseen"


@given(vpcs())
def test_subnets_lie_inside_the_vpc_and_never_overlap(vpc):
    made = [
        ipaddress.ip_network(subnet_cidr(vpc, tier, zone))
        for tier in SubnetTier
        for zone in range(ZONE_BLOCKS)
    ]
    for network in made:
        assert network.subnet_of(ipaddress.ip_network(vpc)), f"{network} belongs to somebody else"
        assert network.prefixlen <= 28, f"{network} is smaller than AWS allows"
    for one, other in combinations(made, 2):
        assert not one.overlaps(other), f"{one} and {other}: AWS refuses the second"


@given(
    st.sampled_from(regions_of(Jurisdiction.EU)),
    st.sampled_from(["none", "one", "zone"]),
    st.booleans(),
    vpcs(),
)
def test_what_else_an_environment_has_never_moves_a_subnet(region, nat, endpoints, vpc):
    network = {
        "cidr": vpc,
        "nat": nat,
        "endpoints": ["sts"] if endpoints else [],
        "services": "100.64.0.0/16",
    }
    changed = aws_samples.environment(region=region, network=network)
    small = aws_samples.environment(
        region=region,
        network={"cidr": vpc, "services": "100.64.0.0/16"},
        kubernetes=aws_samples.kubernetes(pools={"general": aws_samples.POOLS["general"]}),
    )
    first, second = (plan_vpc(each, each.aws) for each in (small, changed))
    assert {one.key: one.cidr for one in first.subnets} == {one.key: one.cidr for one in second.subnets}


def test_the_vpc_spans_three_zones_in_each_tier():
    environment = aws_samples.environment()
    plan = plan_vpc(environment, environment.aws)
    for tier in IN_USE:
        assert len({subnet.zone for subnet in plan.of_tier(tier)}) == 3, (
            "the loss of a zone would be an outage"
        )


@pytest.mark.parametrize(("zone", "vpc"), [(8, "10.0.0.0/16"), (-1, "10.0.0.0/16"), (0, "10.0.0.0/21")])
def test_what_has_no_place_is_an_error_and_never_somebody_elses_place(zone, vpc):
    with pytest.raises(ValueError, match=r"no block|none for number|too small"):
        subnet_cidr(vpc, SubnetTier.PUBLIC, zone)


def built(**network):
    environment = aws_samples.environment(network=network)
    plan = plan_vpc(environment, environment.aws)
    return record(
        lambda: Vpc("network", VpcArgs(plan=plan, logs_key_arn="arn:aws:kms:x:1:key/logs")),
        stack="production",
    )


@pytest.mark.parametrize(("nat", "gateways"), [("none", 0), ("one", 1), ("zone", 3)])
def test_an_environment_has_the_ways_out_that_it_asks_for(nat, gateways):
    recorder = built(nat=nat)
    made = [one for one in recorder.registered if one.type == "aws:ec2/natGateway:NatGateway"]
    assert len(made) == gateways
    routes = [one for one in recorder.registered if "natGatewayId" in one.inputs]
    assert len(routes) == (3 if gateways else 0), "a zone would have no way out, or one that is not meant"


def test_more_nat_gateways_replace_no_route_table():
    one, three = ({each.name for each in built(nat=nat).registered} for nat in ("one", "zone"))
    assert one < three, "an upgrade would take away what nodes go out by"


def test_data_have_no_way_to_the_internet():
    recorder = built(nat="zone")
    table = recorder.named("network/routes-data")
    routes = [one for one in recorder.registered if one.type == "aws:ec2/route:Route"]
    assert table.inputs, "the table is missing"
    assert all(one.inputs["routeTableId"] != "network/routes-data-id" for one in routes)


def test_the_default_security_group_lets_nothing_through():
    closed = built().named("network/default-group")
    assert closed.inputs["ingress"] == []
    assert closed.inputs["egress"] == []


def test_no_instance_gets_a_public_address_by_itself():
    subnets = [one for one in built().registered if one.type == "aws:ec2/subnet:Subnet"]
    assert len(subnets) == 9
    assert not any(one.inputs["mapPublicIpOnLaunch"] for one in subnets)


def test_s3_is_reached_without_nat_and_the_public_table_is_left_alone():
    endpoint = built().named("network/endpoint-s3")
    assert endpoint.inputs["vpcEndpointType"] == "Gateway"
    assert "network/routes-public-id" not in endpoint.inputs["routeTableIds"]


def test_without_endpoints_there_is_no_group_for_them():
    names = {one.name for one in built(endpoints=[]).registered}
    assert not any("endpoints" in name for name in names), "an empty group would stay for nothing"


def test_every_connection_is_recorded_under_our_own_key():
    recorder = built()
    assert recorder.named("network/flow-log").inputs["trafficType"] == "ALL"
    assert recorder.named("network/flow-log-group").inputs["kmsKeyId"] == "arn:aws:kms:x:1:key/logs"
