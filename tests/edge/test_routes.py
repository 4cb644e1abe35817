"""Requests through the real Traefik: what reaches which backend, and what reaches none.

Traefik reads the objects of each tenant's chart from a real API server, as it does in a cluster.
"""

import pytest

from tests.edge import hostile
from tests.edge.conftest import READY, Edge, host

pytestmark = pytest.mark.integration

BLOCKED = (
    "/web/database/manager",
    "/web/database/selector?db=acme",
    "/web/database",
    "//web/database/manager",
    "/web/./database/manager",
    "/web/x/../database/manager",
    "/web/x/%2e%2e/database/manager",
    "/%77eb/database/manager",
    "/web/%64atabase/manager",
    "/metrics",
    "/queue_job/runjob",
    "/xmlrpc/db",
    "/xmlrpc/2/db",
    "/web%2Fdatabase/manager",
    "/web%5Cdatabase/manager",
    "/web/database%00/manager",
)


@pytest.mark.parametrize("tenant", ["acme", "bolt"])
def test_a_host_reaches_the_backend_of_its_own_tenant_and_no_other(edge: Edge, tenant: str):
    before = edge.reached()
    assert edge.visitor.ask(host(tenant), "/shop").backend == f"t-{tenant}/odoo"
    after = edge.reached()
    assert {name for name in after if after[name] != before[name]} == {f"t-{tenant}/odoo"}


def test_a_host_is_the_same_in_capitals(edge: Edge):
    assert edge.visitor.ask("WWW.Acme.Example", name=host("acme")).backend == "t-acme/odoo"


@pytest.mark.parametrize(
    "foreign", ["www.nobody.example", "acme.example", "www.acme.example.evil.example", "127.0.0.1"]
)
def test_a_foreign_host_gets_404_and_reaches_nobody(edge: Edge, foreign: str):
    before = edge.reached()
    answer = edge.visitor.ask(foreign, name=host("acme"))
    assert answer.status == 404
    assert edge.reached() == before, f"{foreign} reached somebody's shop"


def test_the_websocket_reaches_the_process_for_websockets_and_talks_to_it(edge: Edge):
    assert edge.visitor.talk(host("acme"), "/websocket?version=19.0-1", "good morning") == (
        "t-acme/odoo-websocket heard good morning"
    )
    (*_, reached) = edge.backends["t-acme/odoo-websocket"].reached
    assert reached.headers["x-forwarded-host"] == host("acme"), "Odoo would not know which shop it is"
    assert reached.headers["origin"] == f"https://{host('acme')}"


@pytest.mark.parametrize("path", BLOCKED)
def test_a_blocked_path_reaches_nobody_however_it_is_written(edge: Edge, path: str):
    before = edge.reached()
    answer = edge.visitor.ask(host("acme"), path)
    assert answer.status in {400, 404}, f"{path} was answered with {answer.status} by {answer.backend}"
    assert edge.reached() == before, f"{path} reached {answer.backend}"


@pytest.mark.parametrize("path", ["/web/dataset/call_kw", "/shop/metrics", "/web/content/1/a%23b.pdf"])
def test_a_path_that_only_resembles_a_blocked_one_is_served(edge: Edge, path: str):
    assert edge.visitor.ask(host("acme"), path).backend == "t-acme/odoo"


def test_a_shop_in_migration_shows_its_page_on_every_path(edge: Edge):
    for path in ("/", "/web/login", "/web/database/manager", "/websocket"):
        answer = edge.visitor.ask(host("dune"), path)
        assert (answer.status, answer.backend) == (503, "t-dune/closed"), path


def test_a_suspended_shop_answers_503_and_reaches_nobody(edge: Edge):
    before = edge.reached()
    for path in ("/", "/web/login", "/web/database/manager"):
        assert edge.visitor.ask(host("corsair"), path).status == 503
    assert edge.reached() == before
    assert "corsair" not in READY


@pytest.mark.parametrize("name", hostile.ROUTES)
def test_a_route_out_of_its_namespace_is_no_route(edge: Edge, name: str):
    before = edge.reached()
    answer = edge.visitor.ask(name)
    assert answer.status == 404, f"{name} was answered with {answer.status} by {answer.backend}"
    assert edge.reached() == before


def test_where_sessions_stay_in_pods_a_visitor_comes_back_by_a_cookie_that_no_script_reads(edge: Edge):
    cookie = edge.visitor.ask(host("acme")).headers["set-cookie"]
    assert cookie.startswith("storefleet_route=")
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax"):
        assert attribute in cookie
