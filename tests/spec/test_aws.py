"""What an environment states of AWS: whose law its region is under, who lives there, under which names."""

import ipaddress
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.rules.data_residency import ResidencySettings
from spec.aws import zone_of
from spec.cloud_names import bucket_name, key_alias, role_name
from spec.environment import EnvironmentSpec
from spec.fleet import load_fleet
from spec.loader import load_environment
from spec.regions import REGIONS, regions_of
from spec.residency import chosen, served
from spec.vocabulary import EnvironmentName, Jurisdiction
from tests.components import aws_samples, samples

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
IN_AWS = ("dev", "staging", "production", "dr")


@pytest.mark.parametrize("jurisdiction", list(Jurisdiction))
def test_regions_and_the_residency_rule_name_the_same_ones(jurisdiction):
    ruled = ResidencySettings().regions(jurisdiction.value)
    assert set(ruled) == set(regions_of(jurisdiction)), "what one accepts the other would refuse"


def test_every_region_has_three_zones_of_its_own_name():
    for region in REGIONS.values():
        assert [zone.removeprefix(region.name) for zone in region.zones] == ["a", "b", "c"]


def test_no_two_environments_share_addresses():
    specs = {name: load_environment(ROOT / f"stacks/Pulumi.{name}.yaml", name) for name in IN_AWS}
    networks = {name: ipaddress.ip_network(spec.aws.network.cidr) for name, spec in specs.items()}
    for (one, a), (other, b) in combinations(networks.items(), 2):
        assert not a.overlaps(b), f"{one} and {other} could never be joined, not even to move a tenant"


def test_the_second_region_stands_in_for_the_one_that_copies_to_it():
    production, second = (
        load_environment(ROOT / f"stacks/Pulumi.{name}.yaml", name) for name in ("production", "dr")
    )
    assert (second.aws.region, second.aws.stands_in_for) == (production.aws.dr_region, production.aws.region)
    assert second.aws.account == production.aws.account, "its copies are in another account"
    assert second.cells == production.cells, "a cell would have nowhere to be restored to"
    assert second.aws.ingress_host == production.aws.standby_host, "DNS would lead nowhere"


@pytest.mark.parametrize("name", ["production", "dr"])
def test_whoever_may_live_in_the_region_does_and_nobody_else(name):
    fleet = load_fleet(ROOT, name)
    assert {each.residency for each in fleet.tenants} == {Jurisdiction.EU}
    assert {each.residency for each in fleet.left_out} == {Jurisdiction.UK, Jurisdiction.CH}


@pytest.mark.parametrize("name", ["dev", "staging"])
def test_a_copy_never_answers_for_the_real_shop(name):
    suffix = f".{name}.storefleet.example"
    assert all(domain.endswith(suffix) for each in load_fleet(ROOT, name).tenants for domain in each.domains)


residencies = st.sampled_from(list(Jurisdiction))


@given(st.sampled_from(sorted(REGIONS)), st.lists(st.tuples(residencies, st.booleans()), max_size=8))
def test_a_tenant_is_never_resident_under_another_law_or_without_its_cell(region, facts):
    law = REGIONS[region].jurisdiction
    cells = {"here": {"tier": "shared", "jurisdiction": law.value}}
    content = aws_samples.environment().model_dump(
        mode="json", exclude={"pod_security_version", "cluster_networks"}
    )
    spec = EnvironmentSpec.model_validate(
        content | {"cells": cells, "tenants": "resident", "aws": aws_samples.aws(region=region)}
    )
    tenants = [
        samples.tenant(f"t{place}").model_copy(
            update={"residency": residency, "cell": "here" if here else "gone"}
        )
        for place, (residency, here) in enumerate(facts)
    ]
    wanted = {f"t{place}" for place, (residency, here) in enumerate(facts) if residency is law and here}
    assert chosen(spec, tenants) == wanted


def test_without_a_suffix_a_tenant_keeps_its_domains():
    tenant = samples.tenant()
    assert served(samples.environment(), tenant) is tenant


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("www.brand.example", "brand.example"),
        ("brand.example", "brand.example"),
        ("a.shop.brand.example", "shop.brand.example"),
        ("notbrand.example", None),
        ("example", None),
    ],
)
def test_a_name_lies_in_the_nearest_zone_above_it(host, zone):
    assert zone_of(host, {"brand.example": None, "shop.brand.example": None}) == zone


@pytest.mark.parametrize("name", [each for each in EnvironmentName if each != "local"])
@pytest.mark.parametrize("region", sorted(REGIONS))
@pytest.mark.parametrize("thing", ["backups", "files", "logs", "static", "evidence"])
def test_names_of_buckets_are_names_that_s3_takes_in_every_region(name, region, thing):
    environment = aws_samples.environment(name.value)
    assert len(bucket_name(environment, thing, region=region)) <= 63


def test_what_would_be_no_name_is_an_error_and_not_a_refusal_by_aws_half_way():
    environment = aws_samples.environment()
    with pytest.raises(ValueError, match="no name of a bucket"):
        bucket_name(environment, "a" * 40)
    with pytest.raises(ValueError, match="no name of a role"):
        role_name(environment, "a" * 60)
    with pytest.raises(ValueError, match="nothing in AWS"):
        bucket_name(samples.environment(), "files")
    assert key_alias(environment, "data") == "alias/storefleet-production-data"


def test_the_cluster_and_the_pod_security_standard_are_of_one_version():
    environment = aws_samples.environment()
    assert environment.pod_security_version == f"v{environment.aws.kubernetes.version}", (
        "the API server does not know a later standard"
    )


def test_the_networks_of_a_cluster_in_aws_are_those_of_its_vpc():
    assert aws_samples.environment().cluster_networks == ("10.64.0.0/16", "172.20.0.0/16")
