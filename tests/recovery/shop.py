"""A database that is shaped as Odoo's, with a filestore, and somebody who keeps writing to both."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar UNIQUE, state varchar, latest_version varchar);
CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text);
CREATE TABLE ir_cron (id serial PRIMARY KEY, cron_name varchar, active boolean, nextcall timestamp);
CREATE TABLE ir_mail_server (id serial PRIMARY KEY, name varchar, smtp_host varchar, active boolean DEFAULT true);
CREATE TABLE fetchmail_server (id serial PRIMARY KEY, name varchar, active boolean DEFAULT true);
CREATE TABLE payment_provider (id serial PRIMARY KEY, code varchar, state varchar);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, email varchar);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar UNIQUE, password varchar, active boolean DEFAULT true,
    partner_id int REFERENCES res_partner);
CREATE TABLE product_template (id serial PRIMARY KEY, name jsonb, list_price numeric);
CREATE TABLE product_product (id serial PRIMARY KEY, product_tmpl_id int REFERENCES product_template);
CREATE TABLE sale_order (id serial PRIMARY KEY, name varchar, partner_id int REFERENCES res_partner, state varchar,
    amount_total numeric, create_date timestamp DEFAULT now());
CREATE TABLE sale_order_line (id serial PRIMARY KEY, order_id int REFERENCES sale_order ON DELETE CASCADE,
    product_id int REFERENCES product_product, product_uom_qty numeric, price_unit numeric);
CREATE TABLE stock_quant (id serial PRIMARY KEY, product_id int REFERENCES product_product, location_id int,
    quantity numeric, UNIQUE (product_id, location_id));
CREATE TABLE queue_job (id serial PRIMARY KEY, uuid varchar UNIQUE, state varchar, payload jsonb);
CREATE TABLE ir_attachment (id serial PRIMARY KEY, name varchar, res_model varchar, res_id int, store_fname varchar,
    checksum varchar(40), file_size int, mimetype varchar);
CREATE INDEX ir_attachment_store_fname ON ir_attachment (store_fname);
CREATE INDEX sale_order_state ON sale_order (state);
CREATE INDEX queue_job_state ON queue_job (state) WHERE state = 'pending';
CREATE FUNCTION order_total(int) RETURNS numeric LANGUAGE sql STABLE AS
    'SELECT coalesce(sum(product_uom_qty * price_unit), 0) FROM sale_order_line WHERE order_id = $1';
CREATE VIEW sale_report AS SELECT state, count(*) AS orders, sum(amount_total) AS amount FROM sale_order GROUP BY state;
INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '18.0.1.3'),
    ('sale', 'installed', '18.0.1.2'), ('stock', 'installed', '18.0.1.1');
INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'of-production'),
    ('database.secret', 'of-production'), ('web.base.url', 'https://shop.example');
INSERT INTO ir_cron (cron_name, active, nextcall) VALUES ('Mail: queue', true, now()), ('Base: vacuum', true, now());
INSERT INTO ir_mail_server (name, smtp_host) VALUES ('out', 'smtp.example');
INSERT INTO fetchmail_server (name) VALUES ('in');
INSERT INTO payment_provider (code, state) VALUES ('stripe', 'enabled'), ('demo', 'test');
"""


