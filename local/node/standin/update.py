"""`click-odoo-update --config FILE --database NAME`: bring each module to this image's version, and commit each.

As with Odoo, what breaks off leaves the first modules updated and the next one halfway; PostgreSQL has no way back.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import WORDS, faults
from .database import Database, fill
from .settings import SettingsError, read

if TYPE_CHECKING:
    from collections.abc import Mapping


def update(database: Database, version: str, environment: Mapping[str, str]) -> list[str]:
    """Update what has another version; returns the modules. Raises FaultError as told, with what was done committed."""
    fill(database)
    with database.transaction() as connection:
        told = faults.read(environment, faults.parameters(connection))
        query = (
            "SELECT name FROM ir_module_module WHERE latest_version <> %s OR state <> 'installed' ORDER BY id"
        )
        behind = [row[0] for row in connection.execute(query, [version])]
    if told.migration == "fails":
        raise faults.FaultError("told to fail before anything was changed")
    for number, name in enumerate(behind):
        with database.transaction() as connection:
            connection.execute("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = %s", [name])
        if told.migration == "halfway" and number * 2 >= len(behind):
            raise faults.FaultError(f"told to break off at {name}")
        with database.transaction() as connection:
            connection.execute(
                "UPDATE ir_module_module SET state = 'installed', latest_version = %s WHERE name = %s",
                [version, name],
            )
    return behind


def main() -> None:
    """Update, and end with 1 where it was told to fail."""
    parser = argparse.ArgumentParser(prog="click-odoo-update", description=WORDS, allow_abbrev=False)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--database", required=True)
    given = parser.parse_args()
    try:
        settings = replace(read(given.config, os.environ), database=given.database)
        done = update(Database(settings), os.environ.get("STAND_IN_VERSION", "18.0.1.1"), os.environ)
    except (SettingsError, faults.FaultError) as error:
        sys.exit(f"click-odoo-update: {error}")
    print(f"updated: {', '.join(done) or 'nothing'}", flush=True)  # noqa: T201 - the log of the pod


if __name__ == "__main__":
    main()
