"""A backup from beginning to end; it counts when its manifest is there, and that is written last."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from recovery import catalogue
from recovery.backup.files import Copier
from recovery.backup.stage import Order, Staged, clear, resumable, sealed_path, stage
from recovery.database.snapshot import held_files, still_needed
from recovery.filestore import room
from recovery.manifest import Manifest, Part
from recovery.retention.plan import LONGEST
from recovery.store import keys
from recovery.together import side_by_side
from recovery.trouble import NotWhole, RecoveryFailed
from spec.naming import tenant_namespace

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from recovery.backup.files import Copied, Gone
    from recovery.database.server import Server
    from recovery.manifest import File
    from recovery.store.objects import Store
    from recovery.store.sealing import Recipients

SNAPSHOTS: Final = 3
"""How often a backup begins again because files went away under it, before it gives up."""
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a tenant's data are and where they go."""

    server: Server
    filestore: Path
    """The folder with one folder a database."""
    store: Store
    recipients: Recipients
    scratch: Path
    """A folder with room for a sealed dump, kept between tries."""
    jobs: int = 2
    """Tables dumped or restored at once."""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One backup that is to be taken."""

    places: Places
    order: Order
    kept: timedelta
    progress: Progress
    accept_missing: frozenset[str] = frozenset()
    """Files known to be lost, by name: the backup is taken without them and says so."""

    def run(self) -> Manifest:
        """Take the backup, or go on with the one that was interrupted.

        Raises:
            RecoveryFailed: there is no backup; the text says why. What was sent already is not sent again.

        """
        scratch = self.places.scratch / tenant_namespace(self.order.tenant)
        with room(scratch):
            scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(scratch.with_suffix(".lock"), timeout=0):
                return self._attempts(scratch)
        except Timeout:
            raise RecoveryFailed(
                f"another backup of {self.order.tenant} runs here; this one would get in its way"
            ) from None

    def _attempts(self, scratch: Path) -> Manifest:
        resumed = resumable(scratch, self.order, self.places.recipients, datetime.now(UTC))
        clear(scratch, keep=resumed.id if resumed else None)
        if resumed:
            self.progress.say(f"  going on with {resumed.id}: its dump is finished")
        gone: list[Gone] = []
        known: dict[str, File] = {}
        behind: list[str] = []
        for attempt in range(1, SNAPSHOTS + 1):
            # Nobody waits for a backup, unless files went away under it before: then their collector does.
            with (
                held_files(self.places.server, self.order.database) if attempt == SNAPSHOTS else nullcontext()
            ):
                staged = resumed or self._stage(scratch)
                resumed = None
                copied = self._copy(scratch, staged, known)
            # What this try has sent is in the store: the next one does not need it in the filestore.
            known.update({file.name: file for file in copied.files})
            gone = [each for each in copied.gone if each.name not in self.accept_missing]
            if not gone:
                made = self._finish(scratch, staged, copied)
                clear(scratch)
                self._forget(behind)
                return made
            clear(scratch)
            behind.append(staged.id)
            self._refuse_lost(gone)
            if attempt < SNAPSHOTS:
                self.progress.say(f"  {len(gone)} files were removed meanwhile: a new snapshot is taken")
        raise NotWhole(
            f"files went away under {SNAPSHOTS} snapshots, such as {gone[0].name}; try again later"
        )

    def _stage(self, scratch: Path) -> Staged:
        backup_id = keys.new_id(datetime.now(UTC))
        where = self.places
        return stage(
            scratch,
            backup_id,
            self.order,
            where.server,
            recipients=where.recipients,
            progress=self.progress,
            jobs=where.jobs,
        )

    def _copy(self, scratch: Path, staged: Staged, known: dict[str, File]) -> Copied:
        tenant = self.order.tenant
        earlier = catalogue.newest(self.places.store, tenant)
        copier = Copier(
            store=self.places.store,
            tenant=tenant,
            id=staged.id,
            folder=self.places.filestore / self.order.database,
            scratch=scratch,
            recipients=self.places.recipients,
            until=self._until(staged),
            earlier={**({file.name: file for file in earlier.files} if earlier else {}), **known},
        )
        with self.progress.step(f"{tenant}: files of {self.order.database}") as step:
            copied = copier.copy(staged.attachments, step)
            step.result = f"{len(copied.files)} read back, {copied.sent} of them new"
        for name in copied.from_earlier[:_NAMED]:
            self.progress.say(f"  {name} is gone or damaged in the filestore; an earlier backup has it")
        return copied

    def _refuse_lost(self, gone: list[Gone]) -> None:
        """Refuse a backup without files that the database needs even now: no new snapshot would bring them."""
        names = [each.name for each in gone]
        needed = still_needed(self.places.server, self.order.database, names)
        lost = [each for each in gone if each.name in needed]
        if lost:
            shown = "\n".join(f"  {each.name} {each.why}" for each in lost[:_NAMED])
            raise NotWhole(
                f"{len(lost)} files that {self.order.database} needs are lost, and no earlier backup has them:\n"
                f"{shown}\nBring them back, or accept each by name with --accept-missing: restores will be without it"
            )

    def _finish(self, scratch: Path, staged: Staged, copied: Copied) -> Manifest:
        store, tenant, until = self.places.store, self.order.tenant, self._until(staged)
        versions: dict[str, str | None] = {}

        def send(part: Part) -> None:
            key = keys.dump_part(tenant, staged.id, part.name)
            path = sealed_path(scratch, staged, part)
            there = store.find(key)  # an interrupted run may have sent it
            if there is None or (there.sha256, there.size) != (part.stored_sha256, part.stored_size):
                there = store.put(key, path, sha256=part.stored_sha256, until=until)
            try:
                store.check(there)
            except NotWhole:
                there = store.put(key, path, sha256=part.stored_sha256, until=until)
                store.check(there)
            versions[part.name] = there.version

        with self.progress.step(f"{tenant}: dump into the store") as step, room(scratch):
            side_by_side(send, staged.dump)
            step.result = f"{len(staged.dump)} objects, read back"
        made = Manifest(
            id=staged.id,
            tenant=tenant,
            database=self.order.database,
            kind=self.order.kind,
            release=self.order.release,
            image=self.order.image,
            facts=staged.facts,
            recipients=staged.recipients,
            dump=tuple(part.model_copy(update={"version": versions[part.name]}) for part in staged.dump),
            files=tuple(copied.files),
            from_earlier=tuple(copied.from_earlier),
            accepted_missing=tuple(sorted(each.name for each in copied.gone)),
            finished_at=datetime.now(UTC),
            expires_at=until,
        )
        age = made.finished_at - keys.begun(made.id)
        if age > LONGEST:
            raise RecoveryFailed(
                f"{made.id} took {age}, and what takes longer than {LONGEST} is given up: what it sent may be removed"
            )
        return publish(store, made, self.progress)

    def _forget(self, behind: list[str]) -> None:
        """Say that the tries before the one that became a backup are over, so that files may be removed again."""
        for one in behind:
            with suppress(RecoveryFailed):  # two days later they count as given up in any case
                self.places.store.remove(keys.intent(self.order.tenant, one))

    def _until(self, staged: Staged) -> datetime:
        # Whole seconds, as stores keep them, and later rather than earlier.
        return (staged.facts.snapshot_at + self.kept).replace(microsecond=0) + timedelta(seconds=1)


def publish(store: Store, made: Manifest, progress: Progress) -> Manifest:
    """Write a manifest and read it back; for a checkpoint, bind it to its release afterwards.

    Raises:
        NotWhole: what is in the store is not what was written.

    """
    with progress.step(f"{made.tenant}: manifest of {made.id}") as step:
        key, text = keys.manifest(made.tenant, made.id), made.text()
        store.put(key, text, sha256=hashlib.sha256(text).hexdigest(), until=made.expires_at)
        if catalogue.read(store, made.tenant, made.id).digest != made.digest:
            raise NotWhole(f"{key} is not what was written")
        if made.release is not None and made.kind == "checkpoint":
            record = json.dumps({"id": made.id, "digest": made.digest, "release": made.release}).encode()
            name = keys.checkpoint(made.tenant, made.release)
            store.put(name, record, sha256=hashlib.sha256(record).hexdigest(), until=made.expires_at)
            if catalogue.checkpoint_of(store, made.tenant, made.release).id != made.id:
                raise NotWhole(f"{name} does not name the checkpoint that was taken")
        step.result = made.digest
    return made
