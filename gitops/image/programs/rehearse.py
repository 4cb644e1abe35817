"""storefleet-rehearse: take the step of a release on a copy, which must reach nobody.

The copy is neutralised before the update, because whatever runs in it has real customers, and again after it, because
modules that the update brought have switches of their own. Both times the result is looked at, not believed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from programs import migrate, probe, start

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = {
    "the copy does not say that it is neutralised": (
        "SELECT count(*) = 0 FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND value = 'true'"
    ),
    "a mail server is active": "SELECT count(*) > 0 FROM ir_mail_server WHERE active AND smtp_host <> 'invalid'",
    "a scheduled action other than the vacuum is active": (
        "SELECT count(*) > 0 FROM ir_cron c JOIN ir_act_server a ON a.id = c.ir_actions_server_id"
        " WHERE c.active AND a.id NOT IN (SELECT res_id FROM ir_model_data"
        " WHERE module = 'base' AND name = 'autovacuum_job_ir_actions_server')"
    ),
}
"""What is wrong -> a query that says whether it is."""


def dangers(connection: Any) -> list[str]:
    """Return in which ways the copy could still reach somebody."""
    found: list[str] = []
    for danger, query in CHECKS.items():
        with connection.cursor() as cursor:
            cursor.execute(query)
            if cursor.fetchone()[0]:
                found.append(danger)
    return found


def neutralise(configuration: Path, database: str) -> None:
    """Switch off what reaches the outside. Raises CalledProcessError when it fails."""
    subprocess.run(["odoo", "neutralize", "--config", str(configuration), "--database", database], check=True)  # noqa: S603, S607


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="storefleet-rehearse", allow_abbrev=False)
    for name in ("tenant", "release", "database"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--deadline", type=int, required=True)
    return parser.parse_args(given)


def main() -> None:
    """Rehearse, and end with 2 where the copy is none, 1 where the release would fail."""
    given = arguments()
    if given.database == given.tenant:
        print("storefleet-rehearse: this is the shop's own database", file=sys.stderr)
        sys.exit(2)
    began = time.monotonic()
    configuration = start.write("rehearsal")
    connection = probe.connect(configuration)
    try:
        neutralise(configuration, given.database)
        migrate.update(configuration, given.database)
        neutralise(configuration, given.database)
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"storefleet-rehearse: {error.cmd[0]} failed ({error.returncode}): the release would fail as well"
        )
    wrong = [*dangers(connection), *(f"left halfway: {module}" for module in migrate.unfinished(connection))]
    if wrong:
        sys.exit(f"storefleet-rehearse: {'; '.join(wrong)}")
    seconds = round(time.monotonic() - began)
    print(
        json.dumps({"tenant": given.tenant, "release": given.release, "rehearsed": True, "seconds": seconds})
    )
