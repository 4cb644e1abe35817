"""storefleet-probe alive|punctual: probes of a process that answers no HTTP.

`alive` looks at the process alone: a probe that asked the database would restart every shop of a cell while the
database moves. `punctual` asks whether scheduled actions run late, and only ever takes a pod out of a rollout.
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from typing import Any

LATE_SECONDS = 900
"""A quarter of an hour: the longest that an action may wait behind others before somebody should look."""
STOPPED = frozenset("ZXxTt")
"""States of a process that does nothing any more: a zombie, dead, stopped."""

LATENESS = """
SELECT coalesce(max(extract(epoch FROM (now() AT TIME ZONE 'utc') - nextcall)), 0),
       (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle')
FROM ir_cron WHERE active
"""


def alive(proc: Path = Path("/proc")) -> str:
    """Return what is wrong with the first process of the container; empty: nothing."""
    try:
        stat = (proc / "1" / "stat").read_text()
    except OSError:
        return "there is no first process"
    # The name in brackets may hold anything, so the state is what follows the last bracket.
    state = stat.rpartition(")")[2].split()[0]
    return f"the first process is in state {state}" if state in STOPPED else ""


def punctual(connection: Any) -> str:
    """Return why scheduled actions cannot be called punctual; empty: they can.

    An action that is overdue while something runs in the database is waiting for its turn.
    """
    with connection.cursor() as cursor:
        cursor.execute(LATENESS)
        late, running = cursor.fetchone()
    if late > LATE_SECONDS and not running:
        return f"an action is {late / 60:.0f} minutes late and nothing runs"
    return ""


def connect(path: Path = Path("/run/odoo/odoo.conf")) -> Any:
    """Connect as Odoo does; the password comes from PGPASSWORD."""
    import psycopg2

    options = configparser.RawConfigParser()
    options.read(path)
    values = options["options"]
    connection = psycopg2.connect(
        host=values["db_host"],
        port=values["db_port"],
        user=values["db_user"],
        dbname=values["db_name"],
        sslmode=values["db_sslmode"],
        password=os.environ["PGPASSWORD"],
        connect_timeout=5,
        application_name="storefleet-probe",
    )
    connection.autocommit = True
    return connection


def main() -> None:
    """Run the probe that is named first."""
    which = sys.argv[1] if len(sys.argv) > 1 else ""
    if which == "alive":
        problem = alive()
    elif which == "punctual":
        try:
            problem = punctual(connect())
        except Exception as error:  # noqa: BLE001 - whatever it is, the pod is not ready
            problem = f"the database does not say: {type(error).__name__}"
    else:
        problem = f"{which} is no probe: alive or punctual"
    sys.exit(problem or None)
