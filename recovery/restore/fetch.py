"""Out of the store: what a backup holds, opened with the private key and compared with its manifest."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recovery.filestore import content, path_of, room
from recovery.store import keys
from recovery.together import side_by_side
from recovery.trouble import NotWhole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.progress import Step
    from recovery.manifest import File, Manifest, Part
    from recovery.store.objects import Store
    from recovery.store.sealing import Identity

IN_MEMORY: Final = 16 * 1024**2
_FILE_MODE: Final = 0o640
_FOLDER_MODE: Final = 0o750


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Fetches one backup. What is there already with the right content is not fetched again."""

    store: Store
    manifest: Manifest
    identity: Identity

    def dump(self, folder: Path, step: Step) -> None:
        """Write the dump into a folder, as pg_restore reads it; raises NotWhole where a byte is not as it was."""
        with room(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        done = 0

        def one(part: Part) -> None:
            nonlocal done
            key = keys.dump_part(self.manifest.tenant, self.manifest.id, part.name)
            self._one(key, part, path_of(folder, part.name))
            done += 1
            step.note = f"{done} of {len(self.manifest.dump)} files of the dump"

        side_by_side(one, self.manifest.dump)

    def files(self, folder: Path, files: Sequence[File], step: Step) -> None:
        """Write files into a filestore's folder, under the names that the database has for them."""
        with room(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        done = 0

        def one(file: File) -> None:
            nonlocal done
            key = keys.file(self.manifest.tenant, file.sha256, file.sent_by)
            self._one(key, file, path_of(folder, file.name))
            done += 1
            step.note = f"{done} of {len(files)} files"

        side_by_side(one, files)

    def _one(self, key: str, wanted: Part | File, target: Path) -> None:
        with room(target):
            there = content(target)
            if there is not None and (there.sha256, there.size) == (wanted.sha256, wanted.size):
                return
            target.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
            try:
                self._open(key, wanted.version, wanted, target)
            except NotWhole:
                if wanted.version is None:
                    raise
                # A later backup sent the same content again: the plain hash decides whether it is that.
                self._open(key, None, wanted, target)

    def _open(self, key: str, version: str | None, wanted: Part | File, target: Path) -> None:
        half = target.with_name(f"{target.name}.half")
        if wanted.stored_size <= IN_MEMORY:
            sealed = io.BytesIO(self.store.bytes(key, version))
            with half.open("wb") as writer:
                found = self.identity.open(sealed, writer, key)
        else:
            raw = target.with_name(f"{target.name}.age")
            with raw.open("wb") as writer:
                for chunk in self.store.read(key, version):
                    writer.write(chunk)
            with raw.open("rb") as reader, half.open("wb") as writer:
                found = self.identity.open(reader, writer, key)
            raw.unlink()
        if (found.sha256, found.size) != (wanted.sha256, wanted.size):
            half.unlink()
            raise NotWhole(f"{key} holds something else than {wanted.name} of this backup")
        half.chmod(_FILE_MODE)
        half.replace(target)
