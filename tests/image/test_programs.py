"""The programs of the image, with files, a server and a cursor in place of a pod and a database."""

import hashlib
import http.client
import importlib
import json
import re
import threading
from http.server import ThreadingHTTPServer

import pytest

from local.state import ROOT

pytestmark = pytest.mark.unit

PASSWORD = "correct-horse-battery-staple"


def program(name):
    return importlib.import_module(f"programs.{name}")


class Database:
    """Answers each query that begins with a text by the rows that a test gave for it, one after the other."""

    def __init__(self, **answers):
        self.answers = {f"FROM {table}": list(rows) for table, rows in answers.items()}

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, query):
        (key,) = [key for key in self.answers if key in query]
        rows = self.answers[key]
        self.rows = rows.pop(0) if len(rows) > 1 else rows[0]

    def fetchone(self):
        return self.rows[0]

    def fetchall(self):
        return self.rows


def test_the_master_password_joins_the_configuration_in_memory_and_leaves_the_environment(
    tmp_path, monkeypatch
):
    (tmp_path / "web.conf").write_text("[options]\nlist_db = False\n")
    monkeypatch.setenv("ODOO_ADMIN_PASSWD", PASSWORD)
    monkeypatch.setenv("ODOO_ADDONS_PATH", "/opt/a,/opt/b")
    written = program("start").write("web", tmp_path, tmp_path / "odoo.conf")
    assert written.read_text() == (
        f"[options]\nadmin_passwd = {PASSWORD}\naddons_path = /opt/a,/opt/b\nlist_db = False\n"
    )
    assert written.stat().st_mode & 0o777 == 0o600, "others in the pod could read the master password"
    monkeypatch.delenv("ODOO_ADMIN_PASSWD", raising=False)


@pytest.mark.parametrize("password", ["", "admin", f"{PASSWORD}\nlist_db = True", f" {PASSWORD}"])
def test_a_master_password_that_is_weak_or_more_than_one_line_is_refused(password):
    start = program("start")
    with pytest.raises(start.RefusedError, match="generate a random one") as refused:
        start.with_secrets("[options]\n", password, "")
    assert PASSWORD not in str(refused.value)


def test_a_kind_that_the_tenant_has_not_is_refused(tmp_path):
    start = program("start")
    with pytest.raises(start.RefusedError, match="the chart gave this tenant no jobs"):
        start.write("jobs", tmp_path, tmp_path / "odoo.conf")
    with pytest.raises(start.RefusedError, match="one of web, websocket"):
        start.write("all", tmp_path, tmp_path / "odoo.conf")


@pytest.mark.parametrize(
    ("state", "problem"), [("S", ""), ("R", ""), ("D", ""), ("Z", "state Z"), ("T", "state T")]
)
def test_a_process_lives_while_it_is_neither_gone_nor_stopped(tmp_path, state, problem):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "stat").write_text(f"1 (odoo: a) Z)) {state} 0 1 1\n")
    said = program("probe").alive(tmp_path)
    assert (problem in said) if problem else said == "", (
        "a wait for the disk or the database is no reason to restart"
    )


def test_a_process_that_is_not_there_does_not_live(tmp_path):
    assert program("probe").alive(tmp_path) == "there is no first process"


@pytest.mark.parametrize(
    ("late", "running", "ready"), [(0, 0, True), (900, 0, True), (3600, 2, True), (3600, 0, False)]
)
def test_actions_are_punctual_unless_one_is_late_and_nothing_runs(late, running, ready):
    said = program("probe").punctual(Database(ir_cron=[[(late, running)]]))
    assert (said == "") is ready


RECORD = {"tenant": "acme", "release": "2026.11.3", "checkpoint": "c-1", "verified": True}


