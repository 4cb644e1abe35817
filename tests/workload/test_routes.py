"""The routes on file, put to the router of the Traefik version that is installed: the router alone, not the program."""

import json
import subprocess
from functools import cache

import pytest

from local.progress import Progress
from local.toolchain import catalog
from local.toolchain.build import ensure
from tests.workload import rendering

pytestmark = pytest.mark.integration

BLOCKED, WEBSOCKET, LOGIN, WEB = "blocked", "odoo-websocket", "login-rate", "odoo"
HOST = "www.dune.example"
EXPECTED = {
    ("GET", HOST, "/"): WEB,
    ("GET", HOST, "/shop/page/2?search=a"): WEB,
    ("GET", HOST.upper(), "/"): WEB,
    ("GET", f"{HOST}:443", "/"): WEB,
    ("GET", "tills.dune-stores.example", "/pos/ui"): WEB,
    ("GET", HOST, "/websocket"): WEBSOCKET,
    ("GET", HOST, "/websocket?version=18.0-3"): WEBSOCKET,
    ("POST", HOST, "/web/login"): LOGIN,
    ("GET", HOST, "/web/login"): WEB,
    ("POST", HOST, "/web/dataset/call_kw"): WEB,
    ("GET", HOST, "/web/database/manager"): BLOCKED,
    ("POST", HOST, "/web/database/backup"): BLOCKED,
    ("GET", HOST, "/web/databas%65/manager"): BLOCKED,
    ("GET", HOST, "/metrics"): BLOCKED,
    ("GET", HOST, "/queue_job/runjob?db=dune"): BLOCKED,
    ("POST", HOST, "/xmlrpc/2/db"): BLOCKED,
    ("POST", HOST, "/xmlrpc/2/object"): WEB,
    ("GET", "www.acme.example", "/"): "",
    ("GET", f"x.{HOST}", "/"): "",
    ("GET", f"{HOST}.evil.example", "/"): "",
    ("GET", "", "/"): "",
}


@cache
def router() -> str:
    return str(ensure(Progress(), [catalog.TRAEFIK_ROUTES])[catalog.TRAEFIK_ROUTES.name])


def name_of(route):
    middlewares = {each["name"] for each in route["middlewares"]}
    for name in (BLOCKED, LOGIN):
        if name in middlewares:
            return name
    return route["services"][0]["name"]


def taken(case, requests):
    routes = [
        {"name": name_of(route), "match": route["match"], "priority": route["priority"]}
        for one in rendering.golden(case)
        if one["kind"] == "IngressRoute"
        for route in one["spec"]["routes"]
    ]
    asked = [{"method": method, "host": host, "path": path} for method, host, path in requests]
    done = subprocess.run(
        [router()],
        input=json.dumps({"routes": routes, "requests": asked}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_every_request_takes_the_way_that_it_should():
    answers = dict(zip(EXPECTED, taken("dedicated", EXPECTED), strict=True))
    assert answers == EXPECTED


def test_an_encoded_slash_would_pass_by_the_block_and_is_therefore_refused_at_the_entry_point():
    (way,) = taken("dedicated", [("GET", HOST, "/web%2Fdatabase/manager")])
    assert way == WEB, "the router blocks it by now: the entry point may allow encoded slashes again"


@pytest.mark.parametrize("case", ["migrate", "closed"])
def test_in_a_closed_shop_every_path_leads_to_the_same_page(case):
    paths = ["/", "/web/database/manager", "/websocket", "/web/login"]
    ways = set(taken(case, [("GET", "www.acme.example", path) for path in paths]))
    assert len(ways) == 1
    assert ways == {"closed" if case == "migrate" else "odoo"}
