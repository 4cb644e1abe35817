"""Backups as processes of their own, to be killed: python -m tests.recovery.job, the facts of each as a JSON line."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from minio.credentials.providers import StaticProvider
from rich.console import Console

from local.progress import Progress
from recovery.backup.run import Backup, Places
from recovery.backup.stage import Order
from recovery.database.server import Server
from recovery.store.objects import Store
from recovery.store.sealing import Recipients


def take(facts: dict[str, Any]) -> None:
    """Take one backup and write its id into a file."""
    store = Store(facts["endpoint"], facts["bucket"], credentials=StaticProvider(*facts["keys"]))
    places = Places(
        server=Server(conninfo=facts["conninfo"], program_folder=Path(facts["programs"])),
        filestore=Path(facts["filestore"]),
        store=store,
        recipients=Recipients(names=tuple(facts["recipients"])),
        scratch=Path(facts["scratch"]),
    )
    made = Backup(
        places=places,
        order=Order(tenant=facts["tenant"], database=facts["tenant"]),
        kept=timedelta(days=30),
        progress=Progress(Console(quiet=True)),
    ).run()
    Path(facts["result"]).write_text(made.id, encoding="utf-8")


def main() -> None:
    """Begin a job for each line that is read, as a process of its own; print its number, and when it has ended."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                take(json.loads(line))
            finally:
                os._exit(0)
        print(child, flush=True)  # noqa: T201
        os.waitpid(child, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
