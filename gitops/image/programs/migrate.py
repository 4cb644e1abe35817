"""storefleet-migrate: move a tenant's database to the schema of a release. Tried once, and never again.

Odoo commits module by module, so an update that fails leaves the first ones updated: PostgreSQL has no way back, and
the checkpoint is the only one. Nothing begins before the checkpoint's record was read and everybody else has left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from programs import probe, start

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET_SHARE = 0.25
"""Most of the deadline that is spent waiting for others to leave; the rest is for the update."""

OTHERS = """
SELECT coalesce(nullif(application_name, ''), 'unnamed'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
GROUP BY 1 ORDER BY 1
"""
UNFINISHED = "SELECT name, state FROM ir_module_module WHERE state LIKE 'to %' ORDER BY name"


def check_record(folder: Path, *, tenant: str, release: str, checkpoint: str, sha256: str) -> dict[str, Any]:
    """Return the record of the checkpoint that was taken for this release.

    Raises:
        RefusedError: there is none, or it is of another tenant, release or checkpoint, or was changed.

    """
    path = folder / f"{release}.json"
    advice = "take the checkpoint again, and let the release command write its record"
    if not path.is_file():
        raise start.RefusedError(f"no checkpoint of {tenant} is recorded for release {release}: {advice}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise start.RefusedError(f"the record of {release} is not the one that was approved: {advice}")
    record: dict[str, Any] = json.loads(content)
    wanted = {"tenant": tenant, "release": release, "checkpoint": checkpoint, "verified": True}
    for key, value in wanted.items():
        if record.get(key) != value:
            raise start.RefusedError(
                f"the record of {release} says {key} {record.get(key)!r}, not {value!r}: {advice}"
            )
    return record


def wait_until_quiet(connection: Any, seconds: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Wait until nobody else is connected to the database.

    Raises:
        RefusedError: somebody still is after `seconds`; nothing was changed.

    """
    end = time.monotonic() + seconds
    while True:
        with connection.cursor() as cursor:
            cursor.execute(OTHERS)
            others = cursor.fetchall()
        if not others:
            return
        if time.monotonic() >= end:
            listed = ", ".join(f"{count} of {name}" for name, count in others)
            raise start.RefusedError(f"still connected after {seconds:.0f} s: {listed}. Nothing was changed")
        print(f"waiting for {sum(count for _, count in others)} connections to close", flush=True)
        pause(2)


def unfinished(connection: Any) -> list[str]:
    """Return the modules that an update left halfway, each with its state."""
    with connection.cursor() as cursor:
        cursor.execute(UNFINISHED)
        return [f"{name} ({state})" for name, state in cursor.fetchall()]


def update(configuration: Path, database: str) -> None:
    """Update the modules that changed; a no-op where none did. Raises CalledProcessError when it fails."""
    command = ["click-odoo-update", "--config", str(configuration), "--database", database]
    subprocess.run(command, check=True)  # noqa: S603 - the image's own


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="storefleet-migrate", allow_abbrev=False)
    for name in ("tenant", "release", "checkpoint", "record-sha256"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--deadline", type=int, required=True)
    return parser.parse_args(given)


def main() -> None:
    """Migrate, and end with 2 where nothing was begun, 1 where the checkpoint has to be restored."""
    given = arguments()
    try:
        check_record(
            given.records,
            tenant=given.tenant,
            release=given.release,
            checkpoint=given.checkpoint,
            sha256=given.record_sha256,
        )
        configuration = start.write("task")
        connection = probe.connect(configuration)
        wait_until_quiet(connection, given.deadline * QUIET_SHARE)
    except start.RefusedError as error:
        print(f"storefleet-migrate: {error}", file=sys.stderr)
        sys.exit(2)
    try:
        update(configuration, given.tenant)
    except subprocess.CalledProcessError as error:
        sys.exit(f"storefleet-migrate: the update failed ({error.returncode}). Restore {given.checkpoint}")
    left = unfinished(connection)
    if left:
        sys.exit(f"storefleet-migrate: left halfway: {', '.join(left)}. Restore {given.checkpoint}")
    print(json.dumps({"tenant": given.tenant, "release": given.release, "migrated": True}))
