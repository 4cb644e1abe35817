"""Web goes through the pooler, everything that listens goes past it: what arrives by each way."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import time

import pytest

from spec.naming import POOLER
from tests.node.workloads.figures import record
from tests.node.workloads.orders import connected
from tests.node.workloads.platform import TENANT, eventually

pytestmark = pytest.mark.integration
SECONDS = 120
QUIET = 10.0
"""How long nothing must arrive by the pooler after it has arrived directly."""


def connect(shop, pod):
    more = {"autocommit": True, "prepare_threshold": None}
    return connected(pod, TENANT, shop.password("role"), "postgres", **more)


def order(shop, reference):
    """Send an order to the web process and return when it was confirmed."""
    connection = http.client.HTTPConnection(shop.address("web"), 8069, timeout=SECONDS)
    connection.request("POST", "/orders", body=json.dumps({"reference": reference}))
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status == 201, said
    return time.monotonic()


def websocket(address):
    connection = socket.create_connection((address, 8072), timeout=SECONDS)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        "GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return connection


def test_a_notification_of_a_web_process_reaches_a_websocket_and_who_listens_by_the_pooler_hears_nothing(
    shop,
):
    pods = shop.pods(shop.cell)
    primary = next(each for each in pods if each["metadata"]["name"] == shop.cluster()["currentPrimary"])
    pooler = next(
        each for each in pods if each["metadata"].get("labels", {}).get("cnpg.io/poolerName") == POOLER
    )
    with connect(shop, primary) as direct, connect(shop, pooler) as pooled:
        for each in (direct, pooled):
            each.execute("LISTEN imbus")
        listeners = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN imbus' AND usename = %s"
        eventually("the websocket process", lambda: direct.execute(listeners, [TENANT]).fetchone()[0] >= 2)
        with websocket(shop.address("websocket")) as visitor:
            sent = order(shop, f"bus-{time.time()}")
            assert visitor.recv(2), "nothing was pushed"
            pushed = time.monotonic() - sent
        heard = list(direct.notifies(timeout=SECONDS, stop_after=1))
        assert json.loads(heard[0].payload)["database"] == TENANT
        missed = list(pooled.notifies(timeout=QUIET, stop_after=1))
        served = direct.execute(
            "SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE datname = %s", [TENANT]
        ).fetchall()
    assert not missed, "the pooler passes notifications on: everything could go through it"
    assert (pooler["status"]["podIP"],) in served, "the web process does not go through the pooler"
    record(
        "Notifications, through the pooler and past it",
        "tests/node/workloads/test_pooling.py",
        {
            "seconds from a till's confirmation to a visitor's websocket (0: not later)": f"{max(pushed, 0):.2f}",
            "notifications heard by a direct connection": str(len(heard)),
            f"notifications heard by the pooler within {QUIET:.0f} s more": str(len(missed)),
        },
        "So the decision holds: web by the pooler, because it only notifies; bus, cron and jobs past it.",
    )
