"""The swap: the restored database and filestore take the names of the old ones, and those are kept under others.

Each step looks at what is there first, so that a swap that was interrupted anywhere is finished by the next run. In
between the tenant is closed, never half old and half new: nobody gets in until both have changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import sql

from recovery.database.databases import (
    Mark,
    allow,
    end_sessions,
    kept_name,
    mark,
    mark_of,
    side_name,
    take_over,
    there,
)
from recovery.filestore import room
from recovery.trouble import DatabaseTrouble

if TYPE_CHECKING:
    from pathlib import Path

    from recovery.database.server import Connection, Server


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """What a swap did: where the old data are kept, and how many sessions of the tenant it ended."""

    kept: str
    sessions_ended: int


def unfinished(server: Server, database: str) -> Mark | None:
    """Return the mark of a swap that was interrupted after the databases had changed names."""
    found = mark_of(server, database)
    return found if found is not None and found.phase == "swapping" else None


def swap(server: Server, database: str, filestore: Path, verified: Mark) -> Swapped:
    """Put a verified restore in the place of a tenant's database and filestore; run again, it goes on.

    Raises:
        DatabaseTrouble: sessions do not end, or a name is taken by something else.
        RecoveryFailed: a folder cannot be renamed.

    """
    side, kept, ended = side_name(database), kept_name(database, verified.restore), 0
    if unfinished(server, database) is None:
        ended = _databases(server, database, side, kept, verified)
    with room(filestore):
        live, old, new = filestore / database, filestore / kept, filestore / side
        if new.exists():
            if live.exists() and not old.exists():
                live.rename(old)
            new.rename(live)
    with server.connected("postgres") as connection, connection.transaction():
        mark(connection, database, replace(verified, phase="done"))
        allow(connection, database, allowed=True)
    return Swapped(kept=kept, sessions_ended=ended)


def _databases(server: Server, database: str, side: str, kept: str, verified: Mark) -> int:
    if there(server, kept):
        raise DatabaseTrouble(f"database {kept} is there already: it is not overwritten")
    exists = there(server, database)
    if exists:
        take_over(server, database, side)
    with server.connected("postgres") as connection:
        closing = [database, side] if exists else [side]
        try:
            for name in closing:
                allow(connection, name, allowed=False)
            ended = end_sessions(connection, closing)
            with connection.transaction():  # both names change, or none
                if exists:
                    _rename(connection, database, kept)
                _rename(connection, side, database)
                mark(connection, database, replace(verified, phase="swapping"))
        except BaseException:
            if exists and there(server, side):
                allow(connection, database, allowed=True)  # nothing was swapped: the tenant goes on as it was
            raise
    return ended


def _rename(connection: Connection, name: str, other: str) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(other))
    )
