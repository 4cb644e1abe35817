"""The restore of one tenant: beside what is there, verified, and only then swapped in."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from recovery.database.databases import (
    Mark,
    Neighbour,
    allow,
    create,
    mark,
    mark_of,
    neighbours,
    owner_of,
    side_name,
    there,
)
from recovery.restore.fetch import Fetcher
from recovery.restore.load import load
from recovery.restore.swap import Swapped, swap, unfinished
from recovery.restore.verify import Verified, verify
from recovery.store import keys
from recovery.trouble import DatabaseTrouble, RecoveryFailed
from spec.naming import tenant_namespace

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from local.progress import Progress, Step
    from recovery.backup.run import Places
    from recovery.manifest import Manifest
    from recovery.store.sealing import Identity


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did, as its evidence states it. Times in seconds."""

    tenant: str
    database: str
    backup: str
    digest: str
    snapshot_at: datetime
    verified: Verified | None
    swapped: Swapped
    seconds: dict[str, float]
    neighbours: tuple[str, ...]
    """Databases of the cell that were looked at before and after: same, and no session of theirs was ended."""

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            **asdict(self),
            "snapshot_at": self.snapshot_at.isoformat(),
            "neighbours": list(self.neighbours),
        }


@dataclass(kw_only=True)
class Restore:
    """One restore of a tenant from a backup."""

    places: Places
    manifest: Manifest
    identity: Identity
    progress: Progress
    database: str | None = None
    """The tenant's database; that of the backup unless stated."""
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def _live(self) -> str:
        return self.database or self.manifest.database

    def run(self) -> Restored:
        """Restore, verify and swap; an interrupted restore of the same backup goes on.

        Raises:
            RecoveryFailed: nothing of the tenant was changed, unless the text says that the swap had begun.

        """
        server, live = self.places.server, self._live
        before = neighbours(server, live)
        verified: Verified | None = None
        begun = unfinished(server, live)
        if begun is None:
            begun, verified = self._beside()
        elif begun.backup != self.manifest.id:
            raise RecoveryFailed(
                f"a restore of {live} from {begun.backup} was interrupted in its swap: finish that one first, with "
                f"--from {begun.backup}"
            )
        with self._timed("swap", f"{live}: swap") as step:
            swapped = swap(server, live, self.places.filestore, begun)
            step.result = f"the old one is kept as {swapped.kept}"
        self._clear()
        after = neighbours(server, live)
        _refuse_changed(before, after)
        return Restored(
            tenant=self.manifest.tenant,
            database=live,
            backup=self.manifest.id,
            digest=self.manifest.digest,
            snapshot_at=self.manifest.facts.snapshot_at,
            verified=verified,
            swapped=swapped,
            seconds=dict(self.seconds),
            neighbours=tuple(after),
        )

    def _beside(self) -> tuple[Mark, Verified]:
        server, live = self.places.server, self._live
        side = side_name(live)
        found = mark_of(server, side)
        if there(server, side) and found is None:
            raise DatabaseTrouble(f"database {side} is there and no restore made it: rename it first")
        folder = self.places.filestore / side
        if found is None or found.phase != "verified" or found.digest != self.manifest.digest:
            found = self._load(side, folder)
        with server.connected("postgres") as connection:
            for name in (side, live):  # a run that was killed in its swap may have closed them
                if there(server, name):
                    allow(connection, name, allowed=True)
        with self._timed("verify", f"{live}: compare with the manifest") as step:
            verified = verify(server, side, self.manifest, folder, self.manifest.files, jobs=self.places.jobs)
            step.result = f"{verified.rows} rows in {verified.tables} tables, {verified.files} files"
        found = replace(found, phase="verified")
        with server.connected("postgres") as connection:
            mark(connection, side, found)
        return found, verified

    def _load(self, side: str, folder: Path) -> Mark:
        server, live, manifest = self.places.server, self._live, self.manifest
        owner = owner_of(server, live) or live
        written = Mark(
            backup=manifest.id,
            digest=manifest.digest,
            restore=keys.new_id(datetime.now(UTC)),
            phase="loading",
        )
        fetcher = Fetcher(store=self.places.store, manifest=manifest, identity=self.identity)
        scratch = self._scratch()
        with self._timed("fetch", f"{live}: dump of {manifest.id} out of the store") as step:
            fetcher.dump(scratch, step)
        with self._timed("files", f"{live}: {len(manifest.files)} files out of the store") as step:
            self._prune(folder)
            fetcher.files(folder, manifest.files, step)
        with self._timed("load", f"{live}: load beside it, as {side}"):
            create(server, side, owner, live, written)
            load(server, side, scratch, owner=owner, jobs=self.places.jobs, rights=True)
        return written

    def _prune(self, folder: Path) -> None:
        """Remove what an interrupted restore of another backup left there."""
        wanted = {file.name for file in self.manifest.files}
        for path in list(folder.rglob("*")) if folder.exists() else []:
            if path.is_file() and str(path.relative_to(folder)) not in wanted:
                path.unlink()

    def _scratch(self) -> Path:
        return self.places.scratch / f"{tenant_namespace(self.manifest.tenant)}.restore" / self.manifest.id

    def _clear(self) -> None:
        shutil.rmtree(self._scratch().parent, ignore_errors=True)

    @contextmanager
    def _timed(self, name: str, title: str) -> Generator[Step]:
        began = time.monotonic()
        with self.progress.step(title) as step:
            yield step
        self.seconds[name] = round(time.monotonic() - began, 3)


def _refuse_changed(before: dict[str, Neighbour], after: dict[str, Neighbour]) -> None:
    wrong = [name for name, was in before.items() if after.get(name) != was]
    if wrong:
        raise RecoveryFailed(
            f"the restore is done, and these databases of the cell are not as they were before it: {', '.join(wrong)}. "
            "Somebody else changed them at the same time, or ended their sessions: look before anything else"
        )
