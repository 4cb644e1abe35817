"""What an engine that was killed leaves behind, and how the next run goes on from there.

Three things can be left: a lock whose owner is gone, operations that were begun and never confirmed, and
provider processes without an engine. Objects have fixed names and are applied on the server's side, so
running an unconfirmed creation again takes over what it made: nothing is doubled.
"""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from local.controlplane import processes
from local.toolchain import catalog
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from pathlib import Path

    from local.state import State

_INIT = 1


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a run before this one left: the text says it to the user, line by line."""

    lines: tuple[str, ...]
    pending: int


def inspect(state: State, project: str, stack: str) -> Left:
    """Put in order what can be done without the engine, and say what was found.

    Removes locks of dead owners, ends orphaned providers, and puts the last whole state in the place of one
    that cannot be read. Raises EnvironmentTrouble while another engine holds the stack.
    """
    lines: list[str] = []
    backend = state.engine / "state" / ".pulumi"
    lines += _locks(backend / "locks" / "organization" / project / stack)
    lines += _orphans(state)
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
        owner = _load(lock)
        pid = int((owner or {}).get("pid", 0))
        elsewhere = owner is not None and owner.get("hostname") != socket.gethostname()
        if elsewhere or (pid and _is_engine(pid)):
            raise EnvironmentTrouble(
                f"another Pulumi run (process {pid} on {(owner or {}).get('hostname')}) holds this stack. Wait for "
                f"its end, or end it with `kill {pid}`; if it is gone, remove {lock}."
            )
        lock.unlink(missing_ok=True)
        removed.append(f"the engine of an earlier run (process {pid}) was killed: its lock was removed")
    return removed


def _is_engine(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "pulumi" in process.name()
    except psutil.Error:
        return False


def _orphans(state: State) -> list[str]:
    """End providers that this checkout's engine started and that outlived it."""
    folder = str(state.engine)
    names = {provider.name for provider in catalog.PROVIDERS}
    orphans: list[psutil.Process] = []
    for process in psutil.process_iter(["name", "ppid"]):
        try:
            ours = process.name() in {name[:15] for name in names} | names and folder in process.exe()
            if ours and process.ppid() == _INIT:
                orphans.append(process)
        except psutil.Error:
            continue
    processes.end(orphans)
    return [f"{len(orphans)} providers of a killed engine were ended"] if orphans else []


def _readable(file: Path) -> list[str]:
    if not file.exists() or _load(file) is not None:
        return []
    backups = [file.with_suffix(".json.bak"), *_history(file)]
    for backup in backups:
        if _load(backup) is not None:
            shutil.copy2(file, file.with_suffix(".json.broken"))
            shutil.copy2(backup, file)
            return [f"the state file could not be read; the last whole one was put back from {backup.name}"]
    raise EnvironmentTrouble(
        f"{file} cannot be read, and there is no whole copy beside it. The objects in the cluster are untouched; "
        "`storefleet down --destroy local` removes the embedded environment, and `storefleet up` makes it anew."
    )


def _history(file: Path) -> list[Path]:
    folder = file.parents[2] / "backups" / file.parent.name / file.stem
    return sorted(folder.glob("*.checkpoint.json"), reverse=True) if folder.exists() else []


def _load(file: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None  # pyright: ignore[reportUnknownVariableType]
