"""A whole cell goes back to a moment: the plan, and a real server with a real archive of its write-ahead log."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.recovery_moment import bases_of
from components.cells.plan import plan_cell
from recovery.moment.beside import objects_beside
from recovery.moment.heartbeat import beat, beats
from recovery.moment.plan import Base, measured_rpo, plan_moment, recovery_cluster
from spec.fleet import load_fleet
from spec.problems import SpecError
from tests.recovery.servers import Postgres, make_postgres
from tests.recovery.shop import make_shop

ROOT = Path(__file__).parents[2]
T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)
BASES = [
    Base(id="20261118T000000", finished_at=T0 - timedelta(days=2)),
    Base(id="20261120T000000", finished_at=T0),
]
WINDOW = timedelta(days=30)


def minutes(*numbers):
    return [T0 + timedelta(minutes=number) for number in numbers]


@pytest.mark.unit
def test_the_newest_base_backup_before_the_moment_is_taken():
    plan = plan_moment("a", T0 + timedelta(minutes=3), BASES, minutes(1, 2, 3, 4, 5), window=WINDOW)
    assert plan.base.id == "20261120T000000"
    assert plan.replayed == timedelta(minutes=3)
    assert plan.lost == timedelta(minutes=2)
    earlier = plan_moment("a", T0 - timedelta(minutes=3), BASES, minutes(1), window=WINDOW)
    assert earlier.base.id == "20261118T000000"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("target", "bases", "known"),
    [
        (
            T0 + timedelta(minutes=5),
            BASES,
            minutes(1, 5),
        ),  # no transaction after it: the recovery would not end
        (T0 - timedelta(days=3), BASES, minutes(1)),
        (T0, BASES, minutes(60 * 24 * 31)),
        (T0, [], minutes(1)),
        (T0, BASES, []),
    ],
)
def test_a_moment_that_cannot_be_reached_is_refused_with_those_that_can(target, bases, known):
    with pytest.raises(SpecError, match="cannot be reached"):
        plan_moment("a", target, bases, known, window=WINDOW)


@pytest.mark.unit
def test_the_recovered_cluster_never_writes_into_the_archive_that_it_reads():
    source = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "a", "namespace": "cell-a", "labels": {}},
        "spec": {
            "instances": 3,
            "plugins": [{"name": "x", "isWALArchiver": True}],
            "bootstrap": {"initdb": {}},
        },
    }
    plan = plan_moment("a", T0 + timedelta(minutes=3), BASES, minutes(4), window=WINDOW)
    made = recovery_cluster(plan, source, name="a-at", object_store="a", server_name="a-1")
    assert "plugins" not in made["spec"]
    assert (
        made["spec"]["bootstrap"]["recovery"]["recoveryTarget"]["targetTime"] == "2026-11-20T12:03:00+00:00"
    )
    assert made["metadata"]["name"] == "a-at"
    assert source["spec"]["instances"] == 3


@pytest.mark.unit
@pytest.mark.parametrize("stack", ["local", "production"])
def test_what_is_created_beside_a_cell_has_ways_of_its_own_and_reads_the_archive_of_the_old_one(stack):
    environment = load_fleet(ROOT, stack).environment
    for cell_id, cell in environment.cells.items():
        planned = plan_cell(cell_id, cell, environment).objects
        plan = plan_moment(cell_id, T0 + timedelta(minutes=3), BASES, minutes(4), window=WINDOW)
        *ways, cluster = objects_beside(plan, planned, cell)
        assert {one["kind"] for one in ways} == {"NetworkPolicy"}
        for one in ways:
            assert one["spec"]["podSelector"]["matchLabels"] == {"cnpg.io/cluster": plan.name}
        taken = {(one.kind, one.meta.name) for one in planned}
        assert not taken & {(one["kind"], one["metadata"]["name"]) for one in (*ways, cluster)}, (
            "the recovery would write over what runs"
        )
        assert len(plan.name) <= 50, "the operator refuses a longer name"
        assert cluster["spec"]["serviceAccountName"] == "postgres", "no other account may read the archive"
        assert "synchronous" not in cluster["spec"]["postgresql"], "its only instance would confirm nothing"
        (archive,) = cluster["spec"]["externalClusters"]
        assert archive["plugin"]["parameters"] == {"barmanObjectName": "backups", "serverName": "postgres-1"}


@pytest.mark.unit
def test_only_base_backups_that_are_complete_count(tmp_path):
    whole = {"phase": "completed", "backupId": "20261120T000000", "stoppedAt": "2026-11-20T12:00:00Z"}
    listed = [whole, whole | {"phase": "failed"}, {"phase": "running"}, {}]
    path = tmp_path / "backups.json"
    path.write_text(json.dumps({"items": [{"status": each} for each in listed]}))
    assert bases_of(str(path)) == [BASES[1]]


@pytest.mark.unit
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"items": [1]}', '{"items": 3}', "apiVersion: v1"])
def test_a_file_that_lists_no_backups_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "backups.json"
    path.write_text(content)
    with pytest.raises(SpecError, match="no list of Backups"):
        bases_of(str(path))


@pytest.mark.integration
def test_a_cell_is_wound_back_to_before_a_wrong_update_and_the_loss_is_measured(folder):
    archive = folder / "archive"
    archive.mkdir(mode=0o777)
    archive.chmod(0o777)
    cell = make_postgres(
        folder / "cell",
        "wal_level = replica",
        "archive_mode = on",
        f"archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f.half && mv {archive}/%f.half {archive}/%f'",
        "max_wal_senders = 4",
    )
    try:
        shop = make_shop("wound-back", cell.server.conninfo, folder / "moment-files", orders=50, files=3)
        base = cell.folder / "base"  # its user may write there
        command = [cell.bin / "pg_basebackup", "-h", cell.folder, "-U", "postgres", "-D", base, "-c", "fast"]
        subprocess.run([*command, "-X", "none"], check=True, user=cell.user, cwd=cell.folder, timeout=120)
        taken = datetime.now(UTC)
        beat(cell.server)
        before = shop.rows()
        target = beat(cell.server) + timedelta(milliseconds=100)
        time.sleep(0.3)
        with shop.connect() as connection:
            connection.execute("UPDATE sale_order SET amount_total = 0")
        last = beat(cell.server)
        plan = plan_moment(
            "wound-back", target, [Base(id="base", finished_at=taken)], beats(cell.server), window=WINDOW
        )
        assert plan.lost == last - target
        with cell.server.connected("postgres") as connection:
            connection.execute("SELECT pg_switch_wal()")
            switched = time.monotonic() + 30
            while connection.execute("SELECT last_archived_wal IS NULL FROM pg_stat_archiver").fetchone()[0]:
                assert time.monotonic() < switched
                time.sleep(0.1)
            time.sleep(1)
    finally:
        cell.stop()
    began = time.monotonic()
    recovered = recover(folder, cell, base, archive, plan.target)
    try:
        seconds = time.monotonic() - began
        again = type(shop)(name=shop.name, conninfo=recovered.server.conninfo, filestore=shop.filestore)
        assert again.rows() == before, "the cell is not as it was at that moment"
        rpo = measured_rpo(plan.target, beats(recovered.server))
        assert timedelta() <= rpo <= timedelta(seconds=1)
        print(f"\nrecovered in {seconds:.1f} s; loss at the target {rpo.total_seconds():.3f} s")  # noqa: T201
    finally:
        recovered.stop()


def recover(folder, cell, base, archive, target):
    """Start a second server from the base backup and the archive, to a moment."""
    place = folder / "recovered"
    place.mkdir(mode=0o755)
    shutil.move(base, place / "data")
    if cell.user:
        shutil.chown(place, cell.user)
    made = Postgres(bin=cell.bin, folder=place, user=cell.user)
    with (place / "data" / "postgresql.conf").open("a") as file:
        file.write(
            f"unix_socket_directories = '{place}'\narchive_mode = off\nrestore_command = 'cp {archive}/%f %p'\n"
            f"recovery_target_time = '{target.isoformat()}'\nrecovery_target_action = 'promote'\n"
        )
    (place / "data" / "recovery.signal").touch()
    made.start()
    until = time.monotonic() + 60
    while True:
        with made.server.connected("postgres") as connection:
            if not connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
                return made
        assert time.monotonic() < until, "the recovery does not end"
        time.sleep(0.1)
