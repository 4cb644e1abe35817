"""Somebody between a backup and its database, or in the database's place, gets neither the dump nor the session."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from components.recovery.tenants import plan_tenant_backups
from spec.naming import database_host
from tests.components import samples
from tests.database.conftest import PORT
from tests.database.test_access import cell  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.database.conftest import Server

pytestmark = pytest.mark.integration

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
SIGNED_IN = b"R\x00\x00\x00\x08\x00\x00\x00\x00"
READY = b"Z\x00\x00\x00\x05I"
SECONDS = 30


@pytest.fixture
def impostors(tmp_path: Path) -> ssl.SSLContext:
    """Return TLS with a certificate of somebody else's, for a server's name."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subject = ["-days", "2", "-subj", f"/CN={database_host('shared')}"]
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", *subject]
    subprocess.run(
        [*made, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextmanager
def listening(tls: ssl.SSLContext, answer: Callable[[ssl.SSLSocket], None]) -> Iterator[int]:
    """Take one connection after another as PostgreSQL does, begin TLS, and hand it on; yields the port."""
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = door.accept()
            except OSError:
                return
            plain.settimeout(SECONDS)
            with suppress(OSError), plain:
                assert plain.recv(8) == SSL_REQUEST
                plain.sendall(b"S")
                with tls.wrap_socket(plain, server_side=True) as client:
                    answer(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield door.getsockname()[1]
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join(SECONDS)


def relay(client: ssl.SSLSocket) -> None:
    """Pass everything on to the real server, and read it all on the way."""
    with socket.create_connection(("127.0.0.1", int(PORT)), SECONDS) as plain:
        plain.sendall(SSL_REQUEST)
        assert plain.recv(1) == b"S"
        anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
        with anything.wrap_socket(plain) as server:
            back = threading.Thread(target=_pipe, args=(server, client), daemon=True)
            back.start()
            _pipe(client, server)
            back.join(SECONDS)


def _pipe(source: ssl.SSLSocket, target: ssl.SSLSocket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def let_in(client: ssl.SSLSocket) -> None:
    """Let everybody in without a word, to get what they would write."""
    client.recv(65536)
    client.sendall(SIGNED_IN + READY)
    client.recv(65536)


def words_of_a_backup(port: int) -> str:
    """Return where a backup job is told that its database is, led to a port of this machine."""
    environment = samples.environment(recovery=samples.RECOVERY)
    planned = plan_tenant_backups(samples.tenant("acme"), environment)
    (job,) = [one for one in planned if one.kind == "CronJob"]
    (container,) = job.manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (told,) = [one["value"] for one in container["env"] if one["name"] == "STOREFLEET_DATABASE"]
    assert f"host={database_host('shared')} " in told
    return f"{told.replace(database_host('shared'), '127.0.0.1')} port={port} dbname=acme connect_timeout=20"


def asked(server: Server, words: str) -> tuple[bool, str]:
    done = server.run("psql", "-XAtq", words, "--command=SELECT 1", check=False, PGPASSWORD="of-acme")
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def test_a_backup_reaches_its_own_server_without_anybodys_certificate(cell: Server):  # noqa: F811
    assert asked(cell, words_of_a_backup(int(PORT))) == (True, "1")


def test_somebody_in_between_who_passes_everything_on_is_found_out(cell: Server, impostors: ssl.SSLContext):  # noqa: F811
    with listening(impostors, relay) as port:
        careless = words_of_a_backup(port).replace("channel_binding=require", "channel_binding=disable")
        assert asked(cell, careless) == (True, "1"), (
            "the one in between passes nothing on: nothing would be shown"
        )
        went, said = asked(cell, words_of_a_backup(port))
    assert not went, "whoever stands between reads every customer of the tenant"
    assert "channel binding" in said


def test_a_server_that_lets_in_everybody_is_not_talked_to(cell: Server, impostors: ssl.SSLContext):  # noqa: F811
    with listening(impostors, let_in) as port:
        went, said = asked(cell, words_of_a_backup(port))
    assert not went
    assert "channel binding" in said, "it would be sent what the job writes"
