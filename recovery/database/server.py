"""A PostgreSQL server and its client programs: connections, and calls whose exit codes are looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString, cast

import psycopg
import psycopg.conninfo
from psycopg import sql

from recovery.trouble import DatabaseTrouble

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

_PACKAGED: Final = "/usr/lib/postgresql/{major}/bin"
"""Where Debian puts the programs of a major version."""
_SAID_LINES: Final = 4
APPLICATION: Final = "storefleet-recovery"

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server, as libpq's words describe it: ``host=... port=... user=...``.

    A password comes from PGPASSWORD or a passfile, never from here, so no list of processes shows it.
    """

    conninfo: str
    program_folder: Path | None = None
    """Where the client programs are; None: Debian's folder of the server's major version, else PATH."""

    def words(self, database: str) -> str:
        """Return the connection string of a database."""
        return psycopg.conninfo.make_conninfo(
            self.conninfo, dbname=database, application_name=APPLICATION, connect_timeout=10
        )

    def options(self) -> list[str]:
        """Return the options of a client program that takes no connection string."""
        known = psycopg.conninfo.conninfo_to_dict(self.conninfo)
        names = {"host": "--host", "port": "--port", "user": "--username"}
        return [f"{option}={known[name]}" for name, option in names.items() if known.get(name)]

    @contextmanager
    def connected(self, database: str, *, autocommit: bool = True) -> Generator[Connection]:
        """Connect for as long as the block runs.

        Raises:
            DatabaseTrouble: the server cannot be reached, has no such database, or refused a statement.

        """
        try:
            with psycopg.connect(self.words(database), autocommit=autocommit) as connection:
                yield connection
        except psycopg.Error as error:
            raise DatabaseTrouble(
                f"database {database}: {str(error).strip() or type(error).__name__}"
            ) from error

    def version(self) -> int:
        """Return the server's version as a number, such as 150018."""
        with self.connected("postgres") as connection:
            return connection.info.server_version

    def program(self, name: str, major: int) -> str:
        """Return the path of a client program of a major version.

        Raises:
            DatabaseTrouble: there is none, or one of another major version: what it writes, the server may not read.

        """
        return _program(name, major, self.program_folder or Path(_PACKAGED.format(major=major)))

    def run(self, program: str, arguments: Sequence[str], *, seconds: float, what: str) -> str:
        """Run a client program to its end and return what it printed.

        Raises:
            DatabaseTrouble: it ended with anything but 0, or was not done in time.

        """
        command = [self.program(program, self.version() // 10000), *arguments]
        try:
            ended = subprocess.run(  # noqa: S603
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise DatabaseTrouble(f"{what}: {program} was not done after {seconds:.0f} s") from error
        if ended.returncode != 0:
            said = " / ".join((ended.stderr or ended.stdout).strip().splitlines()[-_SAID_LINES:])
            raise DatabaseTrouble(
                f"{what}: {program} ended with {ended.returncode}: {said or 'it said nothing'}"
            )
        return ended.stdout


def rows(
    connection: Connection, query: LiteralString | sql.Composed, values: Iterable[object] = ()
) -> list[Any]:
    """Run a query and return its rows."""
    return connection.execute(cast("Any", query), list(values) or None).fetchall()


def one(connection: Connection, query: LiteralString | sql.Composed, values: Iterable[object] = ()) -> Any:  # noqa: ANN401
    """Run a query that has one row of one column and return that."""
    row = connection.execute(cast("Any", query), list(values) or None).fetchone()
    return None if row is None else row[0]


def exists(connection: Connection, table: str) -> bool:
    """Say whether a table is there, in the schema that Odoo uses."""
    return one(connection, "SELECT to_regclass(%s) IS NOT NULL", [f"public.{table}"])


@cache
def _program(name: str, major: int, folder: Path) -> str:
    there = folder / name
    found = str(there) if os.access(there, os.X_OK) else shutil.which(name)
    if found is None:
        raise DatabaseTrouble(
            f"{name} of PostgreSQL {major} is not installed: apt-get install postgresql-client-{major}"
        )
    said = subprocess.run(  # noqa: S603
        [found, "--version"], capture_output=True, text=True, check=False, timeout=20
    ).stdout
    version = next((word.partition(".")[0] for word in said.split() if word[:1].isdigit()), "")
    if version != str(major):
        raise DatabaseTrouble(
            f"{found} is of PostgreSQL {version or 'an unknown version'} and the server of {major}: install "
            f"postgresql-client-{major}"
        )
    return found
