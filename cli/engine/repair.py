"""What an engine that was killed leaves behind, and how the next run goes on from there.

Three things can be left: a lock whose owner is gone, operations that were begun and never confirmed, and
an engine or its plugins without the command that started them. Objects have fixed names and are applied
on the server's side, so running an unconfirmed creation again takes over what it made: nothing is doubled.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cli.engine.run import GRACE_SECONDS, MARK
from local.controlplane import processes
from local.state import write
from local.toolchain import catalog
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from local.state import State


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a run before this one left: the text says it to the user, line by line."""

    lines: tuple[str, ...]
    pending: int


def inspect(state: State, project: str, stack: str) -> Left:
    """Put in order what can be done without the engine, and say what was found.

    Ends orphaned engines, removes locks of dead owners, and puts the last whole state in the place of one
    that cannot be read. Raises EnvironmentTrouble while another engine holds the stack. The caller holds
    the environment's lock.
    """
    backend = state.engine / "state" / ".pulumi"
    lines = end_orphans(state)
    lines += _locks(backend / "locks" / "organization" / project / stack)
    _without_halves(backend)
    file = backend / "stacks" / project / f"{stack}.json"
    lines += _readable(file)
    return Left(lines=tuple(lines), pending=pending_operations(file))


def pending_operations(file: Path) -> int:
    """Return how many operations a stack's state file holds as begun and not confirmed."""
    checkpoint = _load(file)
    latest: dict[str, Any] = (checkpoint or {}).get("checkpoint", {}).get("latest") or {}
    return len(latest.get("pending_operations") or [])


def _locks(folder: Path) -> list[str]:
    removed: list[str] = []
    for lock in sorted(folder.glob("*.json")) if folder.exists() else []:
        owner = _load(lock) or {}
        pid = owner["pid"] if isinstance(owner.get("pid"), int) else 0
        elsewhere = "hostname" in owner and owner["hostname"] != socket.gethostname()
        if elsewhere or (pid and _is_engine(pid)):
            raise EnvironmentTrouble(
                f"another Pulumi run (process {pid} on {owner.get('hostname')}) holds this stack. Wait for its "
                f"end, or end it with `kill {pid}`; if it is gone, remove {lock}."
            )
        lock.unlink(missing_ok=True)
        removed.append(f"the engine of an earlier run (process {pid}) was killed: its lock was removed")
    return removed


def _is_engine(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.name() == catalog.PULUMI.name
    except psutil.Error:
        return False


def end_orphans(state: State) -> list[str]:
    """End engines, and what they started, whose command was killed; say what was ended.

    Whoever holds the environment's lock may take every such process for an orphan: engines run only
    under that lock. An engine gets a minute to finish what it has begun and to write its state.
    """
    orphans = _of_engine(state.root)
    engines = [process for process in orphans if _is_engine(process.pid)]
    for engine in engines:
        with suppress(psutil.NoSuchProcess):
            engine.send_signal(signal.SIGINT)
    psutil.wait_procs(engines, timeout=GRACE_SECONDS)
    processes.end(_of_engine(state.root))
    if engines:
        return ["an engine went on after its command had been killed: it was ended, and its state is kept"]
    return [f"a killed engine had left processes behind, {len(orphans)} in number: ended"] if orphans else []


def _of_engine(root: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            marked = process.environ().get(MARK) == str(root)
            if marked and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
    return found


def _without_halves(backend: Path) -> None:
    """Remove what a killed engine had half written beside its files.

    A file's attributes may be missing, but when they are cut off the engine cannot load the file itself.
    """
    for attributes in backend.rglob("*.attrs"):
        if _load(attributes) is None:
            attributes.unlink(missing_ok=True)
    for temporary in backend.rglob("*.tmp"):
        temporary.unlink(missing_ok=True)


def _readable(file: Path) -> list[str]:
    if not file.exists() or _load(file) is not None:
        return []
    backups = [file.with_suffix(".json.bak"), *_history(file)]
    for backup in backups:
        if _load(backup) is not None:
            write(file.with_suffix(".json.broken"), file.read_bytes())
            write(file, backup.read_bytes())
            return [f"the state file could not be read; the last whole one was put back from {backup.name}"]
    raise EnvironmentTrouble(
        f"{file} cannot be read, and there is no whole copy of it. The objects in the cluster are untouched; "
        "`storefleet down --destroy local` removes the embedded environment, and `storefleet up` makes it anew."
    )


def _history(file: Path) -> list[Path]:
    """Return the copies that the engine keeps of each run's end, the latest first."""
    backend, stack = file.parents[2], Path(file.parent.name, file.stem)
    copies = [
        *(backend / "history" / stack).glob("*.checkpoint.json"),
        *(backend / "backups" / stack).glob("*.json"),
    ]
    return sorted(copies, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _load(file: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None  # pyright: ignore[reportUnknownVariableType]
