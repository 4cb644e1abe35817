"""Whether a restored database could be worked with: by a command that starts Odoo, or by what SQL can tell."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Final

import psycopg.conninfo
from psycopg import sql

from recovery.database.server import exists, one, rows
from recovery.database.snapshot import COUNTED
from recovery.trouble import DatabaseTrouble, NotWhole

if TYPE_CHECKING:
    from recovery.database.server import Server

COMMAND_SECONDS: Final = 1800.0
_VARIABLES: Final = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}


def by_command(server: Server, database: str, command: str, what: str) -> None:
    """Run a command for a database: ``{database}`` in it, and libpq's variables around it.

    Raises:
        DatabaseTrouble: it ended with anything but 0.

    """
    known = psycopg.conninfo.conninfo_to_dict(server.conninfo)
    variables = {variable: str(known[word]) for word, variable in _VARIABLES.items() if known.get(word)}
    words = [word.replace("{database}", database) for word in shlex.split(command)]
    try:
        ended = subprocess.run(  # noqa: S603 - the operator's own command
            words,
            env={**os.environ, **variables, "PGDATABASE": database},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DatabaseTrouble(f"{what}: {words[0]} could not be run to its end: {error}") from error
    if ended.returncode != 0:
        said = " / ".join((ended.stderr or ended.stdout).strip().splitlines()[-3:])
        raise DatabaseTrouble(f"{what}: {words[0]} ended with {ended.returncode}: {said}")


def by_sql(server: Server, database: str) -> str:
    """Look at what Odoo needs in order to start and sell; returns what was seen.

    Raises:
        NotWhole: it would not start, or the next order would not be written.

    """
    with server.connected(database) as connection:
        if exists(connection, "ir_module_module"):
            half = one(connection, "SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %'")
            base = one(connection, "SELECT state FROM ir_module_module WHERE name = 'base'")
            if half or base != "installed":
                raise NotWhole(f"{database}: {half} modules are half updated, and base is {base}")
        if exists(connection, "res_users") and not one(
            connection, "SELECT count(*) FROM res_users WHERE active AND login IS NOT NULL"
        ):
            raise NotWhole(f"{database}: nobody could log in")
        checked = 0
        for table in COUNTED:
            if not exists(connection, table):
                continue
            sequence = one(connection, "SELECT pg_get_serial_sequence(%s, 'id')", [f"public.{table}"])
            if sequence is None:
                continue
            name = sql.Identifier("public", table)
            counter = sql.SQL(sequence)  # as the server itself quotes it
            query = sql.SQL(
                "SELECT s.last_value, s.is_called, coalesce((SELECT max(id) FROM {}), 0) FROM {} s"
            ).format(name, counter)
            ((last, called, highest),) = rows(connection, query)
            if last + int(called) <= highest:
                raise NotWhole(
                    f"{database}: the next row of {table} would get the number of one that is there"
                )
            checked += 1
    return f"modules, users and {checked} sequences, by SQL; Odoo itself was not started"
