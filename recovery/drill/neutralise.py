"""Neutralise: what a copy must not do to the world before anything of it runs.

Odoo's own ``odoo-bin neutralize`` knows the modules that are installed and is better; a drill that is given its
command runs it. This is what a database can be told without Odoo, and it is checked afterwards.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, LiteralString

from recovery.database.server import exists, one
from recovery.trouble import NotWhole

if TYPE_CHECKING:
    from recovery.database.server import Connection, Server


@dataclass(frozen=True, kw_only=True)
class Silence:
    """One thing that is switched off: in which table, how, and what must not be left."""

    table: str
    change: LiteralString
    left: LiteralString
    why: str


SILENCES: Final = (
    Silence(
        table="ir_cron",
        change="UPDATE ir_cron SET active = false WHERE active",
        left="SELECT count(*) FROM ir_cron WHERE active",
        why="scheduled jobs send, fetch and delete",
    ),
    Silence(
        table="ir_mail_server",
        change="UPDATE ir_mail_server SET active = false WHERE active",
        left="SELECT count(*) FROM ir_mail_server WHERE active",
        why="customers would get mail twice",
    ),
    Silence(
        table="fetchmail_server",
        change="UPDATE fetchmail_server SET active = false WHERE active",
        left="SELECT count(*) FROM fetchmail_server WHERE active",
        why="incoming mail would end in the copy",
    ),
    Silence(
        table="payment_provider",
        change="UPDATE payment_provider SET state = 'disabled' WHERE state <> 'disabled'",
        left="SELECT count(*) FROM payment_provider WHERE state <> 'disabled'",
        why="a card would be charged",
    ),
    Silence(
        table="queue_job",
        change="UPDATE queue_job SET state = 'cancelled' WHERE state IN ('pending', 'enqueued', 'started')",
        left="SELECT count(*) FROM queue_job WHERE state IN ('pending', 'enqueued', 'started')",
        why="what is queued was already done, or will be",
    ),
    Silence(
        table="auth_oauth_provider",
        change="UPDATE auth_oauth_provider SET enabled = false WHERE enabled",
        left="SELECT count(*) FROM auth_oauth_provider WHERE enabled",
        why="nobody signs in to a copy with a real account",
    ),
)

_BASE_URL: Final = "http://drill.invalid"
"""A name that no resolver knows (RFC 2606)."""


def neutralise(server: Server, database: str) -> tuple[str, ...]:
    """Switch everything off that reaches outside; returns the tables that were changed.

    Raises:
        NotWhole: something is still switched on afterwards.

    """
    changed: list[str] = []
    with server.connected(database) as connection, connection.transaction():
        for each in SILENCES:
            if exists(connection, each.table):
                connection.execute(each.change)
                changed.append(each.table)
        if exists(connection, "ir_config_parameter"):
            _identity(connection)
            changed.append("ir_config_parameter")
    with server.connected(database) as connection:
        left = [each for each in SILENCES if each.table in changed and one(connection, each.left)]
    if left:
        raise NotWhole(f"{database} is not silent: {left[0].table} is not switched off, and {left[0].why}")
    return tuple(changed)


def _identity(connection: Connection) -> None:
    """Give the copy a name and a secret of its own: with production's it would be taken for it."""
    values = {
        "database.uuid": secrets.token_hex(16),
        "database.secret": secrets.token_hex(32),
        "web.base.url": _BASE_URL,
    }
    for key, value in values.items():
        connection.execute("UPDATE ir_config_parameter SET value = %s WHERE key = %s", [value, key])
