"""The websocket process: it listens on the bus, directly and never through the pooler, and passes on what it hears."""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from .database import BUS, Database
from .pages import Pages
from .shop import CHANNEL

if TYPE_CHECKING:
    import socket

    from .shop import Shop

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of RFC 6455: with it a server proves that it knows what a websocket is."""
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_SHORT, _MIDDLE = 126, 2**16
_QUIET_SECONDS = 50.0
"""After so long without a word a visitor is asked whether he is still there."""
_LISTEN_SECONDS = 1.0
"""How soon it is noticed that the process is to end."""
_MOST = 64 * 2**10


class Bus:
    """Everything that was told on the bus about one shop, for whoever listens at the moment."""

    def __init__(self, shop: Shop) -> None:
        self._database = Database(shop.settings, BUS)
        self._name = shop.settings.database
        self._lock = threading.Lock()
        self._ears: set[queue.Queue[str]] = set()
        self.listening = threading.Event()
        """Set while the server would tell this process."""

    def listen(self) -> queue.Queue[str]:
        """Return what fills with messages from now on."""
        ear: queue.Queue[str] = queue.Queue(1000)
        with self._lock:
            self._ears.add(ear)
        return ear

    def leave(self, ear: queue.Queue[str]) -> None:
        """Stop filling it."""
        with self._lock:
            self._ears.discard(ear)

    def follow(self, stop: threading.Event) -> None:
        """Listen until told to stop; a server that goes away is looked for again every second."""
        while not stop.is_set():
            with suppress(psycopg.Error), self._database.connect(autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}")  # pyright: ignore[reportArgumentType,reportCallIssue] - a word of our own
                self.listening.set()
                while not stop.is_set():
                    for note in connection.notifies(timeout=_LISTEN_SECONDS):
                        self._pass_on(note.payload)
            self.listening.clear()
            stop.wait(1)

    def _pass_on(self, payload: str) -> None:
        try:
            told: Any = json.loads(payload)
        except ValueError:
            return
        # All tenants of a server hear each other on this channel; a shop tells its visitors of itself alone.
        if not isinstance(told, dict) or told.get("database") != self._name:  # pyright: ignore[reportUnknownMemberType]
            return
        with self._lock:
            for ear in self._ears:
                with suppress(queue.Full):
                    ear.put_nowait(payload)


class Pushing(Pages):
    """The answers on the port of the websocket; `bus` is given by `pushing`."""

    bus: Bus

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        if self.path.split("?")[0] != "/websocket":
            super().do_GET()
            return
        key = self.headers.get("Sec-WebSocket-Key", "")
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            self.send_error(400, "no websocket was asked for")
            return
        proof = hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(proof).decode())
        self.end_headers()
        self.close_connection = True
        ear = self.bus.listen()
        try:
            self._push(ear)
        except OSError:
            pass
        finally:
            self.bus.leave(ear)

    def _push(self, ear: queue.Queue[str]) -> None:
        gone = threading.Event()
        threading.Thread(target=self._hear, args=(gone,), daemon=True).start()
        said = time.monotonic()
        while not gone.is_set():
            try:
                self._say(_TEXT, ear.get(timeout=0.5).encode())
                said = time.monotonic()
            except queue.Empty:
                if time.monotonic() - said > _QUIET_SECONDS:
                    self._say(_PING, b"")
                    said = time.monotonic()

    def _hear(self, gone: threading.Event) -> None:
        """Read until the visitor leaves: a ping is answered, and words of his are not needed."""
        connection: socket.socket = self.connection
        connection.settimeout(None)
        with suppress(OSError, struct.error):
            while True:
                first, second = struct.unpack("!BB", self.rfile.read(2))
                length = second & 0x7F
                if length == _SHORT:
                    (length,) = struct.unpack("!H", self.rfile.read(2))
                if length > _MOST or not second & 0x80:
                    break
                mask = self.rfile.read(4)
                data = bytes(byte ^ mask[n % 4] for n, byte in enumerate(self.rfile.read(length)))
                if first & 0xF == _CLOSE:
                    self._say(_CLOSE, data)
                    break
                if first & 0xF == _PING:
                    self._say(_PONG, data)
        gone.set()

    def _say(self, kind: int, data: bytes) -> None:
        size = len(data)
        if size < _SHORT:
            head = struct.pack("!BB", 0x80 | kind, size)
        elif size < _MIDDLE:
            head = struct.pack("!BBH", 0x80 | kind, _SHORT, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 127, size)
        self.connection.sendall(head + data)


def pushing(shop: Shop, sessions: Any, bus: Bus) -> type[Pushing]:  # noqa: ANN401 - the store of another module
    """Return what answers on the port of the websocket."""
    return type("PushingHere", (Pushing,), {"shop": shop, "sessions": sessions, "bus": bus})
