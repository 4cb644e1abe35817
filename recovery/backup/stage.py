"""The first half of a backup, on the scratch volume: one snapshot, dumped, sealed and described.

It is finished when ``staged.json`` is there. Whoever is killed later goes on from it, with the same snapshot.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from recovery.database.snapshot import snapshot
from recovery.filestore import content, room
from recovery.manifest import Attachment, Facts, Kind, Part
from recovery.trouble import NotWhole
from spec.model import SpecModel

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from recovery.database.server import Server
    from recovery.store.sealing import Recipients

RESUMED_WITHIN: Final = timedelta(hours=6)
"""A dump that is older than this is not worth going on with: what was written since would be lost for nothing."""

_DONE: Final = "staged.json"


class Order(SpecModel):
    """What is to be backed up, and as what."""

    tenant: str
    database: str
    kind: Kind = "backup"
    release: str | None = None
    image: str | None = None


class Staged(SpecModel):
    """A dump that is ready to be sent, and the files that belong to it."""

    id: str
    order: Order
    facts: Facts
    recipients: tuple[str, ...]
    dump: tuple[Part, ...]
    attachments: tuple[Attachment, ...]


def stage(
    folder: Path,
    backup_id: str,
    order: Order,
    server: Server,
    *,
    recipients: Recipients,
    progress: Progress,
    jobs: int,
) -> Staged:
    """Dump and seal a database into ``folder/<id>``.

    Raises:
        DatabaseTrouble: the dump failed.
        RecoveryFailed: the scratch volume is full, or cannot be written.

    """
    place = folder / backup_id
    with room(place):
        (place / "sealed").mkdir(parents=True, mode=0o700)
    with progress.step(f"{order.tenant}: dump of {order.database}") as step:
        with snapshot(server, order.database) as seen:
            step.note = "row counts and list of files"
            facts, attachments = seen.facts(), seen.attachments()
            step.note = f"pg_dump, {jobs} at once"
            seen.dump(place / "plain", jobs=jobs)
        step.note = "sealing"
        with room(place):
            parts = tuple(_sealed(path, place, recipients) for path in sorted((place / "plain").iterdir()))
            shutil.rmtree(place / "plain")
            made = Staged(
                id=backup_id,
                order=order,
                facts=facts,
                recipients=recipients.names,
                dump=parts,
                attachments=attachments,
            )
            half = place / f"{_DONE}.half"
            half.write_text(made.model_dump_json(), encoding="utf-8")
            half.rename(place / _DONE)
        step.result = f"{sum(part.size for part in parts) / 1024**2:.1f} MiB in {len(parts)} files"
    return made


def resumable(folder: Path, order: Order, recipients: Recipients, now: datetime) -> Staged | None:
    """Return the newest dump that was finished for the same order and never became a backup; None without one."""
    for place in sorted(folder.glob("*"), reverse=True):
        try:
            found = Staged.model_validate_json((place / _DONE).read_text(encoding="utf-8"))
        except (OSError, ValidationError, UnicodeDecodeError):
            continue
        fresh = now - found.facts.snapshot_at < RESUMED_WITHIN
        if found.order == order and found.recipients == recipients.names and fresh and _intact(place, found):
            return found
    return None


def sealed_path(folder: Path, staged: Staged, part: Part) -> Path:
    """Return where a sealed file of the dump is."""
    return folder / staged.id / "sealed" / f"{part.name}.age"


def clear(folder: Path, keep: str | None = None) -> None:
    """Remove what earlier runs left, but for one id."""
    for place in folder.glob("*"):
        if place.name != keep:
            shutil.rmtree(place, ignore_errors=True)


def _intact(place: Path, staged: Staged) -> bool:
    for part in staged.dump:
        found = content(place / "sealed" / f"{part.name}.age")
        if found is None or (found.sha256, found.size) != (part.stored_sha256, part.stored_size):
            return False
    return True


def _sealed(path: Path, place: Path, recipients: Recipients) -> Part:
    plain = content(path)
    target = place / "sealed" / f"{path.name}.age"
    with path.open("rb") as reader, target.open("wb") as writer:
        sealed = recipients.seal(reader, writer)
    # The hash of what was meant to be written, against what is on the disk.
    there = content(target)
    if plain is None or there is None or (there.sha256, there.size) != (sealed.sha256, sealed.size):
        raise NotWhole(f"{target} is not what was written to it: the scratch volume cannot be trusted")
    path.unlink()
    return Part(
        name=path.name,
        sha256=plain.sha256,
        size=plain.size,
        stored_sha256=sealed.sha256,
        stored_size=sealed.size,
    )
