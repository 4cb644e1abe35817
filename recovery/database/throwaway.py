"""A PostgreSQL server for one drill: it listens on a socket below a folder only, and is gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recovery.database.server import Server
from recovery.filestore import room
from recovery.trouble import DatabaseTrouble

if TYPE_CHECKING:
    from collections.abc import Generator

_SECONDS: Final = 120
_PACKAGED: Final = Path("/usr/lib/postgresql")
_SYSTEM_USER: Final = "postgres"
_SETTINGS: Final = (
    "listen_addresses = ''",
    "fsync = off",  # what a drill restores is thrown away
    "full_page_writes = off",
    "max_connections = 40",
    "maintenance_work_mem = 128MB",
)


@contextmanager
def throwaway(major: int, scratch: Path) -> Generator[Server]:
    """Start an empty server of a major version for as long as the block runs.

    Raises:
        DatabaseTrouble: its programs are not installed, or it does not start.

    """
    programs = _PACKAGED / str(major) / "bin"
    if not (programs / "initdb").exists():
        raise DatabaseTrouble(f"PostgreSQL {major} is not installed: apt-get install postgresql-{major}")
    user = _SYSTEM_USER if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    with room(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
        # The path of a socket is at most 107 bytes, and that of the scratch volume may be long.
        socket = Path(tempfile.mkdtemp(prefix="drill-"))
        # By root it is run as another user, who may not be let into the scratch volume.
        data = Path(tempfile.mkdtemp(prefix="server-", dir=None if user else scratch))
    try:
        if user:
            entry = pwd.getpwnam(user)
            for folder in (socket, data):
                os.chown(folder, entry.pw_uid, entry.pw_gid)
        initdb = [
            str(programs / "initdb"),
            f"--pgdata={data}",
            "--data-checksums",
            f"--username={_SYSTEM_USER}",
            "--auth=trust",  # only this user can reach the socket's folder
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        _run(initdb, user, data)
        lines = (*_SETTINGS, f"unix_socket_directories = '{socket}'")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        control = [str(programs / "pg_ctl"), f"--pgdata={data}", "--wait", f"--timeout={_SECONDS}"]
        _run([*control, f"--log={data / 'log'}", "start"], user, data)
        try:
            yield Server(conninfo=f"host={socket} user={_SYSTEM_USER}", program_folder=programs)
        finally:
            _run([*control, "--mode=immediate", "stop"], user, data)
    finally:
        shutil.rmtree(socket, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


def _run(command: list[str], user: str | None, folder: Path) -> None:
    try:
        ended = subprocess.run(  # noqa: S603
            command,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=_SECONDS + 10,
        )
    except subprocess.TimeoutExpired as error:
        raise DatabaseTrouble(f"{Path(command[0]).name} was not done after {_SECONDS} s") from error
    if ended.returncode != 0:
        said = " / ".join((ended.stderr or "").strip().splitlines()[-3:])
        raise DatabaseTrouble(
            f"the server of the drill: {Path(command[0]).name} ended with {ended.returncode}: {said}"
        )
