"""What a tenant needs from the other parts of the platform, and that they give it to this tenant alone."""

import pytest

from components.cache.plan import plan_caches
from components.plan import plan_environment
from components.secrets.plan import TENANT_PREFIX, plan_secrets
from components.tenancy.plan import plan_tenant
from components.vpc.cidrs import SubnetTier
from components.vpc.plan import plan_vpc
from components.workload.plan import plan_workload
from spec.vocabulary import TenantState
from tests.components import aws_samples, samples
from tests.workload import samples as workloads

pytestmark = pytest.mark.unit

IN_AWS = aws_samples.environment()
ONE_POLICY = "allow"


def of_kind(plan, kind):
    return [one for one in plan.objects if one.kind == kind]


def egress(tenant, environment):
    (allow,) = [one for one in plan_tenant(tenant, environment).objects if one.key == ONE_POLICY]
    return allow.manifest["spec"]["egress"]


def blocks(rules):
    return [
        (peer["ipBlock"]["cidr"], port["port"])
        for rule in rules
        for peer in rule["to"]
        if "ipBlock" in peer
        for port in rule["ports"]
    ]


def test_the_store_that_the_chart_reads_through_is_declared_in_the_tenants_own_namespace():
    tenant = samples.tenant("acme")
    plan = plan_tenant(tenant, IN_AWS)
    (store,) = of_kind(plan, "SecretStore")
    workload = plan_workload(tenant, IN_AWS, workloads.release(), today=workloads.TODAY)
    assert workload is not None
    external = workload.values.secrets.external
    assert external is not None
    assert (store.meta.namespace, store.meta.name) == (workload.values.namespace, external.store), (
        "the shop would wait for ever for its passwords"
    )
    assert store.manifest["spec"]["provider"]["aws"]["region"] == IN_AWS.aws.region
    made = {secret.name for secret in plan_secrets(IN_AWS, IN_AWS.aws, [tenant]).secrets}
    assert external.key in made, "External Secrets would read an entry that nobody makes"
    assert external.key == f"{TENANT_PREFIX}acme/odoo"


def test_where_aws_names_the_cache_the_tenants_secret_is_told_its_host():
    tenant = samples.tenant("acme")
    managed = aws_samples.environment(cache="elasticache")
    for environment, told in ((managed, True), (aws_samples.environment(cache="pod"), False)):
        workload = plan_workload(tenant, environment, workloads.release(), today=workloads.TODAY)
        assert workload is not None
        values = workload.values
        assert values.cache is not None
        assert values.secrets.external is not None
        assert (values.cache.host is None) == told
        assert (values.secrets.external.cache_key is not None) == told, (
            "no process would start: a key is missing"
        )
    caches = plan_caches(managed, managed.aws, [tenant])
    assert caches is not None
    entries = {user.entry for cache in caches.caches for user in cache.users}
    assert entries == {f"{TENANT_PREFIX}acme/cache"}, "External Secrets would read an entry that nobody makes"


def test_no_store_is_open_to_more_than_its_own_namespace():
    kinds = {one.kind for one in plan_environment(aws_samples.fleet()).objects()}
    assert "SecretStore" in kinds
    assert "ClusterSecretStore" not in kinds, "every namespace could ask it"


@pytest.mark.parametrize("state", [TenantState.ARCHIVED, TenantState.PURGED])
def test_a_tenant_of_which_nothing_runs_has_no_door_to_its_secrets(state):
    tenant = samples.tenant("acme").model_copy(update={"state": state})
    assert not of_kind(plan_tenant(tenant, IN_AWS), "SecretStore")


def test_without_aws_whoever_runs_the_cluster_has_the_store():
    assert not of_kind(plan_tenant(samples.tenant("acme"), samples.environment()), "SecretStore")


def test_a_shop_reaches_the_subnets_of_elasticache_on_the_caches_port_and_nothing_else_there():
    environment = aws_samples.environment(cache="elasticache")
    subnets = plan_vpc(environment, environment.aws).of_tier(SubnetTier.DATA)
    assert len(subnets) >= 2, "a cache stands in several zones"
    expected = [(subnet.cidr, 6379) for subnet in subnets]
    assert blocks(egress(samples.tenant("acme"), environment)) == expected, (
        "sessions would be lost, or the file systems and endpoints beside the cache be open"
    )


@pytest.mark.parametrize(
    "environment",
    [
        samples.environment(),
        aws_samples.environment(cache="pod"),
        aws_samples.environment("dr", cache="elasticache"),
    ],
    ids=["local", "in a pod", "pilot light"],
)
def test_where_the_cache_is_no_service_of_aws_no_range_of_addresses_is_open(environment):
    assert not blocks(egress(samples.tenant("acme"), environment))


@pytest.mark.parametrize("state", [TenantState.SUSPENDED, TenantState.ARCHIVED, TenantState.PURGED])
def test_a_shop_that_is_closed_has_no_way_to_its_cache(state):
    tenant = samples.tenant("acme").model_copy(update={"state": state})
    assert not blocks(egress(tenant, aws_samples.environment(cache="elasticache")))
