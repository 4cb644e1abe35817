"""An environment is lost with everything in it, and another one takes over from the copies of its objects."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing

import pytest

from components.recovery.jobs import BACKUP
from components.recovery.tenants import plan_tenant_backups
from recovery import catalogue
from recovery.store.sealing import generate
from tests.components import samples
from tests.node.workloads import jobs, region
from tests.node.workloads.around import Around
from tests.node.workloads.engine import Running, checkout
from tests.node.workloads.figures import record
from tests.node.workloads.orders import Stream, connected, orders_in
from tests.node.workloads.platform import TENANT, eventually, secret

pytestmark = pytest.mark.integration
BEFORE, AFTER = 60, 40
"""Orders that are confirmed before the backup is taken, and after it was copied."""
SECONDS = 2400
TEST = "tests/node/workloads/test_region.py"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("region")


@pytest.fixture(scope="module")
def lost(place):
    made = region.first(place / "first")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def second(place):
    made = checkout(place / "second")
    try:
        yield made
    finally:
        made.stop()


def asked(running: Running, tenant: str, method: str, path: str, body: str | None = None):
    """Ask a ready web pod of the second environment; raises OSError where there is none."""
    for pod in running.api.items(f"/api/v1/namespaces/{tenant}/pods"):
        conditions = pod["status"].get("conditions", [])
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") == "web" and any(
            each["type"] == "Ready" and each["status"] == "True" for each in conditions
        ):
            address = pod["status"]["podIP"]
            with closing(http.client.HTTPConnection(address, 8069, timeout=30)) as connection:
                connection.request(method, path, body=body)
                answer = connection.getresponse()
                return answer.status, answer.read()
    raise OSError("no web pod is ready")


def test_another_environment_takes_over_by_one_command_with_every_order_of_the_last_backup_that_was_copied(
    place, lost, second
):
    shop, identity, recipient = lost.shop, *generate()
    key = place / "identity"
    key.write_text(identity)
    tenant, environment = samples.tenant(TENANT), jobs.environment_for(recipient)
    jobs.apply(shop, plan_tenant_backups(tenant, environment))
    keys = lost.store.user("acme-backups", reads=f"{shop.tenant}/*", writes=(f"{shop.tenant}/*",))
    shop.api.apply(secret("object-store", shop.tenant, keys))

    around = Around(second, shop, lost.store, place / "copies")
    around.remember()
    copier = region.Copier(lost.stored, place / "copies")
    copier.start()
    (second.project.root / "stacks" / "Pulumi.local.yaml").write_text(region.stack(recipient))
    file = second.project.root / "tenants" / f"{TENANT}.yaml"
    file.write_text(file.read_text().replace("cell: eu-1", "cell: shared"))

    with Stream(lambda: shop.address("web"), name="till") as stream:
        eventually(f"{BEFORE} confirmed orders", lambda: stream.count() >= BEFORE)
        ended = jobs.start(shop, shop.tenant, BACKUP, "backup-before-the-loss")
        assert ended.complete, ended.said
        made = catalogue.chosen(lost.store.store(), TENANT, catalogue.LATEST)
        taken = time.monotonic()
        eventually("a copy of the backup", lambda: copier.whole(taken))
        counted = stream.count()
        eventually("orders after it", lambda: stream.count() >= counted + AFTER)
        lost_at, lost_on = time.monotonic(), time.time()
        lost.lose(place / "gone")
    copier.stop()
    confirmed = dict(stream.confirmed)

    around.start()
    try:
        status, said = rebuilt(second, key)
    finally:
        around.stop()
    assert status == 0, f"{said}\n{around.troubles}"
    status, page = eventually("a shop that answers", lambda: asked(second, shop.tenant, "GET", "/orders"))
    answered = time.monotonic()
    assert status == 200, page
    status, told = asked(second, shop.tenant, "POST", "/orders", json.dumps({"reference": "after-the-loss"}))
    assert status == 201, told

    kept = orders_of(second, shop)
    snapshot = lost_at - (lost_on - made.facts.snapshot_at.timestamp())
    before = {name for name, moment in confirmed.items() if moment < snapshot - 1}
    assert before <= kept, f"{len(before - kept)} orders that were confirmed before the backup are gone"
    gone = set(confirmed) - kept
    assert len(gone) < len(confirmed), "no order came over"
    newest = max(moment for name, moment in confirmed.items() if name in kept)
    (written,) = second.project.state.root.glob("recovery/*/evidence.json")
    evidence = json.loads(written.read_text())
    assert evidence["complete"], evidence
    record(
        "An environment is lost, and another one takes over",
        TEST,
        {
            "RPO: seconds between the newest order that is there and the loss": f"{lost_at - newest:.0f}",
            "the backup's snapshot, seconds before the loss": f"{lost_on - made.facts.snapshot_at.timestamp():.0f}",
            "RTO: seconds from the loss until the shop answered": f"{answered - lost_at:.0f}",
            "of them, by the steps of `dr rebuild`": ", ".join(
                f"{step['step']} {step['seconds']:.0f}" for step in evidence["steps"]
            ),
            "orders confirmed, and of them lost": f"{len(confirmed)}, {len(gone)}",
            "steps by hand": "0",
        },
        "Two environments on one machine, each with its own API server and node. All processes of the first get "
        "SIGKILL while orders come in, and its folder is taken away; `storefleet dr rebuild` is given at once, with "
        "the key that opens backups. It starts control plane, node and engine, restores the tenant by a job, waits for "
        "its processes. Without an archive of the log the loss is that since the last backup that was copied: with "
        "nightly backups alone up to a day. Simulated: a loop that copies the store's folder every 2 s in the place of "
        "S3's replication, one that fills in the Secrets of the lost environment, and one that applies the chart in "
        "Argo CD's place. Nobody moves a name in DNS: the shop is asked at its pod.",
    )


def rebuilt(running: Running, key) -> tuple[int, str]:
    """Give the one command that takes over."""
    with running.project.start("dr", "rebuild", "--lost", region.LOST, STOREFLEET_IDENTITY=str(key)) as child:
        said, _ = child.communicate(timeout=SECONDS)
        return child.returncode, said


def orders_of(running: Running, shop) -> set[str]:
    """Return the references of all orders that the second environment's primary has."""
    path = f"/apis/postgresql.cnpg.io/v1/namespaces/{shop.cell}/clusters/postgres"
    primary = running.api.get(path)["status"]["currentPrimary"]
    pod = running.api.get(f"/api/v1/namespaces/{shop.cell}/pods/{primary}")
    with connected(pod, TENANT, shop.password("role")) as connection:
        return orders_in(connection)
