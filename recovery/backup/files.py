"""The filestore's half of a backup: every file that the snapshot needs is in the store, once, and was read back."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from recovery.filestore import Content, content, damaged, path_of, room
from recovery.manifest import Attachment, File
from recovery.retention.going import lists
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


@dataclass(kw_only=True)
class _Known:
    """What the store has of each content, by its SHA-256, for one copying."""

    senders: dict[str, str | None]
    """Whose copy of a content is used again: the newest that nobody is removing."""
    one_at_a_time: defaultdict[str, threading.Lock] = field(
        default_factory=lambda: defaultdict[str, threading.Lock](threading.Lock)
    )
    """Two names may have one content, which is sent once."""


@dataclass(frozen=True, kw_only=True)
class Copier:
    """Copies the files of one tenant into the store, each under the hash of its content."""

    store: Store
    tenant: str
    id: str
    """The backup's own: part of the key of whatever it sends, so that nobody else's object is replaced."""
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

        First it is written down that this backup goes through the files, and only then looked which are being
        removed: see `recovery.retention.going`.

        Raises:
            StoreTrouble: the store does not take or give back what it should.
            NotWhole: what it gives back is not what was sent.

        """
        known = self._known()
        copied, lock, done = Copied(), threading.Lock(), 0

        def one(attachment: Attachment) -> None:
            nonlocal done
            found = self._one(attachment, known, copied, lock)
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

    def _known(self) -> _Known:
        begun = json.dumps({"id": self.id}).encode()
        self.store.put(keys.intent(self.tenant, self.id), begun, sha256=hashlib.sha256(begun).hexdigest())
        going = lists(self.store, self.tenant)
        senders: dict[str, str | None] = {}
        if (
            None not in going.values()
        ):  # a list that is damaged may name anything: then everything is sent again
            named = frozenset[str]().union(*(each for each in going.values() if each))
            for key in self.store.keys(keys.files(self.tenant)):
                if key not in named:
                    sha256, sender = keys.sent(key)
                    senders[sha256] = max(senders.get(sha256), sender, key=lambda each: each or "")
        return _Known(senders=senders)

    def _one(
        self, attachment: Attachment, known: _Known, copied: Copied, lock: threading.Lock
    ) -> File | Gone:
        path = path_of(self.folder, attachment.name)
        with room(path):
            found = content(path)
        if found is None:
            return self._earlier(attachment, _NOT_THERE, known, copied, lock)
        if damaged(found, attachment):
            return self._earlier(attachment, _DAMAGED, known, copied, lock)
        with lock:
            alone = known.one_at_a_time[found.sha256]
        with alone:
            if found.sha256 in known.senders:
                sender = known.senders[found.sha256]
                try:
                    stored = self._whole(keys.file(self.tenant, found.sha256, sender))
                    return _described(attachment, found.sha256, found.size, stored, sender)
                except NotWhole:
                    pass  # damaged in the store: it is still here, so it is sent again
            try:
                stored = self._send(keys.file(self.tenant, found.sha256, self.id), path, found)
            except _RemovedError:  # a shop that collects its garbage does so between any two looks at a file
                return self._earlier(attachment, _NOT_THERE, known, copied, lock)
            self.store.check(stored)
            known.senders[found.sha256] = self.id
        with lock:
            copied.sent += 1
        return _described(attachment, found.sha256, found.size, stored, self.id)

    def _earlier(
        self, attachment: Attachment, why: str, known: _Known, copied: Copied, lock: threading.Lock
    ) -> File | Gone:
        """Take the file from an earlier backup, since the filestore has it no longer."""
        earlier = self.earlier.get(attachment.name)
        if earlier is None:
            return Gone(name=attachment.name, why=why)
        key, sender = keys.file(self.tenant, earlier.sha256, earlier.sent_by), earlier.sent_by
        try:
            if known.senders.get(earlier.sha256, "") == sender:
                stored = self._whole(key)
            else:  # it is being removed, or was: a copy of this backup's own is not
                stored, sender = self._again(key, earlier), self.id
        except NotWhole as error:
            return Gone(name=attachment.name, why=f"{why}; nor is it in the store: {error}")
        with lock:
            copied.from_earlier.append(attachment.name)
        return _described(attachment, earlier.sha256, earlier.size, stored, sender)

    def _again(self, key: str, earlier: File) -> Stored:
        """Send what another backup has sent under a key of this one; it stays sealed as it was."""
        own = keys.file(self.tenant, earlier.sha256, self.id)
        with room(self.scratch), tempfile.NamedTemporaryFile(dir=self.scratch, prefix="file-") as half:
            digest = hashlib.sha256()
            for chunk in self.store.read(key, earlier.version):
                digest.update(chunk)
                half.write(chunk)
            half.flush()
            if digest.hexdigest() != earlier.stored_sha256:
                raise NotWhole(f"{key} is not what was stored")
            stored = self.store.put(own, Path(half.name), sha256=digest.hexdigest(), until=self.until)
        self.store.check(stored)
        return stored

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


def _described(attachment: Attachment, sha256: str, size: int, stored: Stored, sender: str | None) -> File:
    return File(
        name=attachment.name,
        sha256=sha256,
        size=size,
        stored_sha256=stored.sha256,
        stored_size=stored.size,
        version=stored.version,
        sent_by=sender,
    )
