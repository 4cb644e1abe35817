"""Databases of a cell as a whole: made beside others, marked, closed, renamed, and dropped when they are ours."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from psycopg import sql

from recovery.database.server import Connection, Server, one, rows
from recovery.store.keys import ID_LENGTH
from recovery.trouble import DatabaseTrouble
from spec.naming import NAME_LIMIT, bounded

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEFORE: Final = "--before-"
_MARK: Final = "storefleet-restore "
CLOSE_SECONDS: Final = 60.0
_RIGHTS: Final = {
    "CONNECT": sql.SQL("CONNECT"),
    "CREATE": sql.SQL("CREATE"),
    "TEMPORARY": sql.SQL("TEMPORARY"),
}

Phase = Literal["loading", "verified", "swapping", "done"]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a restore wrote on a database, as its comment: it survives the restore, and moves with a rename."""

    backup: str
    digest: str
    restore: str
    """Id of the restore: the names of what it keeps have it in them."""
    phase: Phase


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """What a restore of somebody else must not change about a database of the same cell."""

    name: str
    oid: int
    owner: str
    allows: bool
    killed: int
    """Sessions of it that were ended by somebody, since the statistics began."""


def side_name(database: str) -> str:
    """Return the name of the database that a restore makes beside a tenant's."""
    return bounded(f"{database}--restored")


def kept_name(database: str, restore: str) -> str:
    """Return the name under which a restore keeps what was there."""
    return f"{bounded(database, NAME_LIMIT - len(_BEFORE) - len(restore))}{_BEFORE}{restore.lower()}"


def mark_of(server: Server, database: str) -> Mark | None:
    """Return what a restore wrote on a database; None for no mark or no database."""
    with server.connected("postgres") as connection:
        text = one(
            connection,
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [database],
        )
    if not text or not str(text).startswith(_MARK):
        return None
    return Mark(**json.loads(str(text).removeprefix(_MARK)))


def mark(connection: Connection, database: str, written: Mark) -> None:
    """Write a mark on a database."""
    text = _MARK + json.dumps(asdict(written), sort_keys=True)
    connection.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(text))
    )


def there(server: Server, database: str) -> bool:
    """Say whether a database exists."""
    with server.connected("postgres") as connection:
        return one(connection, "SELECT count(*) FROM pg_database WHERE datname = %s", [database]) == 1


def owner_of(server: Server, database: str) -> str | None:
    """Return the owner of a database; None where it does not exist."""
    with server.connected("postgres") as connection:
        query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
        return one(connection, query, [database])


def create(server: Server, database: str, owner: str, like: str, written: Mark) -> None:
    """Make an empty database that nobody but its owner and superusers may use, with the locale of another.

    Raises:
        DatabaseTrouble: it exists and is not a restore's, or the server refused.

    """
    if there(server, database):
        drop(server, database)
    with server.connected("postgres") as connection:
        locale = rows(
            connection,
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
            " WHERE datname = ANY(ARRAY[%s, 'template0']) ORDER BY datname = 'template0' LIMIT 1",
            [like],
        )[0]
        connection.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}"
            ).format(sql.Identifier(database), sql.Identifier(owner), *map(sql.Literal, locale))
        )
        mark(connection, database, written)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def drop(server: Server, database: str) -> None:
    """Drop a database that a restore or a drill made; refuses any other, and any that is in use by tenants.

    Raises:
        DatabaseTrouble: it has no mark of ours.

    """
    found = mark_of(server, database)
    if found is None or found.phase in {"swapping", "done"}:
        raise DatabaseTrouble(f"database {database} was not made by an unfinished restore: it is left alone")
    with server.connected("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


def allow(connection: Connection, database: str, allowed: bool) -> None:
    """Open or close a database for everybody; sessions that it has stay."""
    state = sql.SQL("true" if allowed else "false")
    connection.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(database), state)
    )


def end_sessions(connection: Connection, databases: Iterable[str], seconds: float = CLOSE_SECONDS) -> int:
    """End all sessions of closed databases and wait until they are gone; returns how many there were.

    Raises:
        DatabaseTrouble: some are still there after `seconds`.

    """
    names, ended, until = list(databases), 0, time.monotonic() + seconds
    while True:
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()"
        )
        found = rows(connection, query, [names])
        if not found:
            return ended
        ended = max(ended, len(found))
        if time.monotonic() > until:
            raise DatabaseTrouble(f"{len(found)} sessions of {', '.join(names)} do not end")
        time.sleep(0.1)


def take_over(server: Server, source: str, target: str) -> None:
    """Give a database the limits, settings and rights that another has as a database."""
    with server.connected("postgres") as connection:
        found = rows(
            connection,
            "SELECT oid, datconnlimit, pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s",
            [source],
        )
        if not found:
            return
        oid, limit, owner = found[0]
        name = sql.Identifier(target)
        connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(limit)))
        settings = "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = %s AND setrole = 0"
        for (setting,) in rows(connection, settings, [oid]):
            key, _, value = str(setting).partition("=")
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.Identifier(key), sql.Literal(value))
            )
        rights = (
            "SELECT CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END, privilege_type"
            " FROM pg_database, aclexplode(datacl) WHERE pg_database.oid = %s"
        )
        for grantee, right in rows(connection, rights, [oid]):
            if grantee == owner:
                continue
            to = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
            word = _RIGHTS[str(right)]
            connection.execute(sql.SQL("GRANT {} ON DATABASE {} TO {}").format(word, name, to))


def neighbours(server: Server, database: str) -> dict[str, Neighbour]:
    """Return the other databases of the cell, by name, without those that restores of this one made or kept."""
    with server.connected("postgres") as connection:
        found = rows(
            connection,
            "SELECT d.datname, d.oid::bigint, pg_get_userbyid(d.datdba), d.datallowconn,"
            " coalesce(s.sessions_killed, 0) FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid"
            " WHERE NOT d.datistemplate AND d.datname <> ALL(%s) ORDER BY 1",
            [["postgres", database, side_name(database)]],
        )
    return {
        name: Neighbour(name=name, oid=cast("int", oid), owner=owner, allows=allows, killed=killed)
        for name, oid, owner, allows, killed in found
        if not str(name).startswith(kept_name(database, "-" * ID_LENGTH)[:-ID_LENGTH])
    }
