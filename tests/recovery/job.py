"""A backup as a process of its own, to be killed: python -m tests.recovery.job <facts as JSON>."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

from minio.credentials.providers import StaticProvider

from local.progress import Progress
from recovery.backup.run import Backup, Places
from recovery.backup.stage import Order
from recovery.database.server import Server
from recovery.store.objects import Store
from recovery.store.sealing import Recipients


def main() -> None:
    """Take one backup and print its id."""
    facts = json.loads(sys.argv[1])
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
        progress=Progress(),
    ).run()
    sys.stdout.write(f"made {made.id}\n")


if __name__ == "__main__":
    main()
