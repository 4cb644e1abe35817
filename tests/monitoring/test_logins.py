"""Which shops the prober is told of, who may ask it, and whom it reaches."""

from __future__ import annotations

import pytest

from components.edge.plan import TARGET_PORT
from components.monitoring import prober
from components.monitoring.logins import plan_logins
from components.monitoring.orders import plan_order_probe
from components.monitoring.pace import PRODUCTION
from components.monitoring.plan import plan_monitoring
from components.operators.catalogue import operator
from components.operators.inputs import OperatorInputs
from local.state import ROOT
from spec.fleet import load_fleet
from spec.vocabulary import TenantState
from tests.components import aws_samples, samples
from tests.components.golden import as_yaml, check_golden

pytestmark = pytest.mark.unit


@pytest.mark.golden
def test_what_asks_a_shop_from_outside_and_places_its_synthetic_orders_is_on_file():
    environment = samples.environment(recovery=samples.RECOVERY)
    tenants = [samples.tenant(), samples.tenant("dune", tier="dedicated")]
    objects = [*plan_logins(environment, tenants)]
    objects += [one for tenant in tenants for one in plan_order_probe(tenant, environment)]
    check_golden("probes.yaml", as_yaml(objects), "every shop's gates rest on it.")


def planned(tenants, environment=None):
    found = list(plan_logins(environment or samples.environment(), tenants))
    return [one for one in found if one.kind == "ScrapeConfig"]


def asked(scrapes):
    """Return tenant -> the name that is asked for; a tenant that is asked for twice is a mistake of its own."""
    lines = [line for one in scrapes for line in one.manifest["spec"]["staticConfigs"]]
    found = {line["labels"]["tenant"]: line["targets"] for line in lines}
    assert len(found) == len(lines), "a shop would count twice"
    return found


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "production"])
def test_every_open_shop_of_a_stack_is_asked_for_once_by_a_name_that_it_has_there(stack):
    fleet = load_fleet(ROOT, stack)
    planned = plan_monitoring(fleet.environment, fleet.tenants).objects
    found = asked([one for one in planned if one.kind == "ScrapeConfig"])
    open_ones = {each.id: each for each in fleet.tenants if each.state is TenantState.ACTIVE}
    assert set(found) == set(open_ones), "its check `login` would have no figure, and hold its gates"
    for tenant, (host,) in found.items():
        assert host in open_ones[tenant].domains


def test_a_shop_that_is_closed_is_not_asked_for_and_a_cell_without_shops_has_no_object():
    scrapes = planned([samples.tenant(), samples.tenant("bolt", state="suspended")])
    assert asked(scrapes) == {"acme": ["www.acme.example"]}
    assert [one.meta.name for one in scrapes] == ["logins-shared"]


def test_a_tenant_more_is_a_line_of_its_own_cell_and_changes_no_other_object():
    before = list(
        plan_logins(samples.environment(), [samples.tenant(), samples.tenant("dune", tier="dedicated")])
    )
    after = list(
        plan_logins(
            samples.environment(),
            [samples.tenant("bolt"), samples.tenant(), samples.tenant("dune", tier="dedicated")],
        )
    )
    assert [one.key for one in after] == [one.key for one in before]
    changed = [new.key for new, old in zip(after, before, strict=True) if new.manifest != old.manifest]
    assert changed == ["logins-shared"]


def test_of_a_shops_names_one_in_our_own_zones_is_asked_for_so_that_no_owner_of_another_holds_its_releases():
    environment = aws_samples.environment(
        zones={
            "storefleet.example": {},
            "acme.example": {},
            "elsewhere.example": {"source": "elsewhere"},
        }
    )
    tenant = samples.tenant(domains=["shop.elsewhere.example", "www.acme.example"])
    assert asked(planned([tenant], environment)) == {"acme": ["www.acme.example"]}


def test_series_come_as_the_rules_ask_for_them_often_enough_to_lose_one_of_ten():
    (scrape,) = planned([samples.tenant()])
    spec = scrape.manifest["spec"]
    (line,) = spec["staticConfigs"]
    assert line["labels"] == {"source": "login", "tenant": "acme"}
    seconds = int(spec["scrapeInterval"].removesuffix("s"))
    assert PRODUCTION.window / seconds >= 10, "one answer that is lost would hold a release"
    assert int(spec["scrapeTimeout"].removesuffix("s")) <= seconds, "the operator refuses it"


def test_what_is_asked_is_what_the_chart_brings():
    chosen = operator(prober.PROBER)
    values = chosen.values(OperatorInputs(environment="production", replicas=2))
    (scrape,) = planned([samples.tenant()])
    spec = scrape.manifest["spec"]
    (address,) = [each["replacement"] for each in spec["relabelings"] if each["targetLabel"] == "__address__"]
    assert address == f"{chosen.name}.{chosen.namespace}.svc:9115"
    assert spec["params"]["module"] == list(values["config"]["modules"])
    assert values["image"] == {"digest": prober.DIGEST}, "a tag may move"
    http = values["config"]["modules"]["login"]["http"]
    assert "tls_config" not in http, "a certificate that nobody vouches for would be good enough"


def test_prometheus_alone_asks_the_prober_and_it_reaches_the_ingress_controller_and_dns_alone():
    environment = samples.environment()
    (walls,) = [one for one in plan_logins(environment, []) if one.kind == "NetworkPolicy"]
    spec = walls.manifest["spec"]
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
