"""The cache of a cell is lost with its volume: who is signed in is signed out, and nothing else is gone."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing

import pytest

from spec.naming import CACHE
from tests.node.workloads.figures import record
from tests.node.workloads.platform import eventually

pytestmark = pytest.mark.integration


def ask(shop, method, path, document=None, cookie=""):
    body = None if document is None else json.dumps(document)
    with closing(http.client.HTTPConnection(shop.address("web"), 8069, timeout=30)) as connection:
        connection.request(method, path, body=body, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        data = json.loads(answer.read())
    return answer.status, data, (answer.headers["Set-Cookie"] or "").split(";")[0]


def test_losing_the_cache_signs_everybody_out_and_loses_no_order(shop):
    status, said, cookie = ask(shop, "POST", "/web/login", {"login": "admin"})
    assert status == 200, said
    assert ask(shop, "GET", "/web/session/get_session_info", cookie=cookie)[0] == 200
    assert ask(shop, "POST", "/orders", {"reference": f"cache-{time.time()}"})[0] == 201
    before = ask(shop, "GET", "/orders")[1]["orders"]
    (pod,) = [each for each in shop.pods(shop.cell) if each["metadata"]["name"] == f"{CACHE}-0"]
    (claim,) = [
        each["persistentVolumeClaim"]["claimName"]
        for each in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in each
    ]
    base = f"/api/v1/namespaces/{shop.cell}"
    shop.api.delete(f"{base}/persistentvolumeclaims/{claim}")
    lost = time.monotonic()
    shop.api._call("DELETE", f"{base}/pods/{CACHE}-0", query={"gracePeriodSeconds": "0"})
    during = ask(shop, "POST", "/orders", {"reference": f"during-{time.time()}"})[0]
    eventually(
        "a cache in which nobody is signed in",
        lambda: ask(shop, "GET", "/web/session/get_session_info", cookie=cookie)[0] == 403,
    )
    eventually("somebody who signs in", lambda: ask(shop, "POST", "/web/login", {"login": "admin"})[0] == 200)
    back = time.monotonic() - lost
    after = ask(shop, "GET", "/orders")[1]["orders"]
    assert during == 201, "without a cache nobody could order at a till"
    assert after == before + 1, "the loss of the cache lost more than sessions"
    record(
        "A cell's cache is lost with its volume",
        "tests/node/workloads/test_cache_loss.py",
        {
            "seconds until people could sign in again": f"{back:.1f}",
            "sessions that were lost": "all",
            "orders before, one taken meanwhile, and after": f"{before}, {during == 201:d}, {after}",
        },
    )
