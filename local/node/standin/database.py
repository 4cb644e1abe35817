"""Connections as Odoo has them: a bounded number a process, kept open, thrown away when one breaks."""

from __future__ import annotations

import os
import queue
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from . import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeAlias

    from .settings import Settings

    Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

BUS = "postgres"
"""The database in which Odoo's bus and its scheduled actions wake each other, for all tenants of a server."""
VERSION = "18.0.1.0"
_TRIES = 5
"""Of a transaction that another one got in the way of: Odoo's own number."""
_BUSY = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
)


class BusyError(Exception):
    """No connection is free, as with Odoo's `PoolError`."""


class Database:
    """The connections of one process to one database of one server."""

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        self._settings, self._name = settings, name or settings.database
        self._free: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._room = threading.BoundedSemaphore(settings.connections)

    def connect(self, *, autocommit: bool = False) -> Connection:
        """Open a connection that is not one of those that are kept."""
        given = self._settings
        return psycopg.connect(
            host=given.host,
            port=given.port,
            user=given.user,
            dbname=self._name,
            sslmode=given.sslmode,
            password=given.password or None,
            connect_timeout=5,
            application_name=f"odoo-{os.getpid()}",
            autocommit=autocommit,
            prepare_threshold=None,  # Odoo has none on the server's side, which a pooler would lose
        )

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """Give a connection in a transaction that sees one moment, and commit it at the end.

        Raises BusyError where every connection is taken, and psycopg's errors as they come.
        """
        if not self._room.acquire(timeout=5):
            raise BusyError(f"all {self._settings.connections} connections are taken")
        connection: Connection | None = None
        try:
            connection = self._take()
            yield connection
            connection.commit()
            self._free.put(connection)
        except BaseException:
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()
            raise
        finally:
            self._room.release()

    def run(self, work: Callable[[Connection], Any]) -> Any:  # noqa: ANN401 - whatever the work returns
        """Do some work in a transaction, again where another one got in its way.

        What broke for another reason is never repeated: nobody knows whether a commit whose answer was lost counted.
        """
        for left in reversed(range(_TRIES)):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except _BUSY:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections that are kept; those in use are closed by whoever uses them."""
        with suppress(queue.Empty):
            while True:
                self._free.get_nowait().close()

    def _take(self) -> Connection:
        while True:
            try:
                kept = self._free.get_nowait()
            except queue.Empty:
                break
            try:
                kept.execute("SELECT 1")
            except psycopg.OperationalError:  # its server is gone, and another may be there
                kept.close()
            else:
                return kept
        connection = self.connect()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection


def fill(database: Database) -> bool:
    """Make the tables of an empty database and say whether it was empty; several may try at once."""
    with database.connect() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [tables.LOCK])
        there = connection.execute("SELECT to_regclass('public.ir_module_module')").fetchone()
        if there and there[0]:
            return False
        for statement in tables.TABLES.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(tables.CONTENT, {"version": VERSION, "modules": list(tables.MODULES)})
        for statement in tables.ROWS:
            connection.execute(statement)
    return True
