"""A dump becomes a database again, beside all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from recovery.database.server import Server

RESTORE_SECONDS: Final = 6 * 3600.0


def load(server: Server, database: str, dump: Path, *, owner: str, jobs: int, rights: bool) -> None:
    """Load a dump into an empty database; the first error ends it.

    Args:
        server: where.
        database: into which.
        dump: a folder in PostgreSQL's directory format.
        owner: the role to which everything in it will belong.
        jobs: tables and indexes at once.
        rights: also what other roles may do; they must exist.

    Raises:
        DatabaseTrouble: pg_restore ended with anything but 0.

    """
    arguments = [
        f"--dbname={server.words(database)}",
        f"--jobs={jobs}",
        "--exit-on-error",
        "--no-password",
        "--no-owner",
        f"--role={owner}",
        *([] if rights else ["--no-acl"]),
        str(dump),
    ]
    server.run("pg_restore", arguments, seconds=RESTORE_SECONDS, what=f"load of {database}")
    analyze = [
        f"--dbname={server.words(database)}",
        "--analyze-only",
        f"--jobs={jobs}",
        "--no-password",
        "--quiet",
    ]
    server.run("vacuumdb", analyze, seconds=RESTORE_SECONDS, what=f"statistics of {database}")
