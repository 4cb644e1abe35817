"""The ports of the embedded control plane: free ones, chosen once and remembered, on loopback only."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from local.state import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = (
    "etcd",
    "etcd-peer",
    "apiserver",
    "controller-manager",
    "scheduler",
    "redis",
    "repo-server",
    "repo-server-metrics",
    "application-controller",
    "applicationset-controller",
)
_PORTS = 1 << 16


def ensure(file: Path, ours: Callable[[str], bool]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return a port for each name, and the names whose port had to change.

    ``ours`` tells whether the process behind a name runs: then its port is taken, by us. A remembered port
    that another program holds is replaced, because waiting for it could last for ever.
    """
    known = _read(file)
    ports: dict[str, int] = {}
    for name in NAMES:
        port = known.get(name)
        if port is None or not (ours(name) or _free(port)):
            port = _choose(set(ports.values()) | set(known.values()))
        ports[name] = port
    if ports != known:
        write(file, json.dumps(ports, indent=2))
    return ports, tuple(name for name in NAMES if name in known and known[name] != ports[name])


def answers(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _read(file: Path) -> dict[str, int]:
    try:
        data = json.loads(file.read_text())
        known = {name: int(data[name]) for name in NAMES if name in data}
    except (OSError, ValueError, TypeError):
        return {}
    whole = len(set(known.values())) == len(known) and all(0 < port < _PORTS for port in known.values())
    return known if whole else {}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of this machine that nothing listens on at the moment."""
    return _choose(set())


def _choose(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
