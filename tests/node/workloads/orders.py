"""A stream of orders against the stand-in's own port, and what of it was confirmed, with the times at which it was."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import psycopg

from local.kube import ApiError
from tests.node.workloads.platform import TENANT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from tests.node.workloads.platform import Platform

TILLS = 4
_PAUSE = 0.02


@dataclass
class Stream:
    """Tills that each send one order after the other; an order that was not confirmed is not sent again.

    `address` is asked before each connection, since a pod that is made anew has another one.
    """

    address: Callable[[], str]
    port: int = 8069
    seconds: float = 10.0
    """Longest that a till waits for an answer."""
    name: str = "till"
    """What the references of its orders begin with: the same reference again is the same order."""
    confirmed: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._till, args=(n,), daemon=True) for n in range(TILLS)]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join(self.seconds * 2)

    def count(self) -> int:
        return len(self.confirmed)

    def longest_gap(self, since: float) -> float:
        """Return the longest time without a confirmed order from a moment on, in seconds."""
        with self._lock:
            moments = sorted(moment for moment in self.confirmed.values() if moment >= since)
        return max(
            (after - before for before, after in itertools.pairwise([since, *moments])), default=float("inf")
        )

    def _till(self, number: int) -> None:
        for each in itertools.count():
            if self._stop.is_set():
                return
            reference = f"{self.name}-{number}-{each}"
            if self._sent(reference):
                with self._lock:
                    self.confirmed[reference] = time.monotonic()
            else:
                with self._lock:
                    self.refused += 1
            time.sleep(_PAUSE)

    def _sent(self, reference: str) -> bool:
        try:
            with closing(
                http.client.HTTPConnection(self.address(), self.port, timeout=self.seconds)
            ) as connection:
                order = json.dumps({"reference": reference, "quantity": 1})
                connection.request("POST", "/orders", body=order)
                answer = connection.getresponse()
                answer.read()
        except (OSError, http.client.HTTPException, ApiError):
            return False
        return answer.status in {200, 201}


def ordered(shop: Platform, many: int, name: str) -> set[str]:
    """Let tills order until so many orders are confirmed, and return the references of all that are."""
    with Stream(lambda: shop.address("web"), name=name) as stream:
        eventually(f"{many} confirmed orders", lambda: stream.count() >= many)
    return set(stream.confirmed)


@contextmanager
def on_primary(shop: Platform, instance: str | None = None) -> Generator[psycopg.Connection]:
    """Connect to the cell's primary directly, or to another instance, as the tenant."""
    name = instance or shop.cluster()["currentPrimary"]
    (pod,) = [each for each in shop.pods(shop.cell) if each["metadata"]["name"] == name]
    with connected(pod, TENANT, shop.password("role")) as connection:
        yield connection


def connected(
    pod: Mapping[str, Any], user: str, password: str, database: str | None = None, **more: Any
) -> psycopg.Connection:
    """Connect to a pod of PostgreSQL or of its pooler, to the database of the user's name unless stated."""
    return psycopg.connect(
        host=pod["status"]["podIP"],
        user=user,
        dbname=database or user,
        password=password,
        sslmode="require",
        connect_timeout=20,
        **more,
    )


def kept(shop: Platform, instance: str | None = None) -> set[str]:
    """Return the references of all orders that the primary has, or another instance."""
    with on_primary(shop, instance) as connection:
        return orders_in(connection)


def orders_in(connection: psycopg.Connection) -> set[str]:
    """Return the references of all orders of the tenant whose database it is."""
    return {row[0] for row in connection.execute("SELECT client_order_ref FROM sale_order")}