@dataclass
class Shop:
    """One tenant: a role and database of the same name, and its folder in the filestore."""

    name: str
    conninfo: str
    filestore: Path

    @property
    def folder(self) -> Path:
        return self.filestore / self.name

    def connect(self, **more):
        return psycopg.connect(f"{self.conninfo} dbname={self.name}", **more)

    def attach(self, connection, data: bytes, name="picture") -> str:
        """Add an attachment as Odoo does: the file first, then the row."""
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        fname = f"{sha1[:2]}/{sha1}"
        path = self.folder / fname
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            half = path.with_name(f"{sha1}.{os.getpid()}.{threading.get_ident()}")
            half.write_bytes(data)
            half.rename(path)
        connection.execute(
            "INSERT INTO ir_attachment (name, store_fname, checksum, file_size) VALUES (%s, %s, %s, %s)",
            (name, fname, sha1, len(data)),
        )
        return fname

    def collect(self, connection) -> int:
        """Remove the files that no attachment names, as Odoo's garbage collector does: under a lock, or not now."""
        with suppress(psycopg.errors.LockNotAvailable), connection.transaction():
            connection.execute("SET LOCAL lock_timeout TO '200ms'")
            connection.execute("LOCK ir_attachment IN SHARE MODE")
            used = {name for (name,) in connection.execute("SELECT store_fname FROM ir_attachment")}
            gone = [path for path in self.files() if path not in used]
            for path in gone:
                (self.folder / path).unlink()
            return len(gone)
        return 0

    def files(self) -> dict[str, str]:
        """Return every file of the filestore with the hash of its content."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def rows(self) -> dict[str, list[tuple]]:
        """Return everything that the tables hold, in a fixed order."""
        with self.connect() as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            ).fetchall()
            return {
                table: connection.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1').fetchall()  # noqa: S608
                for (table,) in tables
            }

    def everything(self):
        return self.rows(), self.files()


def make_shop(
    name: str, conninfo: str, filestore: Path, *, orders=200, files=40, size=2_000, seed=1, large=()
) -> Shop:
    """Make a tenant with data."""
    chance = random.Random(f"{name}{seed}")  # noqa: S311 - the same data every time
    with psycopg.connect(f"{conninfo} dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{name}" LOGIN')
        connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}" TEMPLATE template0')
        connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 25')
    shop = Shop(name=name, conninfo=conninfo, filestore=filestore)
    shop.folder.mkdir(parents=True)
    with shop.connect() as connection:
        connection.execute(f'SET ROLE "{name}"')
        connection.execute(SCHEMA)
        connection.execute(
            "INSERT INTO res_partner (name, email) SELECT 'Partner ' || n, 'p' || n || '@example.com'"
            " FROM generate_series(1, 50) n"
        )
        connection.execute(
            "INSERT INTO res_users (login, password, partner_id) VALUES ('admin', 'hashed', 1), ('till', 'hashed', 2)"
        )
        connection.execute(
            "INSERT INTO product_template (name, list_price)"
            " SELECT jsonb_build_object('en_US', 'Thing ' || n), n * 1.5 FROM generate_series(1, 40) n"
        )
        connection.execute("INSERT INTO product_product (product_tmpl_id) SELECT id FROM product_template")
        connection.execute(
            "INSERT INTO stock_quant (product_id, location_id, quantity)"
            " SELECT id, 8, 100 + id FROM product_product"
        )
        connection.execute(
            "INSERT INTO sale_order (name, partner_id, state, amount_total) SELECT 'S' || n, 1 + n %% 50,"
            " (ARRAY['draft', 'sale', 'done'])[1 + n %% 3], n * 2.5 FROM generate_series(1, %s) n",
            [orders],
        )
        connection.execute(
            "INSERT INTO sale_order_line (order_id, product_id, product_uom_qty, price_unit)"
            " SELECT o.id, 1 + (o.id + k) % 40, k, 2.5 FROM sale_order o, generate_series(1, 3) k"
        )
        connection.execute(
            "INSERT INTO queue_job (uuid, state, payload) SELECT md5(n::text),"
            " CASE WHEN n % 7 = 0 THEN 'pending' ELSE 'done' END, jsonb_build_object('n', n)"
            " FROM generate_series(1, 100) n"
        )
        for each in [
            *[chance.randbytes(chance.randint(1, size)) for _ in range(files)],
            *map(chance.randbytes, large),
        ]:
            shop.attach(connection, each)
    return shop


class Writer:
    """Somebody who sells, moves stock, queues jobs, attaches files and removes some, until told to stop."""

    def __init__(self, shop: Shop, *, collect=True, seed=0) -> None:
        self._shop, self._collect = shop, collect
        self._chance = random.Random(seed)  # noqa: S311 - the same data every time
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.written = 0
        self.collected = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()

    def reach(self, transactions: int, seconds: float = 60) -> None:
        """Wait until so many were written."""
        until = time.monotonic() + seconds
        while self.written < transactions:
            assert self._thread.is_alive(), "nobody writes any more"
            assert time.monotonic() < until, "nothing is written"
            time.sleep(0.01)

    def _run(self):
        with suppress(psycopg.OperationalError), self._shop.connect(autocommit=True) as connection:
            while not self._stop.is_set():
                self._one(connection)
                self.written += 1

    def _one(self, connection):
        with connection.transaction():
            row = connection.execute(
                "INSERT INTO sale_order (name, partner_id, state, amount_total) VALUES ('live', 1, 'sale', 9)"
                " RETURNING id"
            ).fetchone()
            connection.execute(
                "INSERT INTO sale_order_line (order_id, product_id, product_uom_qty, price_unit) VALUES (%s, 1, 2, 3)",
                row,
            )
            connection.execute("UPDATE stock_quant SET quantity = quantity - 1 WHERE product_id = 1")
            connection.execute("INSERT INTO queue_job (uuid, state) VALUES (gen_random_uuid(), 'pending')")
            self._shop.attach(connection, self._chance.randbytes(self._chance.randint(1, 4000)), "live")
        if self.written % 5 == 4:
            connection.execute(
                "DELETE FROM ir_attachment WHERE id IN (SELECT id FROM ir_attachment ORDER BY random() LIMIT 1)"
            )
        if self._collect and self.written % 25 == 24:
            self.collected += self._shop.collect(connection)
