"""A cell is wound back to a moment from its base backup and its archived log, by the operator and its plugin."""

from __future__ import annotations

import base64
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cli.recovery_moment import bases_in
from components.cells.plan import plan_cell
from components.database.backups import kept_days
from local.progress import Progress
from recovery.moment.beside import objects_beside
from recovery.moment.plan import measured_rpo, plan_moment
from spec.naming import DATABASE_CLUSTER, PLATFORM_DATABASE
from tests.node.workloads import archive
from tests.node.workloads.figures import record
from tests.node.workloads.orders import connected, kept, on_primary, ordered
from tests.node.workloads.platform import CELL, ENVIRONMENT, eventually

pytestmark = pytest.mark.integration
ORDERS = 40
MINUTE = timedelta(minutes=1)
CLUSTERS = "/apis/postgresql.cnpg.io/v1/namespaces/{}/clusters"


@pytest.fixture(scope="module")
def archived(shop, world, store):
    """Make the cell archive: it is rolled over, one instance after the other."""
    progress = Progress(Console(force_terminal=False))
    archive.load(shop, world, progress)
    with progress.step("CloudNativePG's Barman plugin"):
        archive.plugin(shop)
    with progress.step("a cell that archives"):
        archive.archive(shop, store)


@contextmanager
def platform_database(shop, instance, cluster=DATABASE_CLUSTER):
    """Connect to the platform's own database as its owner, whose password the operator made."""
    secret = shop.api.get(f"/api/v1/namespaces/{shop.cell}/secrets/{cluster}-app")
    (pod,) = [each for each in shop.pods(shop.cell) if each["metadata"]["name"] == instance]
    password = base64.b64decode(secret["data"]["password"]).decode()
    with connected(pod, PLATFORM_DATABASE, password) as connection:
        yield connection


def beats(connection):
    return [row[0] for row in connection.execute("SELECT at FROM heartbeat ORDER BY at")]


def archived_beat(shop, after):
    """Wait for a heartbeat after a moment whose piece of the log is in the archive; return it, and the seconds."""
    began = time.monotonic()

    def beat():
        with platform_database(shop, shop.cluster()["currentPrimary"]) as connection:
            found = [each for each in beats(connection) if each > after]
            (piece,) = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
        return (found[-1], piece) if found else None

    newest, piece = eventually("a heartbeat after the damage", beat)

    def there():
        with platform_database(shop, shop.cluster()["currentPrimary"]) as connection:
            (last,) = connection.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
        return last and last[:24] >= piece

    eventually(f"{piece} in the archive", there)
    return newest, time.monotonic() - began


def healthy(shop, name):
    status = (shop.api.get(f"{CLUSTERS.format(shop.cell)}/{name}") or {}).get("status", {})
    return status.get("phase") == "Cluster in healthy state" and status.get("readyInstances") == 1


@pytest.mark.usefixtures("archived")
def test_a_cell_is_recovered_beside_itself_to_a_moment_before_its_damage(shop, store):
    began = time.monotonic()
    archive.base_backup(shop, "before-the-damage")
    backup_seconds = time.monotonic() - began
    before = ordered(shop, ORDERS, "kept")
    target = datetime.now(UTC)
    time.sleep(2)  # the target is a second that nothing else belongs to
    later = ordered(shop, ORDERS, "given-up")
    with on_primary(shop) as connection:
        connection.execute("UPDATE sale_order SET client_order_ref = 'ruined-' || id")
    damaged = datetime.now(UTC)
    newest, archive_seconds = archived_beat(shop, damaged)

    backups = shop.api.items(f"/apis/postgresql.cnpg.io/v1/namespaces/{shop.cell}/backups")
    cell = ENVIRONMENT.cells[CELL]
    window = timedelta(days=kept_days(ENVIRONMENT, cell))
    plan = plan_moment(CELL, target, bases_in(backups), [newest], window=window)
    began = time.monotonic()
    for each in objects_beside(plan, plan_cell(CELL, cell, ENVIRONMENT).objects, cell):
        archive.apply(shop, each, instances=1)
    try:
        eventually(f"{plan.name}, healthy", lambda: healthy(shop, plan.name))
    except AssertionError as error:
        raise AssertionError(f"{error}\n{shop.told(shop.cell)}") from error
    seconds = time.monotonic() - began

    instance = f"{plan.name}-1"
    back = kept(shop, instance)
    assert before <= back, f"{len(before - back)} orders of before the moment are not there"
    assert not back & later, "orders of after the moment are there: it was wound back to another one"
    assert not [each for each in back if each.startswith("ruined-")], "the damage is there as well"
    with platform_database(shop, instance, plan.name) as connection:
        loss = measured_rpo(target, beats(connection))
    assert timedelta() <= loss <= 2 * MINUTE, f"the newest heartbeat is {loss} before the moment"
    ruined = kept(shop)
    assert all(each.startswith("ruined-") for each in ruined), (
        "the old cell was changed, which was to stay as it is"
    )
    shop.api.delete(f"{CLUSTERS.format(shop.cell)}/{plan.name}")
    record(
        "A cell is recovered to a moment from its archived log",
        "tests/node/workloads/test_point_in_time.py",
        {
            "seconds of the base backup": f"{backup_seconds:.0f}",
            "seconds from the damage until a heartbeat after it was in the archive": f"{archive_seconds:.0f}",
            "seconds from the new cluster's object until it was healthy at the moment": f"{seconds:.0f}",
            "orders confirmed before the moment, and of them lost": f"{len(before)}, {len(before - back)}",
            "orders confirmed after it, which are not there": f"{len(later)}",
            "seconds between the newest heartbeat that came back and the moment": f"{loss.total_seconds():.0f}",
            "objects in the archive": f"{len(store.keys_below(f'{shop.cell}/'))}",
        },
        "CloudNativePG's Barman plugin beside the operator and each instance, with certificates of the test's own. "
        "What `storefleet restore moment` prints was applied; the old cluster went on beside it. `archive_timeout` is "
        f"{archive.ARCHIVE_SECONDS} s, as in a dedicated cell. It is no bound after a start of the server: the first "
        "piece was seen to be closed after five minutes, which is `checkpoint_timeout`.",
    )
