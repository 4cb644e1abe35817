"""The control groups of the real node's pods: one below each controller of this machine, whichever version it has."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def make(name: str) -> None:
    """Make a group that takes processes below every controller."""
    for controller in _controllers():
        group = controller / name.strip("/")
        group.mkdir(exist_ok=True)
        if controller.name == "cpuset":  # a group without processors takes no process
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((controller / file).read_text())


def remove(name: str) -> None:
    """Remove a group and those in it; what still holds a process stays."""
    for controller in _controllers():
        _remove(controller / name.strip("/"))


def _controllers() -> list[Path]:
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        return [root]
    return [each for each in sorted(root.iterdir()) if each.is_dir() and not each.is_symlink()]


def _remove(folder: Path) -> None:
    if not folder.is_dir():
        return
    for inner in folder.iterdir():
        if inner.is_dir():
            _remove(inner)
    with suppress(OSError):
        folder.rmdir()
