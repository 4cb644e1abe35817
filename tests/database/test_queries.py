"""What CloudNativePG is told to ask, asked on a live PostgreSQL with Odoo's tables, as the role that it asks as."""

from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from components.database.access import CLOSE_FUNCTION, CLOSE_SQL
from components.database.queries import EXPORTER_ROLE, metrics, queries
from components.database.readings import MODULES
from components.monitoring.checks import CHECKS
from components.monitoring.figures import FIGURES, helpers
from components.monitoring.pace import PRODUCTION
from tests.database.conftest import PORT
from tests.recovery.shop import SCHEMA

if TYPE_CHECKING:
    from tests.database.conftest import Server

SHOP = "bakery"
PLAIN = "office"
HOSTILE = "hostile"

MORE = """
ALTER TABLE queue_job ADD date_created timestamp DEFAULT (now() AT TIME ZONE 'utc'), ADD eta timestamp;
ALTER TABLE sale_order ADD date_order timestamp, ADD client_order_ref varchar;
ALTER TABLE product_template ADD type varchar DEFAULT 'consu';
CREATE TABLE stock_picking (id serial PRIMARY KEY, origin varchar);
CREATE TABLE stock_move (id serial PRIMARY KEY, state varchar, date timestamp);
CREATE TABLE pos_order (id serial PRIMARY KEY, state varchar, date_order timestamp, create_date timestamp);
CREATE TABLE payment_transaction (id serial PRIMARY KEY, state varchar, last_state_change timestamp);
CREATE FUNCTION ago(text) RETURNS timestamp LANGUAGE sql AS
    $$SELECT (now() AT TIME ZONE 'utc') - $1::interval$$;
"""
"""Columns and tables of Odoo that backups have no need of."""

BUSY = """
UPDATE ir_cron SET nextcall = ago('20 minutes') WHERE cron_name = 'Mail: queue';
UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'sale';
INSERT INTO queue_job (uuid, state, date_created, eta) VALUES ('a', 'pending', ago('3 hours'), ago('10 minutes')),
    ('b', 'enqueued', ago('5 minutes'), NULL), ('c', 'failed', ago('1 day'), NULL), ('d', 'done', ago('1 day'), NULL);
INSERT INTO product_template (name, type) VALUES ('{}', 'consu'), ('{}', 'service');
INSERT INTO product_product (product_tmpl_id) VALUES (1), (2);
INSERT INTO sale_order (name, state, date_order) VALUES ('S1', 'sale', ago('30 minutes')),
    ('S2', 'cancel', ago('10 minutes')), ('S3', 'done', ago('5 minutes')), ('S4', 'draft', ago('1 minute')),
    ('S5', 'sale', ago('2 hours')), ('S6', 'sale', ago('20 minutes'));
INSERT INTO sale_order_line (order_id, product_id) VALUES (1, 1), (3, 1), (5, 1), (6, 2);
UPDATE sale_order SET client_order_ref = 'PO-17' WHERE name = 'S1';
-- The monitoring's own, of which no figure knows: one as a run leaves it, and one that somebody confirmed.
INSERT INTO sale_order (name, state, date_order, client_order_ref) VALUES
    ('P1', 'cancel', ago('1 minute'), 'storefleet-probe'), ('P2', 'sale', ago('50 minutes'), 'storefleet-probe');
INSERT INTO sale_order_line (order_id, product_id) VALUES (8, 1);
INSERT INTO stock_picking (origin) VALUES ('S5'), ('S3');
INSERT INTO stock_move (state, date) VALUES ('done', ago('7 minutes')), ('done', ago('1 day')), ('draft', ago('0'));
INSERT INTO pos_order (state, date_order, create_date) VALUES ('paid', ago('40 minutes'), ago('38 minutes')),
    ('cancel', ago('9 minutes'), ago('9 minutes')), ('paid', ago('3 hours'), ago('2 hours'));
INSERT INTO payment_transaction (state, last_state_change) VALUES ('done', ago('1 minute')),
    ('error', ago('2 minutes')), ('error', ago('2 hours')), ('draft', ago('1 minute'));
"""

EXPECTED = {
    "odoo_cron_lag_seconds": 1200,
    "odoo_modules_in_between": 1,
    "jobs_waiting": 2,
    "jobs_oldest_seconds": 600,
    "jobs_failed": 1,
    "sales_placed": 4,
    "sales_failed": 1,
    "sales_unsynchronised_seconds": 1800,
    "pos_placed": 2,
    "pos_failed": 1,
    "pos_unsynchronised_seconds": 120,
    "payments_placed": 2,
    "payments_failed": 1,
    "stock_age_seconds": 420,
    **{f"odoo_has_{each}": 1 for each in MODULES},
}
"""What the rows above are, counted by hand."""
PATIENCE = 120
SLACK = 60
"""Seconds that may go by between the rows and the question."""


@pytest.fixture(scope="module")
def cell(server: Server) -> Server:
    """Three tenants: one with every module, one with none, and one that plants traps for whoever reads it."""
    server.sql(f"CREATE ROLE {EXPORTER_ROLE} LOGIN IN ROLE pg_monitor", *CLOSE_SQL)
    for tenant in (SHOP, PLAIN, HOSTILE):
        server.sql(
            f"CREATE ROLE {tenant} LOGIN", f"CREATE DATABASE {tenant} OWNER {tenant} TEMPLATE template0"
        )
    server.sql(f"SET ROLE {SHOP}", SCHEMA, MORE, BUSY, database=SHOP)
    server.sql(
        f"SET ROLE {PLAIN}",
        "CREATE TABLE ir_module_module (name varchar, state varchar)",
        "CREATE TABLE ir_cron (active boolean, nextcall timestamp)",
        database=PLAIN,
    )
    server.sql(
        f"SET ROLE {HOSTILE}",
        SCHEMA,
        MORE,
        "CREATE FUNCTION stolen() RETURNS boolean LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'ran as %', current_user; END$$",
        "ALTER TABLE queue_job RENAME TO kept",
        "CREATE VIEW queue_job AS SELECT * FROM kept WHERE stolen()",
        "ALTER TABLE ir_cron ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY trap ON ir_cron USING (stolen())",
        database=HOSTILE,
    )
    server.sql(f"SELECT {CLOSE_FUNCTION}()")
    return server


