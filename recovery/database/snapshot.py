"""One snapshot of a tenant's database: the dump, the row counts and the list of files all see the same moment."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from recovery.database.server import Connection, Server, exists, one, rows
from recovery.manifest import Attachment, Facts, Table
from recovery.trouble import DatabaseTrouble

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

COUNTED: Final = (
    "account_move",
    "account_move_line",
    "ir_attachment",
    "ir_module_module",
    "payment_transaction",
    "pos_order",
    "pos_order_line",
    "product_product",
    "product_template",
    "queue_job",
    "res_partner",
    "res_users",
    "sale_order",
    "sale_order_line",
    "stock_move",
    "stock_picking",
    "stock_quant",
)
"""Tables whose rows are counted, where they are there: money, orders, stock, people, files and what is to be done."""

DUMP_SECONDS: Final = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot that is open: other sessions can look at it by its name."""

    server: Server
    database: str
    name: str
    connection: Connection

    def facts(self) -> Facts:
        """Return what the snapshot says about itself; raises DatabaseTrouble where there is no Odoo in it."""
        if not exists(self.connection, "ir_attachment"):
            raise DatabaseTrouble(f"database {self.database} has no table ir_attachment: it is none of Odoo")
        modules = exists(self.connection, "ir_module_module")
        odoo = "SELECT latest_version FROM ir_module_module WHERE name = 'base'"
        unfinished = "SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %'"
        return Facts(
            snapshot_at=one(self.connection, "SELECT now()"),
            postgres=self.connection.info.server_version,
            odoo=one(self.connection, odoo) if modules else None,
            tables=count(self.connection),
            unfinished_modules=one(self.connection, unfinished) if modules else 0,
        )

    def attachments(self) -> tuple[Attachment, ...]:
        """Return every file that the snapshot needs, once, by name."""
        found = rows(
            self.connection,
            "SELECT store_fname, min(checksum) FROM ir_attachment WHERE store_fname IS NOT NULL"
            " GROUP BY store_fname ORDER BY store_fname",
        )
        return tuple(Attachment(name=name, sha1=checksum) for name, checksum in found)

    def dump(self, folder: Path, *, jobs: int, seconds: float = DUMP_SECONDS) -> None:
        """Write the database as PostgreSQL's directory format into a folder that is not there yet.

        Raises:
            DatabaseTrouble: pg_dump or the reading of its table of contents failed, or the snapshot ended.

        """
        what = f"dump of {self.database}"
        arguments = [
            "--format=directory",
            f"--jobs={jobs}",
            f"--snapshot={self.name}",
            f"--file={folder}",
            "--no-password",
            f"--dbname={self.server.words(self.database)}",
        ]
        self.server.run("pg_dump", arguments, seconds=seconds, what=what)
        listed = self.server.run("pg_restore", ["--list", str(folder)], seconds=seconds, what=what)
        if " TABLE DATA public ir_attachment " not in listed:
            raise DatabaseTrouble(f"{what}: its table of contents does not have the data of ir_attachment")
        # Reads and unpacks every byte: a dump that was cut short does not go unnoticed, whatever its exit code was.
        read = ["--file=/dev/null", str(folder)]
        self.server.run("pg_restore", read, seconds=seconds, what=what)
        one(self.connection, "SELECT 1")  # the snapshot was open until here, so all saw the same


def count(connection: Connection) -> tuple[Table, ...]:
    """Count the rows of the tables that matter and are there."""
    found: list[Table] = []
    for name in COUNTED:
        if not exists(connection, name):
            continue
        query = sql.SQL("SELECT count(*), max(id) FROM {}").format(sql.Identifier("public", name))
        ((counted, highest),) = rows(connection, query)
        found.append(Table(name=name, rows=counted, max_id=highest))
    return tuple(found)


def still_needed(server: Server, database: str, names: list[str]) -> set[str]:
    """Return which files the database needs now."""
    with server.connected(database) as connection:
        query = "SELECT DISTINCT store_fname FROM ir_attachment WHERE store_fname = ANY(%s)"
        return {name for (name,) in rows(connection, query, [names])}


@contextmanager
def snapshot(server: Server, database: str) -> Generator[Snapshot]:
    """Open a snapshot for as long as the block runs."""
    with server.connected(database, autocommit=False) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        # It only waits while pg_dump works; a limit for forgetful clients must not end it.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.execute("SET LOCAL statement_timeout = 0")
        name = one(connection, "SELECT pg_export_snapshot()")
        yield Snapshot(server=server, database=database, name=name, connection=connection)


@contextmanager
def held_files(server: Server, database: str) -> Generator[None]:
    """Keep Odoo's collector of unused files away while the block runs, by a lock as every writer of the table has it.

    Writers go on. The collector asks for a stronger lock, gives up after some seconds and comes again the next
    day; for these seconds who wants to write an attachment waits behind it.
    """
    with server.connected(database, autocommit=False) as connection:
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.execute("SET LOCAL lock_timeout = '30s'")
        connection.execute("LOCK TABLE public.ir_attachment IN ROW EXCLUSIVE MODE")
        yield
