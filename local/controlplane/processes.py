"""Background processes, recognised by what they run rather than by a file that a kill could leave stale."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MARK = "STOREFLEET_PROCESS"
_STOP_SECONDS = 10.0
_LOG_TAIL_LINES = 12

_started: list[subprocess.Popen[bytes]] = []
"""Children of this process: they outlive it, and until then somebody has to take note of their end."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process to keep running: its name, its command and its log.

    Two services with the same name below the same state folder are the same service; another command
    (a new port, another version) means that the one running must be replaced.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    state: Path

    @property
    def mark(self) -> str:
        """What the process carries in its environment, by which it is found again."""
        return f"{self.state}:{self.name}"


def find(service: Service) -> psutil.Process | None:
    """Return the running process of a service, or None."""
    return running(service.state).get(service.name)


def running(state: Path) -> dict[str, psutil.Process]:
    """Return every process that was started for a state folder, by service name."""
    for child in _started:
        child.poll()
    found: dict[str, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(_MARK, "")
            alive = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        folder, _, name = mark.rpartition(":")
        if alive and folder == str(state):
            found[name] = process
    return found


def start(service: Service, environment: Mapping[str, str] | None = None) -> bool:
    """Start a service unless it runs with this very command; tell whether it was started."""
    process = find(service)
    if process is not None:
        if tuple(process.cmdline()) == service.command:
            return False
        end([process])
    service.log.parent.mkdir(parents=True, exist_ok=True)
    with service.log.open("ab") as log:
        child = subprocess.Popen(  # noqa: S603
            service.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
            env={**os.environ, **(environment or {}), _MARK: service.mark},
        )
    _started.append(child)
    return True


def end(processes: list[psutil.Process]) -> None:
    """Ask processes to end, and kill after ten seconds those that have not."""
    for process in processes:
        _quietly(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
    for process in alive:
        _quietly(process.kill)
    psutil.wait_procs(alive, timeout=_STOP_SECONDS)


def tail(service: Service) -> str:
    """Return the last lines of a service's log."""
    try:
        lines = service.log.read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"    {line}" for line in lines[-_LOG_TAIL_LINES:])


def _quietly(action: object) -> None:
    try:
        if callable(action):
            action()
    except psutil.NoSuchProcess:
        pass
