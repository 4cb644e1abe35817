"""Visitors of a shop, through Traefik and over TLS: each places one order after the other, and notes how it went."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.node.workloads.edge import PORTS

if TYPE_CHECKING:
    from tests.node.workloads.edge import Edge

_SECONDS = 15.0
_PAUSE = 0.15


@dataclass
class Visitors:
    """Orders of one shop. `answers` are (when, status), 0 where nobody answered."""

    edge: Edge
    host: str
    many: int = 2
    answers: list[tuple[float, int]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._visit, args=(n,), daemon=True) for n in range(self.many)
        ]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join(_SECONDS * 2)

    def taken(self, since: float = 0) -> int:
        """Return how many orders were confirmed."""
        return sum(when >= since and status in {200, 201} for when, status in list(self.answers))

    def failed(self, since: float = 0) -> list[float]:
        """Return when orders were not confirmed."""
        return [when for when, status in list(self.answers) if when >= since and status not in {200, 201}]

    def _visit(self, number: int) -> None:
        trust = ssl.create_default_context(cadata=self.edge.authority.pem)
        for each in itertools.count():
            if self._stop.is_set():
                return
            status = self._order(trust, f"{self.host}-{number}-{each}")
            self.answers.append((time.monotonic(), status))
            self._stop.wait(_PAUSE)

    def _order(self, trust: ssl.SSLContext, reference: str) -> int:
        body = json.dumps({"reference": reference, "quantity": 1})
        try:
            with (
                socket.create_connection((self.edge.address, PORTS["websecure"]), _SECONDS) as plain,
                trust.wrap_socket(plain, server_hostname=self.host) as secure,
            ):
                head = f"POST /orders HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n"
                secure.sendall(f"{head}Connection: close\r\n\r\n{body}".encode())
                answer = http.client.HTTPResponse(secure)
                answer.begin()
                answer.read()
                return answer.status
        except (OSError, http.client.HTTPException):
            return 0
