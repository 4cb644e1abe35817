"""The stand-in for Odoo, against a real PostgreSQL and a real Valkey, outside of any cluster."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading

import psycopg
import pytest

from local.node.standin import WORDS, faults, scheduled
from local.node.standin.database import fill
from local.node.standin.settings import SettingsError, read
from tests.standin.conftest import SECONDS, eventually

pytestmark = pytest.mark.integration


def rows(postgres, tenant, query):
    with psycopg.connect(f"{postgres.server.conninfo} dbname={tenant.name}", autocommit=True) as connection:
        done = connection.execute(query)
        return done.fetchall() if done.description else []


def test_it_says_wherever_it_answers_that_it_is_no_odoo(tenant):
    assert "no Odoo" in WORDS
    for path in ("/", "/web/health", "/web/database/manager", "/no/such/page"):
        _, document, _ = tenant.ask("GET", path)
        assert WORDS in str(document), f"{path} could be taken for Odoo"


def test_its_probes_tell_a_process_that_listens_from_a_database_that_answers(tenant, postgres):
    assert tenant.ask("GET", "/web/health")[0] == 200
    assert tenant.ask("GET", "/web/health?db_server_status=1")[1]["db_server_status"] is True
    postgres.stop()
    try:
        assert tenant.ask("GET", "/web/health")[0] == 200, "a failover would restart every pod"
        assert tenant.ask("GET", "/web/health?db_server_status=1")[0] == 500
        assert tenant.ask("POST", "/orders", {"reference": "lost"})[0] == 500
    finally:
        postgres.start()
    assert tenant.ask("GET", "/web/health?db_server_status=1")[0] == 200
    status, _, _ = tenant.ask("POST", "/orders", {"reference": "after"})
    assert status == 201, "dead connections were kept"


def test_an_order_that_was_confirmed_is_in_the_database_and_one_that_is_repeated_counts_once(
    tenant, postgres
):
    first = tenant.ask("POST", "/orders", {"reference": "till-1", "quantity": 3})
    again = tenant.ask("POST", "/orders", {"reference": "till-1", "quantity": 3})
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["id"] == again[1]["id"]
    assert rows(postgres, tenant, "SELECT client_order_ref, state, amount_total FROM sale_order") == [
        ("till-1", "sale", 4.5)
    ]


@pytest.mark.parametrize("document", [b"[", b"[]", {}, {"reference": 3}, {"reference": "x", "quantity": "y"}])
def test_an_order_that_says_too_little_is_refused(tenant, document):
    assert tenant.ask("POST", "/orders", document)[0] == 400


def test_a_file_lies_on_the_volume_below_its_hash_and_comes_back_as_it_was(tenant, postgres):
    data = os.urandom(5000)
    number = tenant.ask("POST", "/web/binary/upload_attachment", data)[1]["id"]
    ((place, size),) = rows(postgres, tenant, "SELECT store_fname, file_size FROM ir_attachment")
    assert (tenant.shop.settings.files / place).read_bytes() == data
    assert size == 5000
    assert tenant.ask("GET", f"/web/content/{number}")[1] == data
    assert tenant.ask("GET", f"/web/content/{number + 1}")[0] == 404


def test_a_session_is_in_the_cache_under_the_tenants_prefix_and_ends_with_it(tenant):
    status, _, answer = tenant.ask("POST", "/web/login", {"login": "admin"})
    assert status == 200
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert tenant.ask("GET", "/web/session/get_session_info", Cookie=cookie)[1]["login"] == "admin"
    other = tenant.ask("GET", "/web/session/get_session_info", port=tenant.push, Cookie=cookie)
    assert other[0] == 200, "another process does not know the session: it is not in the cache"
    tenant.ask("POST", "/orders", {"reference": "kept"})
    tenant.cache.lose()
    tenant.cache.start(tenant.name)
    eventually("a cache", lambda: tenant.ask("GET", "/web/session/get_session_info", Cookie=cookie)[0] == 403)
    assert tenant.ask("GET", "/orders")[1]["orders"] == 1, "the loss of the cache lost more than sessions"
    assert tenant.ask("POST", "/web/login", {"login": "admin"})[0] == 200
    assert tenant.ask("POST", "/web/login", {"login": "nobody"})[0] == 403


def frame(connection):
    """Return the text of the next frame that is a text."""
    while True:
        first, size = connection.recv(1)[0], connection.recv(1)[0]
        if size == 126:
            size = int.from_bytes(connection.recv(2))
        data = b""
        while len(data) < size:
            data += connection.recv(size - len(data))
        if first & 0xF == 1:
            return json.loads(data)


def test_a_message_of_a_web_process_reaches_a_websocket_and_a_neighbours_does_not(tenant, postgres):
    with socket.create_connection(("127.0.0.1", tenant.push), timeout=SECONDS) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        listens = "SELECT usename FROM pg_stat_activity WHERE query = 'LISTEN imbus'"
        eventually("a listener", lambda: (tenant.name,) in rows(postgres, tenant, listens))
        foreign = json.dumps({"database": "bolt", "channel": "orders", "message": {}})
        with psycopg.connect(f"{postgres.server.conninfo} dbname=postgres", autocommit=True) as bus:
            bus.execute("SELECT pg_notify('imbus', %s)", [foreign])
        tenant.ask("POST", "/orders", {"reference": "heard"})
        assert frame(connection)["database"] == tenant.name


def test_scheduled_actions_and_jobs_run_once_however_many_processes_look(tenant, postgres):
    fill(tenant.shop.database)
    for number in range(30):
        tenant.ask("POST", "/jobs", {"uuid": f"job-{number}"})
    done: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: done.extend([*scheduled.actions(tenant.shop), *scheduled.jobs(tenant.shop)])
        )
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(done) == len(set(done)) == 32, "something ran twice, or never"
    assert rows(
        postgres, tenant, "SELECT count(*) FROM ir_cron WHERE nextcall < now() AT TIME ZONE 'utc'"
    ) == [(0,)]


def test_a_shop_can_be_told_to_fail_while_it_runs_and_to_stop_it(tenant, postgres):
    rows(postgres, tenant, "INSERT INTO ir_config_parameter (key, value) VALUES ('stand-in.fail', '1')")
    assert tenant.ask("POST", "/orders", {"reference": "a"})[0] == 500
    rows(postgres, tenant, "DELETE FROM ir_config_parameter WHERE key = 'stand-in.fail'")
    assert tenant.ask("POST", "/orders", {"reference": "a"})[0] == 201


def test_an_update_brings_every_module_to_the_images_version_and_a_second_one_changes_nothing(
    tenant, postgres
):
    done = tenant.run("update", "--database", tenant.name)
    assert done.returncode == 0, done.stderr
    assert rows(postgres, tenant, "SELECT DISTINCT state, latest_version FROM ir_module_module") == [
        ("installed", "18.0.1.1")
    ]
    assert "nothing" in tenant.run("update", "--database", tenant.name).stdout


def test_a_migration_that_breaks_off_leaves_a_module_halfway_as_odoo_does(tenant, postgres):
    done = tenant.run("update", "--database", tenant.name, STAND_IN_MIGRATION="halfway")
    assert done.returncode == 1
    assert "told to break off" in done.stderr
    states = "SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %'"
    assert rows(postgres, tenant, states) == [(1,)], "nobody would see that it broke off"


def test_a_migration_that_fails_at_once_changes_nothing(tenant, postgres):
    query = "SELECT name, state, latest_version FROM ir_module_module ORDER BY 1"
    before = rows(postgres, tenant, query)
    assert tenant.run("update", "--database", tenant.name, STAND_IN_MIGRATION="fails").returncode == 1
    assert rows(postgres, tenant, query) == before


def test_a_neutralised_copy_passes_the_checks_of_the_image(tenant, postgres, monkeypatch):
    from tests.image.conftest import IMAGE  # noqa: PLC0415 - a path

    monkeypatch.syspath_prepend(str(IMAGE))
    from programs import rehearse  # noqa: PLC0415 - of the image

    rows(postgres, tenant, "INSERT INTO ir_mail_server (name, smtp_host) VALUES ('out', 'smtp.example')")
    with psycopg.connect(f"{postgres.server.conninfo} dbname={tenant.name}", autocommit=True) as connection:
        assert len(rehearse.dangers(connection)) == 3
        done = tenant.run("odoo", "neutralize", "--database", tenant.name)
        assert done.returncode == 0, done.stderr
        assert rehearse.dangers(connection) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no section"),
        ("[options]\ndb_host = x\n", "db_name is missing"),
        (
            "[options]\ndb_name = a\ndb_host = x\ndb_user = a\ndata_dir = /d\nlist_db = False\ndb_port = y\n",
            "db_port",
        ),
        ("[options]\ndb_name = a\n", "every database would be shown"),
    ],
)
def test_a_configuration_that_odoo_would_not_start_with_is_refused(tmp_path, text, problem):
    path = tmp_path / "odoo.conf"
    path.write_text(text)
    with pytest.raises(SettingsError, match=problem):
        read(path, {})
    with pytest.raises(SettingsError, match="no such file"):
        read(tmp_path / "none.conf", {})


def test_a_fault_that_means_nothing_is_refused():
    with pytest.raises(ValueError, match="one of"):
        faults.read({"STAND_IN_MIGRATION": "explode"}, {})
    assert faults.read({"STAND_IN_SLOW": "2"}, {"stand-in.slow": "0"}).slow == 0
