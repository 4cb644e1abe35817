"""A visitor: one connection for each request, to a loopback address, by whatever name and TLS version is asked for."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def backend(self) -> str | None:
        """Which backend answered; None: none did."""
        try:
            return json.loads(self.body)["backend"]
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Visitor:
    """Somebody who trusts `authority` (a PEM certificate) and knows the ports of the edge."""

    ports: Mapping[str, int]
    authority: str

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority)

    def connect(self, name: str, trust: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """Return a connection whose certificate was checked for `name`.

        Raises ssl.SSLError where the two sides agree on nothing.
        """
        plain = socket.create_connection(("127.0.0.1", self.ports["websecure"]), SECONDS)
        try:
            return (trust or self.trust()).wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def ask(
        self,
        host: str,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        name: str | None = None,
    ) -> Answer:
        """Ask over TLS; `name` is the one in the handshake where it is not the host."""
        with self.connect(name or host) as secure:
            return _ask(secure, host, path, method, headers or {}, body)

    def ask_plain(self, entry_point: str, host: str, path: str = "/") -> Answer:
        with socket.create_connection(("127.0.0.1", self.ports[entry_point]), SECONDS) as plain:
            return _ask(plain, host, path, "GET", {}, None)


def _ask(
    over: socket.socket, host: str, path: str, method: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    connection = http.client.HTTPConnection(host)
    connection.sock = cast("Any", over)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for key, value in {"Host": host, "Connection": "close", **headers}.items():
        connection.putheader(key, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    try:
        if body is not None:
            connection.send(body)
    except OSError:
        pass  # a server that refuses a body may answer before it has read all of it
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
