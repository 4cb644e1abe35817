"""What a layer holds, in memory: files, folders and links by path, put together from several sources. Pure."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_MERGED: Final = {name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}
"""Folders that are links below /usr: a package may still name the old place."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file with its content, a link with its target, or a folder."""

    kind: Literal["file", "folder", "link"]
    mode: int = 0o755
    data: bytes = field(default=b"", repr=False)
    target: str = ""


Tree = dict[str, Entry]
"""Path without a leading slash -> what is there."""


def file(data: bytes, *, runs: bool = False) -> Entry:
    """Return a file that everybody may read, and run where it is a program."""
    return Entry(kind="file", mode=0o755 if runs else 0o644, data=data)


def link(target: str) -> Entry:
    """Return a link."""
    return Entry(kind="link", mode=0o777, target=target)


def folder(mode: int = 0o755) -> Entry:
    """Return a folder."""
    return Entry(kind="folder", mode=mode)


def merged(path: str) -> str:
    """Return where a path of a package is on a system whose /bin, /lib and /sbin are links."""
    clean = str(PurePosixPath(path.lstrip("./")))
    first, slash, rest = clean.partition("/")
    if first in _MERGED:
        return f"{_MERGED[first]}{slash}{rest}"
    return "" if clean == "." else clean


def roots() -> Tree:
    """Return the links by which the old places are found."""
    return {name: link(target) for name, target in _MERGED.items()}


def read(archive: IO[bytes]) -> Tree:
    """Return the content of a tar archive; owners and times are nobody's business in an image.

    A hard link becomes the file that it stands for.
    """
    found: Tree = {}
    with tarfile.open(fileobj=archive, mode="r|*") as source:
        for member in source:
            path = merged(member.name)
            if not path or path in _MERGED.values():
                continue
            # What a package lets a user become is not needed where nobody may become anybody.
            mode = member.mode & 0o1777
            if member.isdir():
                found[path] = folder(mode)
            elif member.issym():
                found[path] = link(member.linkname)
            elif member.islnk():
                found[path] = replace(found[merged(member.linkname)], mode=mode)
            elif member.isfile() and (content := source.extractfile(member)):
                found[path] = Entry(kind="file", mode=mode, data=content.read())
    return found


def of_folder(source: Path, suffixes: Iterable[str] = ()) -> Tree:
    """Return the files below a folder, by path relative to it; `suffixes` () takes all."""
    wanted = tuple(suffixes)
    return {
        path.relative_to(source).as_posix(): file(path.read_bytes(), runs=bool(path.stat().st_mode & 0o100))
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and (not wanted or path.suffix in wanted)
    }


def below(prefix: str, tree: Mapping[str, Entry]) -> Tree:
    """Return a tree moved below a folder."""
    clean = prefix.strip("/")
    return {f"{clean}/{path}" if clean else path: entry for path, entry in tree.items()}


def without(tree: Mapping[str, Entry], patterns: Iterable[str]) -> Tree:
    """Return a tree less what matches one of the patterns (`*` crosses slashes)."""
    left = tuple(patterns)
    return {path: entry for path, entry in tree.items() if not any(fnmatchcase(path, each) for each in left)}


def write(tree: Mapping[str, Entry], target: IO[bytes]) -> str:
    """Write a tree as an archive and return the digest of it: the same tree is the same bytes.

    Folders that nobody named are made. All is root's, so that whoever a pod runs as can change nothing.
    """
    whole = {**_parents(tree), **tree}
    counting = _Counting(target)
    with tarfile.open(fileobj=counting, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path, entry in sorted(whole.items()):
            member = tarfile.TarInfo(path)
            member.mode = entry.mode
            if entry.kind == "folder":
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
            elif entry.kind == "link":
                member.type, member.linkname = tarfile.SYMTYPE, entry.target
                archive.addfile(member)
            else:
                member.size = len(entry.data)
                archive.addfile(member, io.BytesIO(entry.data))
    return f"sha256:{counting.hash.hexdigest()}"


def _parents(tree: Mapping[str, Entry]) -> Tree:
    return {
        str(parent): folder() for path in tree for parent in PurePosixPath(path).parents if str(parent) != "."
    }


class _Counting(io.RawIOBase):
    """Passes bytes on, and keeps their hash."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target, self.hash = target, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - what tarfile gives
        self.hash.update(data)
        self._target.write(data)
        return len(data)
