"""Background processes, recognised by what they run rather than by a file that a kill could leave stale."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MARK = "STOREFLEET_PROCESS"
"""The variable by which a process is found again: the folder of its state, a colon, and its name."""
_STOP_SECONDS = 10.0
_SHOW_SECONDS = 10.0
_SHOW_TICK = 0.01
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
"""What a service gets of the user's environment: etcd would obey ETCD_*, and no secret belongs in there."""
_LOG_TAIL_LINES = 12

_started: list[subprocess.Popen[bytes]] = []
"""Children of this process: they outlive it, and until then somebody has to take note of their end."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process to keep running: its name, its command, its log, and what it gets of its own in its environment.

    Two services with the same name below the same state folder are the same service; another command
    (a new port, another version) means that the one running must be replaced.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    state: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

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
            mark = process.environ().get(MARK, "")
            alive = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        folder, _, name = mark.rpartition(":")
        if alive and folder == str(state):
            found[name] = process
    return found


def start(service: Service) -> bool:
    """Start a service unless it runs with this very command; tell whether it was started."""
    process = find(service)
    if process is not None:
        if _command(process) == service.command:
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
            env={
                **{k: os.environ[k] for k in _ENVIRONMENT if k in os.environ},
                **service.environment,
                MARK: service.mark,
            },
        )
    _started.append(child)
    _shown(service, child)
    return True


def _shown(service: Service, child: subprocess.Popen[bytes]) -> None:
    """Wait until a new process can be found again, or has ended.

    The kernel lets the starter go on before it has laid out the new program's environment. Until then that is
    empty for whoever reads it, and on a busy machine a service that has just started would count as ended.
    """
    deadline = time.monotonic() + _SHOW_SECONDS
    while child.poll() is None and find(service) is None and time.monotonic() < deadline:
        time.sleep(_SHOW_TICK)


def end(processes: Sequence[psutil.Process]) -> None:
    """Ask processes to end, and kill after ten seconds those that have not.

    Raises EnvironmentTrouble for a process that this user may not end.
    """
    for process in processes:
        _tell(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
    for process in alive:
        _tell(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=_STOP_SECONDS)


def tail(service: Service) -> str:
    """Return the last lines of a service's log."""
    try:
        lines = service.log.read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"    {line}" for line in lines[-_LOG_TAIL_LINES:])


def _command(process: psutil.Process) -> tuple[str, ...]:
    try:
        return tuple(process.cmdline())
    except psutil.Error:  # it has just ended
        return ()


def _tell(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise EnvironmentTrouble(
            f"process {process.pid} belongs to another user and cannot be ended: run this command as the user "
            f"who started it, or `sudo kill {process.pid}` and run it again."
        ) from error
