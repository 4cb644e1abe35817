"""The heartbeat of a cell: one row a minute, so that every moment has a transaction after it, and loss is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recovery.database.databases import there
from recovery.database.server import one, rows

if TYPE_CHECKING:
    from datetime import datetime

    from recovery.database.server import Server

DATABASE: Final = "platform"
KEPT_DAYS: Final = 40
"""Longer than any cell can be wound back."""


def beat(server: Server) -> datetime:
    """Write one row and force nothing: it reaches the archive as orders do. Returns the server's time."""
    if not there(server, DATABASE):
        with server.connected("postgres") as connection:
            connection.execute("CREATE DATABASE platform TEMPLATE template0")
            connection.execute("REVOKE ALL ON DATABASE platform FROM PUBLIC")
    with server.connected(DATABASE) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS heartbeat (at timestamptz PRIMARY KEY DEFAULT clock_timestamp())"
        )
        connection.execute("DELETE FROM heartbeat WHERE at < now() - make_interval(days => %s)", [KEPT_DAYS])
        return one(connection, "INSERT INTO heartbeat DEFAULT VALUES RETURNING at")


def beats(server: Server) -> list[datetime]:
    """Return all rows, oldest first."""
    with server.connected(DATABASE) as connection:
        return [at for (at,) in rows(connection, "SELECT at FROM heartbeat ORDER BY at")]
