"""A PostgreSQL server of the machine's own, on a socket of its own: rules and statements are tried where they count."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.recovery.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60
PORT = str(free_port())
"""One that was free: other checkouts of the project are tested on the same machine."""


@dataclass(frozen=True)
class Server:
    """A running server: `socket` is its folder; it takes `peer` on the socket and the rules under test on TCP."""

    programs: Path
    data: Path
    user: tuple[str, ...]

    def run(self, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.user, *arguments],
            env={"PATH": f"{self.programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", **variables},
            cwd="/",
            capture_output=True,
            text=True,
            check=check,
            timeout=_SECONDS,
        )

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run statements as the superuser, through the socket."""
        each = [f"--command={one}" for one in statements]
        return self.run(
            "psql", "-XAtq", "--set=ON_ERROR_STOP=1", "-h", str(self.data), "-p", PORT, "-d", database, *each
        ).stdout.strip()

    def connect(self, role: str, database: str, statement: str = "SELECT 1") -> tuple[bool, str]:
        """Connect by TCP with TLS and the role's password, and say whether it went well and what was said."""
        place = f"host=127.0.0.1 port={PORT} dbname={database} user={role} sslmode=require connect_timeout=10"
        done = self.run(
            "psql", "-XAtq", place, f"--command={statement}", check=False, PGPASSWORD=f"of-{role}"
        )
        return done.returncode == 0, (done.stdout + done.stderr).strip()


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
    return installed[-1] if installed else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a server with TLS and, by TCP, nothing but the rules of the plan."""
    from components.database.access import HBA  # noqa: PLC0415 - the rules under test

    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: nothing is seen of a live server")
    root = tmp_path_factory.mktemp("postgres")
    data = root / "data"
    user: tuple[str, ...] = ()
    if os.getuid() == 0:  # a server refuses to run as root
        for folder in (root, *root.parents[:2]):
            folder.chmod(0o755)
        shutil.chown(root, "postgres", "postgres")
        user = ("runuser", "-u", "postgres", "--")
    made = Server(programs, data, user)
    made.run(
        "initdb", "-D", str(data), "--auth=peer", "--data-checksums", "--username=postgres", "-E", "UTF8"
    )
    made.run(
        *("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=localhost"),
        *("-keyout", str(data / "server.key"), "-out", str(data / "server.crt")),
    )
    rules = "local all all peer\n" if user else "local all all trust\n"
    (data / "pg_hba.conf").write_text(rules + "\n".join(HBA) + "\nhost all all all scram-sha-256\n")
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(
            f"port = {PORT}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{data}'\n"
            "ssl = on\nssl_ca_file = 'server.crt'\nfsync = off\n"
        )
    made.run("pg_ctl", "-D", str(data), "-w", "-l", str(data / "log"), "start")
    try:
        yield made
    finally:
        made.run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "stop", check=False)
