"""What `odoo neutralize` does to a copy: nothing in it reaches anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import Database

_STEPS = (
    (
        "UPDATE ir_cron SET active = false WHERE ir_actions_server_id NOT IN (SELECT res_id FROM ir_model_data"
        " WHERE module = 'base' AND name = 'autovacuum_job_ir_actions_server')"
    ),
    "UPDATE ir_mail_server SET active = false",
    "INSERT INTO ir_mail_server (name, smtp_host) VALUES ('neutralised', 'invalid')",
    (
        "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true')"
        " ON CONFLICT (key) DO UPDATE SET value = 'true'"
    ),
)


def neutralise(database: Database) -> None:
    """Switch off what reaches the outside."""
    with database.transaction() as connection:
        for step in _STEPS:
            connection.execute(step)