def record(folder, **changes):
    content = json.dumps(RECORD | changes).encode()
    (folder / "2026.11.3.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def check(folder, sha256):
    return program("migrate").check_record(
        folder, tenant="acme", release="2026.11.3", checkpoint="c-1", sha256=sha256
    )


def test_a_checkpoint_of_this_tenant_and_release_lets_the_migration_begin(tmp_path):
    assert check(tmp_path, record(tmp_path)) == RECORD


@pytest.mark.parametrize(
    "changes",
    [{"tenant": "bolt"}, {"release": "2026.11.2"}, {"checkpoint": "c-2"}, {"verified": False}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_checkpoint_of_something_else_does_not(tmp_path, changes):
    start = program("start")
    with pytest.raises(start.RefusedError, match=f"says {next(iter(changes))}"):
        check(tmp_path, record(tmp_path, **changes))


def test_a_record_that_is_missing_or_was_changed_since_the_approval_does_not(tmp_path):
    start = program("start")
    with pytest.raises(start.RefusedError, match="no checkpoint of acme is recorded"):
        check(tmp_path, "0" * 64)
    record(tmp_path)
    with pytest.raises(start.RefusedError, match="not the one that was approved"):
        check(tmp_path, "0" * 64)


def test_a_migration_waits_for_the_others_to_leave():
    pauses = []
    database = Database(pg_stat_activity=[[("odoo-12", 3)], [("odoo-12", 1)], []])
    program("migrate").wait_until_quiet(database, 60, pauses.append)
    assert len(pauses) == 2


def test_a_migration_does_not_begin_while_somebody_stays():
    start = program("start")
    database = Database(pg_stat_activity=[[("odoo-12", 3), ("psql", 1)]])
    with pytest.raises(start.RefusedError, match=r"3 of odoo-12, 1 of psql\. Nothing was changed"):
        program("migrate").wait_until_quiet(database, 0, lambda _: None)


def test_modules_that_an_update_left_halfway_are_named():
    database = Database(ir_module_module=[[("sale", "to upgrade")]])
    assert program("migrate").unfinished(database) == ["sale (to upgrade)"]


def test_a_copy_that_can_still_reach_somebody_is_no_rehearsal():
    database = Database(ir_config_parameter=[[(False,)]], ir_mail_server=[[(True,)]], ir_cron=[[(False,)]])
    assert program("rehearse").dangers(database) == ["a mail server is active"]


def test_the_chart_calls_the_programs_as_they_are():
    templates = (ROOT / "gitops" / "charts" / "tenant" / "templates").glob("*.yaml")
    name = re.compile(r"storefleet-(?:odoo|probe|migrate|rehearse|closed)\b")
    called = {found for file in templates for found in name.findall(file.read_text())}
    there = {path.name for path in (ROOT / "gitops" / "image" / "bin").iterdir()}
    assert called == there, "a pod would start a program that the image has not"
    program("migrate").arguments(
        ["--tenant=a", "--release=r", "--checkpoint=c", "--record-sha256=x", "--records=/r", "--deadline=1"]
    )
    program("rehearse").arguments(["--tenant=a", "--release=r", "--database=d", "--deadline=1"])


@pytest.fixture
def closed():
    server = ThreadingHTTPServer(("127.0.0.1", 0), program("closed").handler(300))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/web/login"), ("HEAD", "/shop")])
def test_a_closed_shop_says_so_to_everybody_and_when_to_come_back(closed, method, path):
    connection = http.client.HTTPConnection(*closed, timeout=10)
    connection.request(method, path, body=b"x" if method == "POST" else None)
    answer = connection.getresponse()
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "300"
    assert answer.headers["Cache-Control"] == "no-store", "a cache would keep the shop closed"
    assert (b"right back" in answer.read()) is (method != "HEAD")
    connection.close()


def test_the_kubelet_is_told_that_the_page_is_there(closed):
    connection = http.client.HTTPConnection(*closed, timeout=10)
    connection.request("GET", "/-/ready")
    assert connection.getresponse().status == 200
    connection.close()


def test_what_the_image_takes_from_an_index_is_checked_by_its_hash():
    folder = ROOT / "gitops" / "image" / "requirements"
    for file in folder.glob("*.txt"):
        pinned = [line for line in file.read_text().splitlines() if line and not line.startswith(("#", " "))]
        assert pinned
        for line in pinned:
            assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+(post[0-9]+)? \\", line), (
                f"{file.name}: {line} can come to mean another wheel"
            )
    dockerfile = (ROOT / "gitops" / "image" / "Dockerfile").read_text()
    assert dockerfile.count("--require-hashes") == dockerfile.count("pip install")
    assert not re.search(r"^ARG \w+_BASE=", dockerfile, re.MULTILINE), "a base by tag would be a default"
    assert dockerfile.count("USER 101:101") == dockerfile.count("FROM ")
