"""What a shop does that must not be lost: orders in the database, files on the volume, both as Odoo does it."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

from . import faults
from .database import BUS, Database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .database import Connection
    from .settings import Settings

CHANNEL = "imbus"
"""Of Odoo's bus."""


class Shop:
    """One tenant's shop in one process."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self.settings, self._environment = settings, environment
        self.database = Database(settings)
        self._bus = Database(settings, BUS)

    def close(self) -> None:
        """Close the connections that are kept."""
        self.database.close()
        self._bus.close()

    def faults(self, connection: Connection) -> faults.Faults:
        """Return what is to go wrong at the moment."""
        return faults.read(self._environment, faults.parameters(connection))

    def order(self, reference: str, quantity: int) -> dict[str, Any]:
        """Take an order and say its number. The same reference again is the same order, as with a till that repeats.

        When this returns, PostgreSQL has confirmed the commit. Raises FaultError as told, and psycopg's errors.
        """

        def work(connection: Connection) -> dict[str, Any]:
            self.faults(connection).suffer()
            found = connection.execute(
                "SELECT id, name FROM sale_order WHERE client_order_ref = %s", [reference]
            ).fetchone()
            if found:
                return {"id": found[0], "name": found[1], "reference": reference, "again": True}
            row = connection.execute(
                "INSERT INTO sale_order (client_order_ref, partner_id, state, amount_total)"
                " VALUES (%s, 2, 'sale', %s) RETURNING id",
                [reference, quantity * 1.5],
            ).fetchone()
            number = row[0] if row else 0
            name = f"S{number:05}"
            connection.execute("UPDATE sale_order SET name = %s WHERE id = %s", [name, number])
            connection.execute(
                "INSERT INTO sale_order_line (order_id, product_id, product_uom_qty, price_unit)"
                " VALUES (%s, 1, %s, 1.5)",
                [number, quantity],
            )
            return {"id": number, "name": name, "reference": reference, "again": False}

        made = self.database.run(work)
        if not made["again"]:
            self.tell("orders", {"order": made["name"]})
        return made

    def tell(self, channel: str, message: dict[str, Any]) -> None:
        """Notify whoever listens on the bus, by the connection that web processes have: through the pooler."""
        payload = json.dumps(
            {"database": self.settings.database, "channel": channel, "message": message}, sort_keys=True
        )
        self._bus.run(lambda connection: connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload]))

    def attach(self, name: str, data: bytes) -> int:
        """Keep a file: its content below its hash first, then the row that names it. Returns the row's number."""
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        place = f"{sha1[:2]}/{sha1}"
        path = self.settings.files / place
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_name(f"{sha1}.{os.getpid()}.{threading.get_ident()}")
            half.write_bytes(data)
            half.rename(path)

        def work(connection: Connection) -> int:
            row = connection.execute(
                "INSERT INTO ir_attachment (name, store_fname, checksum, file_size)"
                " VALUES (%s, %s, %s, %s) RETURNING id",
                [name, place, sha1, len(data)],
            ).fetchone()
            return row[0] if row else 0

        return self.database.run(work)

    def content(self, number: int) -> bytes | None:
        """Return a file's content; None for one that nobody kept."""

        def work(connection: Connection) -> str | None:
            row = connection.execute(
                "SELECT store_fname FROM ir_attachment WHERE id = %s", [number]
            ).fetchone()
            return row[0] if row else None

        place = self.database.run(work)
        return (self.settings.files / place).read_bytes() if place else None

    def counted(self) -> dict[str, int]:
        """Return how much of everything there is."""

        def work(connection: Connection) -> dict[str, int]:
            query = "SELECT (SELECT count(*) FROM sale_order), (SELECT count(*) FROM ir_attachment)"
            row = connection.execute(query).fetchone() or (0, 0)
            return {"orders": row[0], "files": row[1]}

        return self.database.run(work)

    def user(self, login: str) -> int | None:
        """Return the number of a user that may sign in."""

        def work(connection: Connection) -> int | None:
            row = connection.execute(
                "SELECT id FROM res_users WHERE login = %s AND active", [login]
            ).fetchone()
            return row[0] if row else None

        return self.database.run(work)

    def queue(self, uuid: str, payload: Mapping[str, Any]) -> None:
        """Give a job to the job runner, and wake it."""

        def work(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO queue_job (uuid, state, payload) VALUES (%s, 'pending', %s)",
                [uuid, json.dumps(dict(payload))],
            )
            connection.execute("SELECT pg_notify('queue_job', %s)", [uuid])

        self.database.run(work)

    def reachable(self) -> bool:
        """Say whether the server answers, as Odoo's health page does: by its database `postgres`."""
        import psycopg  # noqa: PLC0415 - its errors alone

        try:
            with self._bus.connect() as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.Error:
            return False
