"""What stands where Odoo would: a server for each Service that says which one it is, and what reached it."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

WAIT_SECONDS = 300
"""Longest that a request is held; a test that ends lets go of all of them."""
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of RFC 6455: by it a server shows that it knows what a websocket is."""


@dataclass(frozen=True)
class Reached:
    """One request as it came to a backend; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: int


@dataclass
class Backend:
    """A server on one address. `/slow` is held until `let_go`; a websocket sends back the first frame it gets.

    `pages` are paths that a test has answered in words of its own, with a status.
    """

    name: str
    address: str
    pages: dict[str, tuple[int, str]] = field(default_factory=dict)
    reached: list[Reached] = field(default_factory=list)
    slow: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let_go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer((self.address, 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(headers.get("content-length", 0))
            body = self.rfile.read(length)
            backend.reached.append(Reached(self.command, self.path, headers, len(body)))
            if headers.get("upgrade", "").lower() == "websocket":
                self._talk(headers["sec-websocket-key"])
                return
            if self.path == "/slow":
                backend.slow.release()
                backend.let_go.wait(WAIT_SECONDS)
            usual = 503 if backend.name.endswith("/closed") else 200, json.dumps({"backend": backend.name})
            status, text = backend.pages.get(self.path, usual)
            answer = text.encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "https://elsewhere.example/web/login")
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Powered-By", "what nobody has to know")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _serve  # noqa: N815 (the library looks for these names)

        def _talk(self, key: str) -> None:
            digest = hashlib.sha1(f"{key}{_MAGIC}".encode(), usedforsecurity=False).digest()
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
            self.end_headers()
            head = self.rfile.read(2)
            size = head[1] & 0x7F
            mask, data = self.rfile.read(4), self.rfile.read(size)
            text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
            said = f"{backend.name} heard {text.decode()}".encode()
            self.wfile.write(bytes([0x81, len(said)]) + said)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing: the tests read what reached the backend."""

    return Handler
