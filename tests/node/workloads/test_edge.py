"""A tenant's page through Traefik, from pods that run: by its own name over TLS, and by no other."""

from __future__ import annotations

import ssl

import pytest

from tests.node.workloads.edge import started
from tests.node.workloads.figures import record
from tests.node.workloads.platform import TENANT, eventually

pytestmark = pytest.mark.integration
NAME, OTHER = f"www.{TENANT}.example", "www.somebody.example"
BLOCKED = ("/web/database/manager", "/metrics", "/xmlrpc/db")


@pytest.fixture(scope="module")
def edge(shop):
    made = started(shop)
    shop.api.apply(made.authority.secret("odoo-tls", shop.tenant, [NAME]))
    return made


def _page(edge):
    try:
        status, said = edge.ask(NAME)
    except (OSError, ssl.SSLError):  # no route and no certificate yet
        return b""
    return said if status == 200 else b""


def test_a_page_answers_by_its_name_over_tls_and_a_foreign_name_and_the_database_manager_do_not(shop, edge):
    page = eventually(f"the page of {NAME}", lambda: _page(edge))
    assert f"<h1>{TENANT}</h1>".encode() in page, "another tenant's page, or none"

    with pytest.raises(ssl.SSLError):
        edge.ask(OTHER)
    assert edge.ask(NAME, host=OTHER)[0] == 404, "a foreign name reached a shop"
    for path in BLOCKED:
        assert edge.ask(NAME, path)[0] == 404, f"{path} is open to everybody"
    # Without the edge it would answer: what stands in the way is the route.
    record(
        "A tenant's page through Traefik",
        "tests/node/workloads/test_edge.py",
        {
            f"https://{NAME}/": "200, the tenant's own page",
            f"the same certificate, Host: {OTHER}": "404",
            f"https://{OTHER}/": "refused in the handshake",
            ", ".join(BLOCKED): "404",
        },
        "Traefik, the stand-in, its pooler and its PostgreSQL run in pods, with the network policies of the platform "
        "enforced. The certificate is of the test's own authority; cert-manager does not run here.",
    )
