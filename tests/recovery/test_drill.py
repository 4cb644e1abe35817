"""A drill passes for what can be restored, fails for what cannot, says so where it is heard, and leaves nothing."""

from __future__ import annotations

import json
import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery import metrics
from recovery.database.throwaway import throwaway
from recovery.drill.plan import turn
from recovery.drill.run import Drill
from recovery.store import keys
from tests.recovery.conftest import quiet

integration = pytest.mark.integration
unit = pytest.mark.unit


def drilled(bench, made, server, **more):
    return Drill(
        **{
            "manifest": made,
            "store": bench.store(),
            "evidence": None,
            "identity": bench.identity,
            "server": server,
            "scratch": bench.root / "drills",
            "limit": timedelta(hours=1),
            "by": "test",
            "progress": quiet(),
            **more,
        }
    ).run()


@pytest.fixture(scope="module")
def isolated(folder, postgres):
    major = int(postgres.bin.parent.name)
    with throwaway(major, folder / "isolated") as server:
        yield server


@integration
def test_a_good_backup_passes_and_leaves_evidence_and_nothing_else(bench, isolated, gateway):
    gateway.bucket(f"evidence-{bench.bucket}")
    evidence = bench.store(bucket=f"evidence-{bench.bucket}")
    shop = bench.shop("drilled")
    before = shop.everything()
    found = drilled(bench, bench.backup(shop), isolated, evidence=evidence)
    assert found.passed, found.reason
    assert set(found.seconds) == {"fetch", "restore", "verify", "neutralise", "start"}
    written = json.loads(evidence.bytes(keys.drill(shop.name, found.id)))
    assert written["result"] == "passed"
    assert written["checks"]["verified"]["checksums"] is True
    assert written["checks"]["neutralised"] == [
        "ir_cron",
        "ir_mail_server",
        "fetchmail_server",
        "payment_provider",
        "queue_job",
        "ir_config_parameter",
    ]
    with isolated.connected("postgres") as connection:
        left = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE '%drill%'").fetchone()
    assert left == (0,)
    assert list((bench.root / "drills").iterdir()) == []
    assert shop.everything() == before


@integration
@pytest.mark.parametrize("damage", ["dump", "file", "counts"])
def test_a_backup_that_cannot_be_restored_fails_and_says_why(bench, isolated, damage):
    shop = bench.shop("bad")
    made = bench.backup(shop)
    prefix = bench.objects / f"t-{shop.name}"
    if damage == "counts":
        wrong = made.facts.tables[0].model_copy(update={"rows": made.facts.tables[0].rows + 1})
        tables = (wrong, *made.facts.tables[1:])
        made = made.model_copy(update={"facts": made.facts.model_copy(update={"tables": tables})})
    else:
        pattern = f"logical/{made.id}/dump/toc.dat.age" if damage == "dump" else "files/*.age"
        path = next(prefix.glob(pattern))
        path.write_bytes(path.read_bytes()[:-7])
    found = drilled(bench, made, isolated)
    assert not found.passed
    assert found.reason
    with isolated.connected("postgres") as connection:
        left = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE '%drill%'").fetchone()
    assert left == (0,), "a failed drill must clean up as well"


@integration
def test_a_drill_that_takes_longer_than_the_tier_promises_has_failed(bench, isolated):
    found = drilled(bench, bench.backup(bench.shop("slow")), isolated, limit=timedelta(milliseconds=1))
    assert not found.passed
    assert "promises" in found.reason


@integration
def test_a_drill_never_restores_beside_the_tenant_itself(bench, postgres):
    shop = bench.shop("beside")
    found = drilled(bench, bench.backup(shop), postgres.server)
    assert not found.passed
    assert "isolation" in found.reason


@integration
@pytest.mark.parametrize("option", ["start_command", "neutralise_command"])
def test_a_command_that_fails_fails_the_drill(bench, isolated, option):
    made = bench.backup(bench.shop("command"))
    good = drilled(bench, made, isolated, **{option: "sh -c 'psql -c \"SELECT 1 FROM ir_cron\"'"})
    assert good.passed, good.reason
    bad = drilled(bench, made, isolated, **{option: "sh -c 'exit 4'"})
    assert not bad.passed
    assert "4" in bad.reason


TENANTS = st.lists(st.from_regex(r"[a-z]{1,8}\Z", fullmatch=True), min_size=1, max_size=12, unique=True)


@unit
@given(tenants=TENANTS, start=st.dates(date(2026, 1, 1), date(2040, 1, 1)))
def test_every_tenant_of_a_cell_has_its_turn_before_any_has_two(tenants, start):
    number = len(tenants)
    weeks = (start.toordinal() - 1) // 7
    begin = start + timedelta(weeks=-(weeks % number) + number)
    drawn = [turn("a", tenants, begin + timedelta(weeks=week)) for week in range(number)]
    assert sorted(drawn) == sorted(tenants)


@unit
def test_the_turn_does_not_change_within_a_week_nor_with_the_order_of_the_list():
    tenants = ["one", "two", "three"]
    monday = date(2026, 11, 23)
    week = {turn("a", tenants, monday + timedelta(days=day)) for day in range(7)}
    assert week == {turn("a", reversed(tenants), monday)}
    with pytest.raises(ValueError, match="no tenant"):
        turn("a", [], monday)


@unit
def test_a_failure_leaves_the_time_of_the_last_success_alone(tmp_path):
    metrics.write(
        tmp_path, "drill", metrics.after("drill", tenant="a", cell="c", passed=True, seconds=3, at=100)
    )
    metrics.write(
        tmp_path, "drill", metrics.after("drill", tenant="a", cell="c", passed=False, seconds=1, at=200)
    )
    good, last = (tmp_path / "drill-good.prom").read_text(), (tmp_path / "drill.prom").read_text()
    assert 'storefleet_drill_last_success_timestamp_seconds{cell="c",tenant="a"} 100' in good
    assert 'storefleet_drill_last_run_passed{cell="c",tenant="a"} 0' in last
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drill-good.prom", "drill.prom"]


@unit
def test_metrics_are_added_to_a_group_and_do_not_replace_it():
    seen = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.path, self.rfile.read(int(self.headers["content-length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        samples = metrics.after("drill", tenant="a b", cell="c", passed=True, seconds=3, at=100)
        metrics.push(f"http://127.0.0.1:{server.server_port}", "storefleet_drill", {"tenant": "a b"}, samples)
        thread.join()
    ((path, text),) = seen
    assert path == "/metrics/job/storefleet_drill/tenant/a%20b"
    assert 'storefleet_drill_seconds{cell="c",tenant="a b"} 3' in text
