"""The processes that nobody asks: scheduled actions and queued jobs, each row taken by one process at a time."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import psycopg

from .database import BUS, Database

if TYPE_CHECKING:
    import threading
    from typing import LiteralString

    from .database import Connection
    from .shop import Shop

WAKE = "cron_trigger"
POLL_SECONDS = 60.0
"""How long a scheduled action waits at most when nobody wakes the process: Odoo's own minute."""
_ACTION = """
UPDATE ir_cron SET lastcall = now() AT TIME ZONE 'utc',
    nextcall = (now() AT TIME ZONE 'utc') + make_interval(secs => interval_seconds)
WHERE id = (SELECT id FROM ir_cron WHERE active AND nextcall <= now() AT TIME ZONE 'utc'
    ORDER BY nextcall LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING cron_name
"""
_JOB = """
UPDATE queue_job SET state = 'done', date_done = now() AT TIME ZONE 'utc'
WHERE id = (SELECT id FROM queue_job WHERE state = 'pending' ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING uuid
"""


def all_of(shop: Shop, statement: LiteralString) -> list[str]:
    """Take one row after the other until none is due; returns what was done."""
    done: list[str] = []

    def work(connection: Connection) -> str | None:
        row = connection.execute(statement).fetchone()
        return row[0] if row else None

    while True:
        name = shop.database.run(work)
        if name is None:
            return done
        done.append(name)


def actions(shop: Shop) -> list[str]:
    """Run every scheduled action that is due."""
    return all_of(shop, _ACTION)


def jobs(shop: Shop) -> list[str]:
    """Run every job that waits."""
    return all_of(shop, _JOB)


def follow(shop: Shop, kind: str, stop: threading.Event) -> None:
    """Run what is due, then wait until somebody notifies or a minute is over; a lost server is looked for again.

    `kind` is `cron`, whose channel is that of all tenants, or `jobs`, whose channel is in the tenant's own database.
    """
    channel, work = (WAKE, actions) if kind == "cron" else ("queue_job", jobs)
    database = Database(shop.settings, BUS) if kind == "cron" else shop.database
    while not stop.is_set():
        try:
            with database.connect(autocommit=True) as connection:
                connection.execute(f"LISTEN {channel}")  # pyright: ignore[reportArgumentType,reportCallIssue] - a word of our own
                while not stop.is_set():
                    for name in work(shop):
                        print(f"{kind}: {name}", flush=True)  # noqa: T201 - the log of the pod
                    for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            print(f"{kind}: {type(error).__name__}", file=sys.stderr, flush=True)  # noqa: T201 - as above
            time.sleep(1)
