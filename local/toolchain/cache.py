"""The cache of built programs, outside every checkout and keyed by what they were built from."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Generator

    from local.progress import Step

MODULES = Path(__file__).parent / "modules"
_LOCK_SECONDS = 90 * 60
_LOCK_TICK = 5


def root() -> Path:
    """Return the cache's folder: $STOREFLEET_CACHE, else storefleet/ below $XDG_CACHE_HOME or ~/.cache."""
    if chosen := os.environ.get("STOREFLEET_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "storefleet"


def key(*parts: object) -> str:
    """Return a short digest of what something is made from, this machine's kind included."""
    digest = hashlib.sha256()
    for part in (platform.system(), platform.machine(), *parts):
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def module_files(module: str) -> list[Path]:
    """Return the committed files of a Go module of `modules/`, in a stable order."""
    folder = MODULES / module
    return sorted(path for path in folder.rglob("*") if path.suffix in {".go", ".mod", ".sum"})


def finished(folder: Path) -> bool:
    """Tell whether a cache entry is whole: entries are renamed into place, so one that exists is."""
    return folder.is_dir()


@contextmanager
def making(folder: Path) -> Generator[Path]:
    """Give an empty folder to fill, and put it in ``folder``'s place in one step when all went well.

    What a killed run left behind is removed first; a reader sees a whole entry or none. The folder has a
    name of its own each time: a compiler that outlived a killed run cannot write into what is made now.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for old in folder.parent.glob(f".{folder.name}.*.partial"):
        shutil.rmtree(old, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".partial"))
    try:
        yield partial
        shutil.rmtree(folder, ignore_errors=True)  # an entry from which somebody removed a file
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def lock(step: Step) -> Generator[None]:
    """Hold the cache for this process; a second one waits, says so, and gives up after 90 minutes."""
    base = root()
    base.mkdir(parents=True, exist_ok=True)
    guard, waited, note = FileLock(base / ".lock"), 0, step.note
    while True:
        try:
            guard.acquire(timeout=_LOCK_TICK)
            break
        except Timeout:
            waited += _LOCK_TICK
            step.note = "waiting for another storefleet that builds into the same cache"
            if waited >= _LOCK_SECONDS:
                raise EnvironmentTrouble(
                    f"another storefleet has held {base} for 90 minutes. If none is running "
                    f"(`pgrep -f storefleet`), remove {base / '.lock'}; else let it finish."
                ) from None
    step.note = note
    try:
        yield
    finally:
        guard.release()
