"""A filestore: a folder a database, files by their content's hash below it, as Odoo writes them."""

from __future__ import annotations

import errno
import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recovery.trouble import NotWhole, RecoveryFailed

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from recovery.manifest import Attachment

_CHUNK: Final = 1024**2
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file holds."""

    sha256: str
    sha1: str
    size: int


def path_of(folder: Path, name: str) -> Path:
    """Return where a file is; raises NotWhole for a name that leads out of the folder."""
    path = folder / name
    if name.startswith("/") or ".." in path.parts:
        raise NotWhole(f"the database names a file outside of its filestore: {name!r}")
    return path


def content(path: Path) -> Content | None:
    """Read a file to its end; None where there is none."""
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                sha256.update(chunk)
                sha1.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        return None
    return Content(sha256=sha256.hexdigest(), sha1=sha1.hexdigest(), size=size)


def damaged(found: Content, attachment: Attachment) -> bool:
    """Say whether a file is not what the database says that it is."""
    return attachment.sha1 is not None and found.sha1 != attachment.sha1


@contextmanager
def room(folder: Path) -> Generator[None]:
    """Turn a full disk into one message that names it."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RecoveryFailed(
                f"{folder} is full: nothing was finished there. Give it more room"
            ) from error
        raise RecoveryFailed(f"{error.filename or folder}: {error.strerror or error}") from error
