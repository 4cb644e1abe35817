"""A cell of CloudNativePG loses its primary while orders come in: how long nobody can order, and what is lost."""

from __future__ import annotations

import time
from contextlib import suppress

import psutil
import pytest

from tests.node.workloads.figures import record
from tests.node.workloads.orders import Stream, kept
from tests.node.workloads.platform import eventually

pytestmark = pytest.mark.integration
BEFORE, AFTER = 200, 200
"""Orders that are confirmed before the primary is killed, and after there is another one."""


def kill(shop, world, name):
    """End all processes of a pod at once, and take the pod away before anybody could start them again."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            variables = process.environ()
            if variables.get("POD_NAME") == name and variables.get("NAMESPACE") == shop.cell:
                process.kill()
    path = f"/api/v1/namespaces/{shop.cell}/pods/{name}"
    world.api._call("DELETE", path, query={"gracePeriodSeconds": "0"})


def test_no_confirmed_order_is_lost_when_the_primary_is_killed_under_a_stream_of_orders(shop, world):
    shop.healthy(2)
    before = shop.cluster()["currentPrimary"]
    assert shop.cluster()["currentPrimary"] == shop.cluster()["targetPrimary"]
    with Stream(lambda: shop.address("web")) as stream:
        eventually(f"{BEFORE} confirmed orders", lambda: stream.count() >= BEFORE)
        killed = time.monotonic()
        kill(shop, world, before)
        eventually(
            "another primary",
            lambda: shop.cluster().get("currentPrimary") not in {before, None, "pending"},
        )
        moved = time.monotonic() - killed
        eventually(
            "orders after it",
            lambda: sum(moment > killed + moved for moment in list(stream.confirmed.values())) >= AFTER,
        )
        gap = stream.longest_gap(killed)
    confirmed = set(stream.confirmed)
    lost = confirmed - kept(shop)
    shop.healthy(2)
    whole = time.monotonic() - killed
    record(
        "A cell's primary is killed under a stream of orders",
        "tests/node/workloads/test_failover.py",
        {
            "seconds without a confirmed order, at most": f"{gap:.1f}",
            "seconds until another instance was the primary": f"{moved:.1f}",
            "seconds until both instances were healthy again": f"{whole:.1f}",
            "orders confirmed": str(len(confirmed)),
            "orders that were refused or not answered meanwhile": str(stream.refused),
            "confirmed orders that were lost": str(len(lost)),
        },
        "Two instances with synchronous replication (`any 1`, `preferred`), web through the pooler. All processes of "
        "the primary's pod are killed with SIGKILL, and the pod is deleted without grace.",
    )
    assert not lost, f"{len(lost)} orders were confirmed to a till and are gone"
