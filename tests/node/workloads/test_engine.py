"""`pulumi up` against pods that run: it ends when they are ready, and not before; one that cannot start ends it."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from components.database.images import VALKEY
from spec.naming import CACHE, DATABASE_CLUSTER, cell_namespace
from tests.node.workloads.engine import TENANT, Up, checkout
from tests.node.workloads.figures import record
from tests.node.workloads.platform import open_to_the_test

pytestmark = pytest.mark.integration
WITHHELD = 15.0
"""How long nobody gives the cache its passwords, after everything else that the cell needs is there."""
LIMIT = 180
"""Seconds that the stack file allows one object, where one of them cannot become ready."""
SECOND = "eu-2"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = checkout(tmp_path_factory.mktemp("engine"))
    try:
        yield made
    finally:
        made.stop()


def _ready_at(pod):
    (since,) = [each["lastTransitionTime"] for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    return datetime.fromisoformat(since).timestamp()


def _cluster(running):
    path = f"/apis/postgresql.cnpg.io/v1/namespaces/{running.cell}/clusters/{DATABASE_CLUSTER}"
    return (running.there(path) or {}).get("status", {})


def test_up_ends_when_the_pods_of_a_cell_are_ready_and_not_before(running):
    began = time.time()
    up = Up(running)
    cache = f"/apis/apps/v1/namespaces/{running.cell}/statefulsets/{CACHE}"
    up.until("the cell's namespace", lambda: running.there(f"/api/v1/namespaces/{running.cell}"))
    running.api.apply(open_to_the_test(running.cell))
    running.give_role()
    up.until("the cache's StatefulSet", lambda: running.there(cache))
    up.until("a database that is ready", lambda: _cluster(running).get("readyInstances"))
    until = time.time() + WITHHELD
    while time.time() < until:
        assert up.running, f"up did not wait for the cache, whose pod cannot start yet:\n{up.said}"
        time.sleep(0.5)
    assert not running.there(cache)["status"].get("readyReplicas"), "the cache needs no passwords"
    given = time.time()
    withheld = given - until + WITHHELD
    running.give_cache_users()
    up.end()
    assert running.there(cache)["status"]["readyReplicas"] == 1
    pods = {
        each["metadata"]["name"]: each
        for each in running.api.items(f"/api/v1/namespaces/{running.cell}/pods")
    }
    ready = _ready_at(pods[f"{CACHE}-0"])
    assert given - 1 <= ready <= up.ended + 1, "up ended before the cache's pod was ready"
    assert {each["spec"]["nodeName"] for each in pods.values()} == {"real"}
    for kind in ("databases", "databaseroles"):
        path = f"/apis/postgresql.cnpg.io/v1/namespaces/{running.cell}/{kind}/{running.tenant}"
        assert running.there(path)["status"]["applied"] is True, f"up did not wait for the {kind} of {TENANT}"
    assert "Nothing to change" in running.project.run("up"), "a second up changed something"
    record(
        "`pulumi up` waits for pods that run",
        "tests/node/workloads/test_engine.py",
        {
            "seconds of the whole `up`, with the control plane, the node and the images": f"{up.ended - began:.0f}",
            "seconds in which everything but the cache's passwords was there, and `up` waited": f"{withheld:.1f}",
            "seconds from the passwords to a ready pod": f"{max(ready - given, 0):.1f}",
            "seconds from the ready pod to the end of `up`": f"{up.ended - ready:.1f}",
        },
        "The stack says `pods: real` for one cell and one tenant, and the command is the ordinary one: the engine, the "
        "provider, the policy pack. It waits for the cache's StatefulSet, for the database and the pooler by what "
        "CloudNativePG says of them, and for the tenant's role and database in PostgreSQL. The shop's own pods are "
        "Argo CD's, here as everywhere.",
    )


def test_an_image_that_cannot_be_had_ends_the_up_within_its_limit_with_the_words_of_the_pod(running):
    running.says(SECOND, wait_seconds=LIMIT)
    broken = VALKEY.rpartition("@")[0] + "@sha256:" + "0" * 64
    source = running.project.root / "components" / "cache" / "pod.py"
    source.write_text(source.read_text().replace('"image": VALKEY', f'"image": "{broken}"'))
    namespace = cell_namespace(SECOND)
    up = Up(running)
    up.until("the second cell's namespace", lambda: running.there(f"/api/v1/namespaces/{namespace}"))
    running.give_cache_users(SECOND)
    cache = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{CACHE}"
    made = up.until("the second cell's cache", lambda: running.there(cache))
    said = up.end(status=1)
    took = up.ended - datetime.fromisoformat(made["metadata"]["creationTimestamp"]).timestamp()
    assert f"create of {namespace}/cache" in said, said
    assert broken in said, "the image that cannot be had is not named"
    assert "ErrImagePull" in said or "ImagePullBackOff" in said, said
    record(
        "`pulumi up` with an image that cannot be had",
        "tests/node/workloads/test_engine.py",
        {"limit of the stack for one object": f"{LIMIT} s", "seconds until `up` ended": f"{took:.0f}"},
        "A second cell whose cache has an image that nobody has: the message names the object, the image and what the "
        "kubelet says of it. The same image as an update of the first cell's cache did not stop the run: the provider "
        "(4.25) goes by a StatefulSet's status of before the update, so only a first start is waited for.",
    )
