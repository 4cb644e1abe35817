"""The filestore's half of a backup: every file that the snapshot needs is in the store, once, and was read back."""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from recovery.filestore import Content, content, damaged, path_of, room
from recovery.manifest import Attachment, File
from recovery.store import keys
from recovery.together import side_by_side
from recovery.trouble import NotWhole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from local.progress import Step
    from recovery.store.objects import Store, Stored
    from recovery.store.sealing import Recipients

IN_MEMORY: Final = 8 * 1024**2
"""Sealed files up to this size need no room on the scratch volume."""

_NOT_THERE: Final = "is not there"
_DAMAGED: Final = "is not what its name says: it was changed or cut short"


class _RemovedError(Exception):
    """The file was there when it was hashed, and is there no longer."""


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A file that the snapshot needs and that neither the filestore nor an earlier backup has."""

    name: str
    why: str


@dataclass(kw_only=True)
class Copied:
    """What came of copying."""

    files: list[File] = field(default_factory=list[File])
    from_earlier: list[str] = field(default_factory=list[str])
    gone: list[Gone] = field(default_factory=list[Gone])
    sent: int = 0


@dataclass(frozen=True, kw_only=True)
class Copier:
    """Copies the files of one tenant into the store, each under the hash of its content."""

    store: Store
    tenant: str
    folder: Path
    """The filestore of the database."""
    scratch: Path
    recipients: Recipients
    until: datetime
    """Until when every file is kept."""
    earlier: Mapping[str, File]
    """Files of the newest earlier backup, by name: the same name is the same content."""

    def copy(self, attachments: Sequence[Attachment], step: Step) -> Copied:
        """Copy what is missing in the store, and read back everything, new or not.

        Raises:
            StoreTrouble: the store does not take or give back what it should.
            NotWhole: what it gives back is not what was sent.

        """
        there = set(self.store.keys(keys.files(self.tenant)))
        copied, lock, done = Copied(), threading.Lock(), 0

        def one(attachment: Attachment) -> None:
            nonlocal done
            found = self._one(attachment, there, copied, lock)
            with lock:
                done += 1
                step.note = f"{done} of {len(attachments)} files"
                if isinstance(found, Gone):
                    copied.gone.append(found)
                else:
                    copied.files.append(found)

        side_by_side(one, attachments)
        copied.files.sort(key=lambda file: file.name)
        copied.from_earlier.sort()
        return copied

    def _one(
        self, attachment: Attachment, there: set[str], copied: Copied, lock: threading.Lock
    ) -> File | Gone:
        path = path_of(self.folder, attachment.name)
        with room(path):
            found = content(path)
        if found is None:
            return self._earlier(attachment, _NOT_THERE, copied, lock)
        if damaged(found, attachment):
            return self._earlier(attachment, _DAMAGED, copied, lock)
        key = keys.file(self.tenant, found.sha256)
        if key in there:
            try:
                return _described(attachment, found.sha256, found.size, self._whole(key))
            except NotWhole:
                pass  # damaged in the store: it is still here, so it is sent again
        try:
            stored = self._send(key, path, found)
        except _RemovedError:  # a shop that collects its garbage does so between any two looks at a file
            return self._earlier(attachment, _NOT_THERE, copied, lock)
        with lock:
            copied.sent += 1
        self.store.check(stored)
        return _described(attachment, found.sha256, found.size, stored)

    def _earlier(self, attachment: Attachment, why: str, copied: Copied, lock: threading.Lock) -> File | Gone:
        """Take the file from an earlier backup, since the filestore has it no longer."""
        earlier = self.earlier.get(attachment.name)
        if earlier is None:
            return Gone(name=attachment.name, why=why)
        stored = self._whole(keys.file(self.tenant, earlier.sha256))
        with lock:
            copied.from_earlier.append(attachment.name)
        return _described(attachment, earlier.sha256, earlier.size, stored)

    def _whole(self, key: str) -> Stored:
        """Read back an object that an earlier backup sent, and keep it as long as this one needs it."""
        stored = self.store.find(key)
        if stored is None:
            raise NotWhole(f"{key} is not in the store")
        self.store.check(stored)
        return self.store.keep(stored, self.until)

    def _send(self, key: str, path: Path, expected: Content) -> Stored:
        with room(self.scratch), _opened(path) as reader:
            if expected.size <= IN_MEMORY:
                sealed_bytes = io.BytesIO()
                sealed = self.recipients.seal(_same(reader, path, expected), sealed_bytes)
                return self.store.put(key, sealed_bytes.getvalue(), sha256=sealed.sha256, until=self.until)
            with tempfile.NamedTemporaryFile(dir=self.scratch, prefix="file-", delete=True) as half:
                sealed = self.recipients.seal(reader, cast("BinaryIO", half))
                half.flush()
                again = content(path)
                if again is None:
                    raise _RemovedError
                if again != expected:
                    raise NotWhole(f"{path} changed while it was read")
                return self.store.put(key, Path(half.name), sha256=sealed.sha256, until=self.until)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise _RemovedError from None


def _same(reader: BinaryIO, path: Path, expected: Content) -> BinaryIO:
    """Return what a small file holds, once, so that what is sealed is what was hashed."""
    held = reader.read()
    if hashlib.sha256(held).hexdigest() != expected.sha256:
        raise NotWhole(f"{path} changed while it was read")
    return io.BytesIO(held)


def _described(attachment: Attachment, sha256: str, size: int, stored: Stored) -> File:
    return File(
        name=attachment.name,
        sha256=sha256,
        size=size,
        stored_sha256=stored.sha256,
        stored_size=stored.size,
        version=stored.version,
    )
