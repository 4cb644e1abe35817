"""The heartbeat of a cell: one row a minute, so that every moment has a transaction after it, and loss is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.database.heartbeat import BEAT_SQL, FORGET_SQL, TABLE_SQL
from recovery.database.databases import there
from recovery.database.server import one, rows
from spec.naming import PLATFORM_DATABASE as DATABASE

if TYPE_CHECKING:
    from datetime import datetime

    from recovery.database.server import Server


def beat(server: Server) -> datetime:
    """Write one row and force nothing: it reaches the archive as orders do. Returns the server's time."""
    if not there(server, DATABASE):
        with server.connected("postgres") as connection:
            connection.execute("CREATE DATABASE platform TEMPLATE template0")
            connection.execute("REVOKE ALL ON DATABASE platform FROM PUBLIC")
    with server.connected(DATABASE) as connection:
        connection.execute(TABLE_SQL)
        connection.execute(FORGET_SQL)
        return one(connection, BEAT_SQL)


def beats(server: Server) -> list[datetime]:
    """Return all rows, oldest first."""
    with server.connected(DATABASE) as connection:
        return [at for (at,) in rows(connection, "SELECT at FROM heartbeat ORDER BY at")]
