"""A visitor: one connection for each request, to a loopback address, by whatever name and TLS version is asked for."""

import base64
import contextlib
import http.client
import json
import os
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
            return _ask(secure, (method, path), {"Host": host, **(headers or {})}, body)

    def talk(self, host: str, path: str, said: str) -> str:
        """Open a websocket, say one short thing and return the first thing that comes back."""
        key = base64.b64encode(os.urandom(16)).decode()
        head = {
            "Host": host,
            "Origin": f"https://{host}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        with self.connect(host) as secure, secure.makefile("rb") as answer:
            secure.sendall("\r\n".join(lines).encode())
            status = answer.readline().split()[1]
            while answer.readline().strip():
                pass
            if status != b"101":
                return f"refused with {status.decode()}"
            mask = os.urandom(4)
            data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(said.encode()))
            secure.sendall(bytes([0x81, 0x80 | len(data)]) + mask + data)
            _, size = answer.read(2)
            return answer.read(size).decode()

    def ask_plain(self, entry_point: str, host: str, path: str = "/") -> Answer:
        with socket.create_connection(("127.0.0.1", self.ports[entry_point]), SECONDS) as plain:
            return _ask(plain, ("GET", path), {"Host": host}, None)


def _ask(
    over: socket.socket, line: tuple[str, str], headers: Mapping[str, str], body: bytes | None
) -> Answer:
    connection = http.client.HTTPConnection(headers["Host"])
    connection.sock = cast("Any", over)
    connection.putrequest(*line, skip_host=True, skip_accept_encoding=True)
    for key, value in {"Connection": "close", **headers}.items():
        connection.putheader(key, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    # A server that refuses a body may answer, and close, before it has read all of it.
    with contextlib.suppress(OSError):
        connection.send(body or b"")
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
