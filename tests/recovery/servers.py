"""A PostgreSQL server and an S3 store of the test's own: real programs, on this machine, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from minio import Minio
from minio.objectlockconfig import DAYS, ObjectLockConfig

from local.progress import Progress
from local.toolchain import build
from local.toolchain.catalog import VERSITYGW
from recovery.database.server import Server

PACKAGED = Path("/usr/lib/postgresql")
ACCESS, SECRET = "AKtest", "secret-of-the-test"
START_SECONDS = 60


def installed() -> Path:
    """Return the folder of the newest PostgreSQL that is installed, installing Debian's where that is possible."""
    if not _folders() and os.geteuid() == 0 and shutil.which("apt-get"):
        said = subprocess.run(
            ["apt-get", "install", "-y", "-qq", "postgresql"],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        if said.returncode:
            pytest.skip(f"no PostgreSQL server, and apt-get could not install one: {said.stderr[-200:]}")
    found = _folders()
    if not found:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    return found[-1]


def _folders():
    return sorted(
        (path.parent for path in PACKAGED.glob("*/bin/postgres")), key=lambda each: int(each.parent.name)
    )


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@dataclass
class Postgres:
    """A running cluster, reached by a socket below its folder."""

    bin: Path
    folder: Path
    user: str | None

    @property
    def server(self) -> Server:
        return Server(conninfo=f"host={self.folder} user=postgres", program_folder=self.bin)

    def control(self, *arguments, check=True):
        command = [
            self.bin / "pg_ctl",
            "-D",
            self.folder / "data",
            "-w",
            "-t",
            str(START_SECONDS),
            *arguments,
        ]
        return subprocess.run(
            command, user=self.user, check=check, stdout=subprocess.DEVNULL, timeout=120, cwd=self.folder
        )

    def start(self):
        self.control("-l", str(self.folder / "log"), "start")

    def stop(self):
        self.control("-m", "immediate", "stop", check=False)


def make_postgres(folder: Path, *settings: str) -> Postgres:
    """Make a cluster with checksums, as a user that PostgreSQL agrees to run as, and start it."""
    programs = installed()
    user = "postgres" if os.geteuid() == 0 else None
    folder.mkdir(mode=0o755)
    if user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    made = Postgres(bin=programs, folder=folder, user=user)
    initdb = [
        programs / "initdb",
        "-D",
        folder / "data",
        "-k",
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    subprocess.run(initdb, user=user, check=True, stdout=subprocess.DEVNULL, timeout=120, cwd=folder)
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.write(
            f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nfsync = off\nmax_connections = 60\n"
            "shared_buffers = 64MB\nautovacuum_naptime = 5s\n"
        )
        file.writelines(f"{line}\n" for line in settings)
    made.start()
    return made


@dataclass
class Gateway:
    """A running versitygw: an S3 endpoint over a folder, with versions and Object Lock."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Minio:
        return Minio(f"127.0.0.1:{self.port}", ACCESS, SECRET, secure=False, region="us-east-1")

    def bucket(self, name: str, *, lock_days: int | None = None) -> Path:
        """Make a bucket and return the folder with its objects."""
        client = self.client()
        client.make_bucket(name, object_lock=lock_days is not None)
        if lock_days is not None:
            client.set_object_lock_config(name, ObjectLockConfig("COMPLIANCE", lock_days, DAYS))
        return self.folder / "data" / name

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def make_gateway(folder: Path) -> Gateway:
    """Start a store over a new folder."""
    found = build.locate(VERSITYGW)  # asked first: what is there needs no lock of the build
    program = (
        build.ensure(Progress(), [VERSITYGW])[VERSITYGW.name] if found.origin == "missing" else found.path
    )
    (folder / "data").mkdir(parents=True)
    (folder / "versions").mkdir()
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                "--port",
                f"127.0.0.1:{port}",
                "--quiet",
                "posix",
                "--versioning-dir",
                folder / "versions",
                folder / "data",
            ],
            env={**os.environ, "ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET},
            stdout=log,
            stderr=log,
        )
    until_it_answers(process, port, folder / "log", "the store")
    return Gateway(port=port, folder=folder, process=process)


def until_it_answers(
    process: subprocess.Popen[bytes], port: int, log: Path, name: str, seconds: float = START_SECONDS
) -> None:
    """Wait until somebody listens on a port of this machine; a process that ended says in its log why."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, f"{name} does not answer"
            time.sleep(0.05)
        else:
            return
