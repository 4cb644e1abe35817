"""How much is let in at a time. Some tenants have narrower limits than planned, so that few requests meet them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.edge.cluster import SECONDS
from tests.edge.conftest import TENANTS, Edge, host

pytestmark = pytest.mark.integration

MANY = 200
"""Requests within which a limit of 30 a minute shows on a machine that sends more than one in two seconds."""


def test_an_upload_of_the_limit_arrives_whole_and_one_byte_more_is_refused(edge: Edge):
    limit = TENANTS["bolt"][1]["maxBodyBytes"]
    backend = edge.backends["t-bolt/odoo"]
    answer = edge.visitor.ask(host("bolt"), "/web/binary/upload", method="POST", body=b"x" * limit)
    assert answer.status == 200
    assert backend.reached[-1].body == limit
    before = edge.reached()
    answer = edge.visitor.ask(host("bolt"), "/web/binary/upload", method="POST", body=b"x" * (limit + 1))
    assert answer.status == 413
    assert edge.reached() == before, "Odoo would read what it throws away"


def test_guessing_passwords_is_slowed_down_and_the_shop_goes_on(edge: Edge):
    tried = [200]
    while tried[-1] == 200 and len(tried) <= MANY:
        answer = edge.visitor.ask(host("acme"), "/web/login", method="POST", body=b"login=a&password=b")
        tried.append(answer.status)
    assert tried[-1] == 429, f"{len(tried) - 1} passwords were tried, the last was answered with {tried[-1]}"
    allowed = TENANTS["acme"][0].values.edge.logins_per_minute
    assert len(tried) - 2 >= allowed, "a store's staff could not log in"
    assert edge.visitor.ask(host("acme"), "/web/login").backend == "t-acme/odoo", (
        "the page itself must be there"
    )
    answer = edge.visitor.ask(host("bolt"), "/web/login", method="POST", body=b"")
    assert answer.status == 200, "one shop's visitors must not lock out another's"


def test_an_address_that_asks_too_often_is_told_so(edge: Edge):
    with ThreadPoolExecutor(20) as pool:
        seen = {answer.status for answer in pool.map(lambda _: edge.visitor.ask(host("brisk")), range(60))}
    assert 429 in seen
    assert seen <= {200, 429}


def test_what_is_beyond_the_workers_is_refused_at_once_and_does_not_queue(edge: Edge):
    backend, most = edge.backends["t-bolt/odoo"], TENANTS["bolt"][1]["inFlight"]
    with ThreadPoolExecutor(most) as pool:
        held = [pool.submit(edge.visitor.ask, host("bolt"), "/slow") for _ in range(most)]
        try:
            for _ in held:
                assert backend.slow.acquire(timeout=SECONDS), "the requests never arrived"
            assert edge.visitor.ask(host("bolt")).status == 429
            assert edge.visitor.ask(host("acme")).backend == "t-acme/odoo", "one shop's queue held up another"
        finally:
            backend.let_go.set()
        assert [each.result().status for each in held] == [200] * most
    assert edge.visitor.ask(host("bolt")).status == 200


def test_headers_beyond_the_limit_are_refused(edge: Edge):
    before = edge.reached()
    assert edge.visitor.ask(host("acme"), headers={"X-Large": "x" * 100_000}).status == 431
    assert edge.reached() == before
