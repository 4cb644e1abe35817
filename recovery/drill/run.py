"""A drill from beginning to end, and its evidence: written whether it passed or not."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from recovery.database.databases import Mark, create, drop, there
from recovery.drill.neutralise import neutralise
from recovery.drill.start import by_command, by_sql
from recovery.restore.fetch import Fetcher
from recovery.restore.load import load
from recovery.restore.verify import verify
from recovery.store import keys
from recovery.trouble import DatabaseTrouble, RecoveryFailed
from spec.naming import bounded

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from local.progress import Progress, Step
    from recovery.database.server import Server
    from recovery.manifest import File, Manifest
    from recovery.store.objects import Store
    from recovery.store.sealing import Identity

SAMPLE: Final = 200
"""Files that a drill opens and compares, drawn by lot; the backup itself has read back every one of them."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a drill found. Times in seconds; what was not done is not in `checks`."""

    id: str
    tenant: str
    backup: str
    digest: str
    snapshot_at: str
    begun_at: str
    result: str
    """passed or failed."""
    reason: str
    seconds: dict[str, float]
    total_seconds: float
    limit_seconds: float
    """The tier's RTO, against which it is measured."""
    checks: dict[str, Any]
    by: str

    @property
    def passed(self) -> bool:
        """Whether the backup could be restored, in time."""
        return self.result == "passed"

    def text(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


@dataclass(kw_only=True)
class Drill:
    """One drill of one backup, on a server where nothing else is."""

    manifest: Manifest
    store: Store
    evidence: Store | None
    """Where the evidence goes; None: it is only returned."""
    identity: Identity
    server: Server
    scratch: Path
    limit: timedelta
    by: str
    progress: Progress
    jobs: int = 2
    sample: int = SAMPLE
    neutralise_command: str | None = None
    start_command: str | None = None
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    checks: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(self) -> Evidence:
        """Drill, write the evidence and clean up; a failed drill is returned, not raised.

        Raises:
            StoreTrouble: the evidence could not be written.

        """
        begun, started = datetime.now(UTC), time.monotonic()
        reason = ""
        try:
            try:
                self._drill()
            finally:
                self._clean()
        except RecoveryFailed as error:
            reason = str(error)
        total = round(time.monotonic() - started, 3)
        if not reason and total > self.limit.total_seconds():
            reason = f"it took {total:.0f} s, and the tier promises {self.limit.total_seconds():.0f} s"
        found = Evidence(
            id=keys.new_id(begun),
            tenant=self.manifest.tenant,
            backup=self.manifest.id,
            digest=self.manifest.digest,
            snapshot_at=self.manifest.facts.snapshot_at.isoformat(),
            begun_at=begun.isoformat(),
            result="failed" if reason else "passed",
            reason=reason,
            seconds=dict(self.seconds),
            total_seconds=total,
            limit_seconds=self.limit.total_seconds(),
            checks=dict(self.checks),
            by=self.by,
        )
        if self.evidence is not None:
            text = found.text()
            key = keys.drill(found.tenant, found.id)
            stored = self.evidence.put(key, text, sha256=hashlib.sha256(text).hexdigest())
            self.evidence.check(stored)
        return found

    @property
    def database(self) -> str:
        """The database of the drill."""
        return bounded(f"{self.manifest.database}--drill")

    @property
    def _place(self) -> Path:
        return self.scratch / f"drill-{self.manifest.id}"

    def _drill(self) -> None:
        if there(self.server, self.manifest.database):
            raise DatabaseTrouble(
                f"this server has {self.manifest.database} itself: a drill restores into isolation, on a server of its "
                "own"
            )
        manifest, place = self.manifest, self._place
        fetcher = Fetcher(store=self.store, manifest=manifest, identity=self.identity)
        with self._timed("fetch", "out of the store") as step:
            fetcher.dump(place / "dump", step)
            sample = self._sample()
            fetcher.files(place / "files", sample, step)
            step.result = f"dump and {len(sample)} of {len(manifest.files)} files"
        with self._timed("restore", "restore"):
            self._create()
            load(self.server, self.database, place / "dump", owner="postgres", jobs=self.jobs, rights=False)
        with self._timed("verify", "pg_amcheck, counts and files") as step:
            seen = verify(self.server, self.database, manifest, place / "files", sample, jobs=self.jobs)
            self.checks["verified"] = asdict(seen)
            step.result = f"{seen.rows} rows in {seen.tables} tables, {seen.files} files"
        with self._timed("neutralise", "neutralise"):
            if self.neutralise_command:
                by_command(self.server, self.database, self.neutralise_command, "neutralise")
            self.checks["neutralised"] = list(neutralise(self.server, self.database))
        with self._timed("start", "start check") as step:
            seen_start = by_sql(self.server, self.database)
            if self.start_command:
                by_command(self.server, self.database, self.start_command, "start check")
                seen_start = f"{self.start_command.split()[0]}, and what SQL can tell"
            self.checks["start"] = step.result = seen_start

    def _create(self) -> None:
        written = Mark(
            backup=self.manifest.id, digest=self.manifest.digest, restore=self.manifest.id, phase="loading"
        )
        create(self.server, self.database, "postgres", self.manifest.database, written)

    def _sample(self) -> list[File]:
        files = list(self.manifest.files)
        return random.SystemRandom().sample(files, min(self.sample, len(files)))

    def _clean(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        if there(self.server, self.database):
            drop(self.server, self.database)

    @contextmanager
    def _timed(self, name: str, title: str) -> Generator[Step]:
        began = time.monotonic()
        with self.progress.step(f"{self.manifest.tenant}: {title}") as step:
            yield step
        self.seconds[name] = round(time.monotonic() - began, 3)
