"""A tenant is backed up while it writes, ruined in every way, and comes back; its neighbours never notice."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from minio.error import S3Error

from recovery import catalogue
from recovery.database.databases import kept_name, mark_of, side_name
from recovery.store import keys
from recovery.trouble import NotWhole
from tests.recovery.shop import Writer

pytestmark = pytest.mark.integration


def drop_table(shop):
    with shop.connect() as connection:
        connection.execute("DROP TABLE sale_order_line CASCADE")


def wrong_update(shop):
    with shop.connect() as connection:
        connection.execute("UPDATE sale_order SET amount_total = 0, state = 'cancel'")


def deleted_files(shop):
    for name in list(shop.files())[::2]:
        (shop.folder / name).unlink()


def truncated_attachment(shop):
    path = max(
        (path for path in shop.folder.rglob("*") if path.is_file()), key=lambda each: each.stat().st_size
    )
    path.write_bytes(path.read_bytes()[:-1])


def everything(shop):
    with shop.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    deleted_files(shop)


RUINS = [drop_table, wrong_update, deleted_files, truncated_attachment, everything]


def dumped(bench, shop):
    """Return a neighbour as bytes: its dump in plain SQL and its files."""
    command = [bench.postgres.bin / "pg_dump", f"--dbname={shop.conninfo} dbname={shop.name}"]
    text = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    # pg_dump writes a key of its own into every dump, against injection by psql's meta-commands.
    lines = [line for line in text.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict"))]
    return b"\n".join(lines), shop.files()


@pytest.mark.parametrize("ruin", RUINS, ids=lambda each: each.__name__)
def test_a_ruined_tenant_comes_back_as_it_was_and_its_neighbours_are_the_same_to_the_byte(bench, ruin):
    shop = bench.shop("ruined", large=(200_000,))
    neighbours = [bench.shop("neighbour"), bench.shop("other")]
    before, beside = shop.everything(), [dumped(bench, each) for each in neighbours]
    made = bench.backup(shop)
    assert shop.everything() == before, "a backup changed what it backs up"

    ruin(shop)
    ruined = shop.everything()
    assert ruined != before, "the ruin changed nothing: this test would pass without a restore"

    sessions = [each.connect() for each in neighbours]
    done = bench.restore(made)

    assert shop.everything() == before, "the tenant is not as it was when the backup was taken"
    assert [dumped(bench, each) for each in neighbours] == beside, "a neighbour changed"
    for session in sessions:
        assert session.execute("SELECT 1").fetchone() == (1,), "a neighbour's session was ended"
        session.close()
    assert {each.name for each in neighbours} <= set(done.neighbours), (
        "the evidence does not name the neighbours"
    )
    kept = type(shop)(name=done.swapped.kept, conninfo=shop.conninfo, filestore=shop.filestore)
    assert kept.everything() == ruined if kept_is_open(bench, kept) else True
    assert kept.files() == ruined[1], "what was there before the restore is not kept"
    assert set(done.seconds) == {"fetch", "files", "load", "verify", "swap"}


def kept_is_open(bench, kept):
    """Open what was kept, which a restore closes, to look into it."""
    with bench.postgres.server.connected("postgres") as connection:
        connection.execute(f'ALTER DATABASE "{kept.name}" ALLOW_CONNECTIONS true')
    return True


def test_a_restored_database_has_the_owner_the_rights_and_the_limit_of_the_old_one(bench):
    shop = bench.shop("rights")
    query = "SELECT pg_get_userbyid(datdba), datconnlimit, datallowconn, datacl::text FROM pg_database"
    query += " WHERE datname = %s"
    with bench.postgres.server.connected("postgres") as connection:
        before = connection.execute(query, [shop.name]).fetchone()
        bench.restore(bench.backup(shop))
        assert connection.execute(query, [shop.name]).fetchone() == before
    with shop.connect() as connection:
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        assert owners == [(shop.name,)], "the tenant's own role could not change its tables"
        extensions = connection.execute(
            "SELECT extname FROM pg_extension WHERE extname = 'amcheck'"
        ).fetchall()
        assert extensions == [], "the check left an extension in the tenant's database"


def test_a_backup_under_a_writing_shop_is_one_moment_of_it(bench):
    shop = bench.shop("busy", orders=400, files=120)
    with Writer(shop) as writer:
        writer.reach(30)
        made = bench.backup(shop)
        after = writer.written
        writer.reach(after + 30)
    assert after > 30
    assert writer.collected > 0, "the garbage collector never ran beside the backup"
    bench.restore(made)
    with shop.connect() as connection:
        (orders,) = connection.execute("SELECT count(*) FROM sale_order WHERE name = 'live'").fetchone()
        (lines,) = connection.execute(
            "SELECT count(*) FROM sale_order_line l JOIN sale_order o ON o.id = l.order_id WHERE o.name = 'live'"
        ).fetchone()
        (sold,) = connection.execute("SELECT 101 - quantity FROM stock_quant WHERE product_id = 1").fetchone()
        needed = {name for (name,) in connection.execute("SELECT store_fname FROM ir_attachment")}
    assert orders == lines == sold, "orders, their lines and the stock are of different moments"
    assert needed == set(shop.files()), "the files are not exactly those that the database names"


def test_a_file_that_was_collected_after_the_snapshot_comes_from_an_earlier_backup(bench, monkeypatch):
    shop = bench.shop("collected")
    bench.backup(shop)
    name = next(iter(shop.files()))
    content = (shop.folder / name).read_bytes()
    after_the_dump(monkeypatch, lambda: forget(shop, name))
    made = bench.backup(shop)
    assert made.from_earlier == (name,)
    bench.restore(made)
    assert (shop.folder / name).read_bytes() == content


def test_a_new_file_that_was_collected_after_the_snapshot_makes_a_new_snapshot(bench, monkeypatch):
    shop = bench.shop("vanished")
    name = next(iter(shop.files()))
    calls = after_the_dump(monkeypatch, lambda: forget(shop, name))
    made = bench.backup(shop)
    assert len(calls) == 2, "the backup should have begun again with a new snapshot"
    assert name not in {file.name for file in made.files}
    before = shop.everything()
    bench.restore(made)
    assert shop.everything() == before


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_file_that_is_collected_between_two_looks_at_it_makes_a_new_snapshot(bench, monkeypatch, size):
    from recovery.backup import files  # noqa: PLC0415

    shop = bench.shop(f"between-{size}")
    name = next(iter(shop.files()))
    if size == "large":
        monkeypatch.setattr(files, "IN_MEMORY", 0)
    looks, look = [], files.content

    def looked(path):
        found = look(path)
        if path == shop.folder / name and not looks:
            forget(shop, name)
            looks.append(found)
        return found

    monkeypatch.setattr(files, "content", looked)
    made = bench.backup(shop)
    assert looks[0] is not None, "the file was to be there at the first look"
    assert name not in {file.name for file in made.files}


def test_a_large_file_that_is_collected_while_it_is_sealed_makes_a_new_snapshot(bench, monkeypatch):
    from recovery.backup import files  # noqa: PLC0415

    shop = bench.shop("sealed")
    name = next(iter(shop.files()))
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    opened, opening = [], files._opened

    def opens(path):
        reader = opening(path)
        if path == shop.folder / name and not opened:
            forget(shop, name)
            opened.append(name)
        return reader

    monkeypatch.setattr(files, "_opened", opens)
    made = bench.backup(shop)
    assert opened
    assert name not in {file.name for file in made.files}


def forget(shop, name):
    with shop.connect() as connection:
        connection.execute("DELETE FROM ir_attachment WHERE store_fname = %s", [name])
    (shop.folder / name).unlink(missing_ok=True)


def after_the_dump(monkeypatch, act):
    from recovery.backup import run  # noqa: PLC0415

    calls, stage = [], run.stage

    def staged(*arguments, **more):
        made = stage(*arguments, **more)
        if not calls:
            act()
        calls.append(made.id)
        return made

    monkeypatch.setattr(run, "stage", staged)
    return calls


@pytest.mark.parametrize("damage", ["removed", "cut short", "changed"])
def test_a_file_that_is_lost_in_the_filestore_makes_no_backup_unless_it_is_accepted_by_name(bench, damage):
    shop = bench.shop("lost")
    name = next(iter(shop.files()))
    path = shop.folder / name
    if damage == "removed":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes(data[:-1] if damage == "cut short" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(NotWhole, match=name):
        bench.backup(shop)
    assert catalogue.newest(bench.store(), shop.name) is None
    made = bench.backup(shop, accept=[name])
    assert made.accepted_missing == (name,)
    bench.restore(made)
    assert name not in shop.files()


def test_files_are_sent_once_and_locked_as_long_as_the_last_backup_that_needs_them(bench):
    shop = bench.shop("once")
    first = bench.backup(shop, kept=timedelta(days=2))
    second = bench.backup(shop, kept=timedelta(days=40))
    store = bench.store()
    assert {(file.name, file.version) for file in first.files} == {
        (file.name, file.version) for file in second.files
    }, "the same content was sent twice"
    for file in second.files:
        found = store.find(keys.file(shop.name, file.sha256, file.sent_by))
        assert found.locked_until >= second.expires_at, (
            "a file may be deleted before the backup that needs it"
        )
    for part in first.dump:
        locked = store.find(keys.dump_part(shop.name, first.id, part.name)).locked_until
        assert locked >= first.expires_at
    with pytest.raises(S3Error, match="AccessDenied"):
        bench.gateway.client().remove_object(
            bench.bucket,
            keys.file(shop.name, first.files[0].sha256, first.id),
            version_id=first.files[0].version,
        )


def test_one_content_under_two_names_is_sent_once_and_restored_under_both(plain):
    shop = plain.shop("twice", files=4)
    with shop.connect() as connection:
        for name in list(shop.files()):  # as Odoo named them before: three letters of the hash, not two
            sha1 = name.rpartition("/")[2]
            older = f"{sha1[:3]}/{sha1}"
            (shop.folder / older).parent.mkdir()
            (shop.folder / older).write_bytes((shop.folder / name).read_bytes())
            connection.execute(
                "INSERT INTO ir_attachment (name, store_fname, checksum) VALUES ('older', %s, %s)",
                [older, sha1],
            )
    before = shop.everything()
    made = plain.backup(shop)
    assert len(made.files) == 8
    assert len(plain.store().keys(keys.files(shop.name))) == 4
    everything(shop)
    plain.restore(made)
    assert shop.everything() == before


def test_what_was_deleted_from_a_locked_bucket_is_still_restored(bench):
    shop = bench.shop("deleted")
    made = bench.backup(shop)
    before, store = shop.everything(), bench.store()
    for key in store.keys(keys.files(shop.name)):
        store.remove(key)
    everything(shop)
    bench.restore(made)
    assert shop.everything() == before


def test_a_checkpoint_is_bound_to_its_release_and_found_by_it(bench):
    shop = bench.shop("bound")
    made = bench.backup(shop, kind="checkpoint", release="2026.11.2", image=f"sha256:{'a' * 64}")
    bench.backup(shop)
    found = catalogue.chosen(bench.store(), shop.name, "2026.11.2")
    assert found == made
    assert found.facts.odoo == "18.0.1.3"
    assert catalogue.chosen(bench.store(), shop.name, "latest").id != made.id


def test_a_restore_that_is_killed_at_any_step_is_finished_by_the_next(bench, monkeypatch):
    shop = bench.shop("again")
    before = shop.everything()
    made = bench.backup(shop)
    everything(shop)
    from recovery.restore import run, swap  # noqa: PLC0415

    class Killed(BaseException):
        pass

    def killed(*_, **__):
        raise Killed

    points = [
        (run, "load"),
        (run, "verify"),
        (run, "swap"),
        (swap, "end_sessions"),
        (swap, "room"),  # the databases have changed names, the folders not
        (swap, "replace"),
    ]
    for module, name in points:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, killed)
            with pytest.raises(Killed):
                bench.restore(made)
    done = bench.restore(made)
    assert shop.everything() == before
    assert mark_of(bench.postgres.server, shop.name).phase == "done"
    restores = [name for name in databases(bench) if name.startswith(f"{shop.name}--")]
    assert (
        restores
        == [done.swapped.kept]
        == [kept_name(shop.name, mark_of(bench.postgres.server, shop.name).restore)]
    )
    assert not (shop.filestore / side_name(shop.name)).exists()


def databases(bench):
    with bench.postgres.server.connected("postgres") as connection:
        return [name for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY 1")]


def test_a_backup_says_when_it_was_taken_and_of_which_versions(bench):
    shop = bench.shop("facts")
    began = datetime.now(UTC)
    made = bench.backup(shop)
    assert began <= made.facts.snapshot_at <= made.finished_at
    assert made.facts.postgres // 10000 == int(bench.postgres.bin.parent.name)
    counts = {table.name: table.rows for table in made.facts.tables}
    assert counts["sale_order"] == 200
    assert counts["sale_order_line"] == 600
    assert counts["ir_attachment"] == len(shop.files())
    again = catalogue.read(bench.store(), shop.name, made.id)
    assert again == made
    assert again.digest.startswith("sha256:")


def test_without_versions_and_locks_the_same_holds(plain):
    shop = plain.shop("plain")
    before = shop.everything()
    made = plain.backup(shop)
    everything(shop)
    plain.restore(made)
    assert shop.everything() == before
    assert made.files[0].version is None
