"""What is kept beside moto, and the words in which every addition is written."""

import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = os.environ.setdefault("MOTO_ACCOUNT_ID", "123456789012")
# The policies that AWS itself publishes, which roles are given; moto reads this when it is asked for one.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
Json = dict[str, Any]
Answer = tuple[int, Json | str]


class Refused(Exception):  # noqa: N818
    """What AWS would answer with an error: its code, text and status."""

    def __init__(self, code: str, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Call:
    """One request, as far as it matters here."""

    method: str
    parts: list[str]
    query: dict[str, list[str]]
    body: Json
    raw: bytes
    region: str
    service: str
    target: str
    forward: Callable[[], tuple[int, Json]]


@dataclass
class Kept:
    """Everything that is kept beside moto, by what it is and where."""

    things: dict[tuple[str, ...], Json] = field(default_factory=dict)
    answered: dict[tuple[str, ...], Answer] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    left: int | None = None
    """How many calls are answered before the credentials expire; None where they never do."""
    unknown: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def expired(self) -> bool:
        """Count one call, and say whether it came after the credentials had expired."""
        with self.lock:
            if self.left is None:
                return False
            self.left -= 1
            return self.left < 0

    def get(self, *key: str) -> Json:
        if key not in self.things:
            raise Refused("ResourceNotFoundException", f"No {key[0]} found: {key[-1]}")
        return self.things[key]

    def below(self, *key: str) -> list[Json]:
        return [self.things[k] for k in sorted(self.things) if k[: len(key)] == key]

    def put(self, thing: Json, *key: str) -> Json:
        if key in self.things:
            raise Refused("ResourceInUseException", f"{key[0]} already exists: {key[-1]}", 409)
        self.things[key] = thing
        return thing

    def drop(self, *key: str) -> None:
        for k in [k for k in self.things if k[: len(key)] == key]:
            del self.things[k]


KEPT = Kept()


def now() -> float:
    return round(time.time(), 3)


def arn(call: Call, what: str) -> str:
    return f"arn:aws:{call.service}:{call.region}:{ACCOUNT}:{what}"


def update(kind: str) -> Answer:
    return 200, {
        "update": {"id": str(uuid.uuid4()), "status": "Successful", "type": kind, "createdAt": now()}
    }
