"""Whether what was restored is what was backed up: PostgreSQL's own check, the counts, and the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recovery.database.server import one, rows
from recovery.database.snapshot import count
from recovery.filestore import content, path_of
from recovery.trouble import NotWhole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recovery.database.server import Server
    from recovery.manifest import File, Manifest

CHECK_SECONDS: Final = 6 * 3600.0
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at, and found to be right."""

    tables: int
    rows: int
    files: int
    checksums: bool
    """Whether the server itself checks its pages."""


def verify(
    server: Server, database: str, manifest: Manifest, folder: Path, files: Sequence[File], *, jobs: int
) -> Verified:
    """Compare a restored database and its filestore with the manifest.

    Args:
        server: where it was restored.
        database: the restored database.
        manifest: of its backup.
        folder: the restored filestore.
        files: those of the manifest that were restored: all, or a sample.
        jobs: relations checked at once.

    Raises:
        DatabaseTrouble: pg_amcheck found damage.
        NotWhole: something is missing, or differs; the text names it.

    """
    amcheck(server, database, jobs=jobs)
    with server.connected(database) as connection:
        counted = count(connection)
        query = (
            "SELECT store_fname, min(checksum) FROM ir_attachment WHERE store_fname IS NOT NULL GROUP BY 1"
        )
        needed: dict[str, str | None] = dict(rows(connection, query))
        checksums = one(connection, "SHOW data_checksums") == "on"
    wrong = [
        f"{was.name}: {now.rows if now else 'no table'} of {was.rows} rows"
        for was in manifest.facts.tables
        if (now := next((each for each in counted if each.name == was.name), None)) != was
    ]
    held = {file.name for file in manifest.files} | set(manifest.accepted_missing)
    wrong += [f"{name}: the database needs it and the backup has it not" for name in needed.keys() - held]
    for file in files:
        found = content(path_of(folder, file.name))
        sha1 = needed.get(file.name)
        if found is None or (found.sha256, found.size) != (file.sha256, file.size):
            wrong.append(f"{file.name}: not the content that was backed up")
        elif sha1 is not None and found.sha1 != sha1:
            wrong.append(f"{file.name}: not the content that the database describes")
    if wrong:
        raise NotWhole(
            f"{database} is not what was backed up as {manifest.id}: {len(wrong)} differences, such as "
            + "; ".join(wrong[:_NAMED])
        )
    return Verified(
        tables=len(counted),
        rows=sum(table.rows for table in counted),
        files=len(files),
        checksums=checksums,
    )


def amcheck(server: Server, database: str, *, jobs: int) -> None:
    """Check every table and index of a database, and leave no extension behind; raises DatabaseTrouble on damage."""
    with server.connected(database) as connection:
        had = one(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'")
    arguments = [
        "--no-password",
        "--install-missing",
        "--heapallindexed",
        f"--jobs={jobs}",
        *server.options(),
        database,
    ]
    server.run("pg_amcheck", arguments, seconds=CHECK_SECONDS, what=f"check of {database}")
    if not had:
        with server.connected(database) as connection:
            connection.execute("DROP EXTENSION amcheck")
