"""A proxy between a job and its store that breaks what passes, at a point that a test chooses."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

BLOCK = 16 * 1024
BROKEN = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


@dataclass
class Fault:
    """What is broken: after how many bytes through the proxy, or at which upload; `times` in a row."""

    cut_after: int | None = None
    flip_at: int | None = None
    refuse_put: int | None = None
    times: int = 1
    done: int = 0


@dataclass
class Proxy:
    """Listens on a port of its own and hands everything on."""

    target: int
    fault: Fault = field(default_factory=Fault)
    passed: int = 0
    puts: int = 0

    def __enter__(self):
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                for source, sink, sends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=(source, sink, sends), daemon=True).start()

    def _pump(self, source, sink, sends):
        with suppress(OSError):
            while data := source.recv(BLOCK):
                data, alive = self._break(data, sends)
                if data == BROKEN:
                    source.sendall(BROKEN)
                elif data:
                    sink.sendall(data)
                if not alive:
                    break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _break(self, data, sends):
        with self._lock:
            fault, before = self.fault, self.passed
            self.passed += len(data)
            if sends and data.startswith(b"PUT "):
                self.puts += 1
                if (
                    fault.refuse_put is not None
                    and self.puts >= fault.refuse_put
                    and fault.done < fault.times
                ):
                    fault.done += 1
                    return BROKEN, False
            if fault.done >= fault.times:
                return data, True
            if fault.cut_after is not None and self.passed > fault.cut_after:
                fault.done += 1
                return data[: max(0, fault.cut_after - before)], False
            if fault.flip_at is not None and before <= fault.flip_at < self.passed:
                fault.done += 1
                at = fault.flip_at - before
                return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :], True
            return data, True