def ask(server: Server, database: str, name: str) -> list[dict[str, str]]:
    """Ask one query as the operator does: its role, its search path, in a transaction that only reads."""
    query = queries()[name]
    columns = [column for metric in query["metrics"] for column in metric]
    said = server.sql(
        f"SET SESSION AUTHORIZATION {EXPORTER_ROLE}",
        "BEGIN READ ONLY",
        "SET LOCAL search_path = pg_catalog, public, pg_temp",
        query["query"],
        database=database,
    )
    return [dict(zip(columns, line.split("|"), strict=True)) for line in said.splitlines()]


def everything(server: Server, database: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, query in queries().items():
        rows = ask(server, database, name) if "target_databases" in query else ask(server, "postgres", name)
        for row in (each for each in rows if each["datname"] == database):
            found |= {key: float(value) for key, value in row.items() if key != "datname"}
    return found


def everything_of_server(server: Server) -> dict[str, str]:
    return next(row for row in ask(server, "postgres", "storefleet_server") if row["datname"] == SHOP)


@pytest.mark.integration
def test_every_figure_is_what_the_rows_of_the_shop_say(cell: Server):
    found = everything(cell, SHOP)
    for name, value in EXPECTED.items():
        slack = SLACK if name.endswith("_seconds") else 0
        assert value <= found[name] <= value + slack, f"{name} is {found[name]}, and the rows say {value}"
    assert found["database_waiting_sessions"] == 0
    assert {f"cnpg_storefleet_{name}" for name in found} == set(metrics()), "a metric has no figure"


@pytest.mark.integration
def test_a_shop_without_a_module_says_so_and_gives_no_figure_and_no_error(cell: Server):
    found = everything(cell, PLAIN)
    assert {name: found[name] for name in found if name.startswith("odoo_has")} == {
        f"odoo_has_{each}": 0 for each in MODULES
    }
    assert not [name for name in found if name.startswith(("jobs", "sales", "pos", "payments", "stock"))]
    assert found["odoo_cron_lag_seconds"] == 0


@pytest.mark.integration
def test_a_database_that_is_no_shop_gives_no_figure_of_a_shop(cell: Server):
    assert everything(cell, "postgres") == {}


@pytest.mark.integration
def test_no_code_of_a_tenant_runs_as_the_exporter_and_hiding_a_table_is_not_passing(cell: Server):
    found = everything(cell, HOSTILE)
    assert found["odoo_has_jobs"] == 1, "a view in place of the table would count as a shop without jobs"
    assert "jobs_waiting" not in found
    assert "odoo_cron_lag_seconds" not in found


@pytest.mark.integration
def test_sessions_behind_a_lock_are_counted_for_their_database(cell: Server):
    psql = [
        *cell.user,
        "psql",
        "-XAtq",
        "-h",
        str(cell.data),
        "-p",
        PORT,
        "-d",
        SHOP,
    ]
    holds = subprocess.Popen([*psql, "-c", "BEGIN; LOCK ir_cron; SELECT pg_sleep(600)"], cwd="/")
    deadline = time.monotonic() + PATIENCE
    held = "SELECT count(*) FROM pg_locks WHERE relation = 'ir_cron'::regclass AND granted"
    while cell.sql(held, database=SHOP) != "1" and time.monotonic() < deadline:
        time.sleep(0.1)  # whoever came first would not wait
    waits = subprocess.Popen([*psql, "-c", "BEGIN; LOCK ir_cron; COMMIT"], cwd="/")
    try:
        while (found := everything_of_server(cell))["database_waiting_sessions"] != "1":
            assert time.monotonic() < deadline, f"nobody is seen to wait: {found}"
            time.sleep(0.2)
        assert float(found["database_longest_transaction_seconds"]) > 0
    finally:
        cell.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{SHOP}'")  # noqa: S608
        holds.wait(PATIENCE)
        waits.wait(PATIENCE)


@pytest.mark.integration
def test_the_exporter_may_connect_everywhere_and_write_nowhere(cell: Server):
    may = cell.sql(
        f"SELECT bool_and(has_database_privilege('{EXPORTER_ROLE}', datname, 'CONNECT'))"  # noqa: S608
        " FROM pg_database WHERE NOT datistemplate"
    )
    assert may == "t", (
        "the operator leaves out a database that its exporter may not connect to, without an error"
    )
    wrote = cell.sql(
        f"SELECT has_table_privilege('{EXPORTER_ROLE}', 'sale_order', 'INSERT, UPDATE, DELETE, TRUNCATE')",
        database=SHOP,
    )
    assert wrote == "f"


@pytest.mark.unit
def test_every_metric_that_a_figure_needs_of_the_databases_has_a_query():
    expressions = [FIGURES[check.name](PRODUCTION) for check in CHECKS]
    expressions += [expression for _, expression in helpers(PRODUCTION)]
    needed = set(re.findall(r"cnpg_storefleet_\w+", " ".join(expressions)))
    assert needed == set(metrics()), "a check would fail for ever, or a query is asked for nobody"
