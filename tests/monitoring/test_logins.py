"""Which shops the prober is told of, who may ask it, and whom it reaches."""

from __future__ import annotations

import pytest

from components.edge.plan import TARGET_PORT
from components.monitoring import prober
from components.monitoring.logins import plan_login, plan_prober_walls
from components.monitoring.orders import plan_order_probe
from components.monitoring.pace import PRODUCTION
from components.operators.catalogue import operator
from components.operators.inputs import OperatorInputs
from components.plan import plan_environment
from local.state import ROOT
from spec.fleet import load_fleet
from spec.vocabulary import TenantState
from tests.components import aws_samples, samples
from tests.components.golden import as_yaml, check_golden

pytestmark = pytest.mark.unit


@pytest.mark.golden
def test_what_asks_a_shop_from_outside_and_places_its_synthetic_orders_is_on_file():
    environment, tenant = samples.environment(recovery=samples.RECOVERY), samples.tenant()
    objects = [plan_prober_walls(environment), *plan_login(tenant, environment)]
    objects += plan_order_probe(tenant, environment)
    check_golden("probes.yaml", as_yaml(objects), "every shop's gates rest on it.")


def probe(tenant, environment=None):
    (found,) = plan_login(tenant, environment or samples.environment())
    return found


def host_of(one):
    (parameter,) = one.manifest["spec"]["params"]
    assert parameter["name"] == "hostname"
    (host,) = parameter["values"]
    return host


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "production"])
def test_every_open_shop_of_a_stack_is_asked_for_once_by_a_name_that_it_has_there(stack):
    fleet = load_fleet(ROOT, stack)
    found = [one for one in plan_environment(fleet).objects() if one.kind == "Probe"]
    asked = {one.meta.namespace: host_of(one) for one in found}
    assert len(asked) == len(found), "a shop would count twice"
    open_ones = {f"t-{each.id}": each for each in fleet.tenants if each.state is TenantState.ACTIVE}
    assert set(asked) == set(open_ones), "its check `login` would have no figure, and hold its gates"
    for namespace, host in asked.items():
        assert host in open_ones[namespace].domains


def test_a_shop_that_is_closed_or_stands_by_is_not_asked_for():
    assert list(plan_login(samples.tenant(state="suspended"), samples.environment())) == []
    dr = load_fleet(ROOT, "dr")
    assert [one for tenant in dr.tenants for one in plan_login(tenant, dr.environment)] == []


def test_of_a_shops_names_one_in_our_own_zones_is_asked_for_so_that_no_owner_of_another_holds_its_releases():
    environment = aws_samples.environment(
        zones={
            "storefleet.example": {},
            "acme.example": {},
            "elsewhere.example": {"source": "elsewhere"},
        }
    )
    tenant = samples.tenant(domains=["shop.elsewhere.example", "www.acme.example"])
    assert host_of(probe(tenant, environment)) == "www.acme.example"


def test_series_come_as_the_rules_ask_for_them_often_enough_to_lose_one_of_ten():
    spec = probe(samples.tenant()).manifest["spec"]
    assert spec["targets"]["staticConfig"]["labels"] == {"source": "login", "tenant": "acme"}
    seconds = int(spec["interval"].removesuffix("s"))
    assert PRODUCTION.window / seconds >= 10, "one answer that is lost would hold a release"
    assert int(spec["scrapeTimeout"].removesuffix("s")) <= seconds, "the operator refuses it"


def test_what_is_asked_is_what_the_chart_brings():
    chosen = operator(prober.PROBER)
    values = chosen.values(OperatorInputs(environment="production", replicas=2))
    spec = probe(samples.tenant()).manifest["spec"]
    assert spec["prober"]["url"] == f"{chosen.name}.{chosen.namespace}.svc:9115"
    assert [spec["module"]] == list(values["config"]["modules"])
    assert values["image"] == {"digest": prober.DIGEST}, "a tag may move"
    http = values["config"]["modules"]["login"]["http"]
    assert "tls_config" not in http, "a certificate that nobody vouches for would be good enough"


def test_prometheus_alone_asks_the_prober_and_it_reaches_the_ingress_controller_and_dns_alone():
    environment = samples.environment()
    spec = plan_prober_walls(environment).manifest["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": prober.PROBER}}
    (way_in,) = spec["ingress"]
    assert [peer["podSelector"]["matchLabels"] for peer in way_in["from"]] == [
        {"app.kubernetes.io/name": "prometheus"}
    ], "whoever may ask it can have it call any address"
    assert [port["port"] for port in way_in["ports"]] == [prober.PORT]
    doors = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for way in spec["egress"]
        for peer in way["to"]
        for port in way["ports"]
    }
    assert doors == {
        (environment.ingress_namespace, TARGET_PORT),
        (environment.dns.namespace, 53),
    }
