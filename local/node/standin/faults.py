"""What the stand-in is told to get wrong: by its image for good, or by its database for a while.

An image says it in variables (`STAND_IN_FAIL=0.5`): a bad release is an image. A database says it in parameters
(`stand-in.fail`), so that one shop can be troubled while it runs. What the database says goes before.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .database import Connection

MIGRATIONS = ("", "fails", "halfway")
"""Goes well; fails before anything was changed; breaks off between two modules, as Odoo can."""
PREFIX = "stand-in."


class FaultError(Exception):
    """What was asked for went wrong because the stand-in was told so."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """`slow` seconds are waited in every request, a share `fail` of orders fails, and a migration ends as it says."""

    slow: float = 0.0
    fail: float = 0.0
    migration: str = ""

    def suffer(self) -> None:
        """Wait, and raise FaultError as often as was told."""
        if self.slow:
            time.sleep(self.slow)
        if self.fail and random.random() < self.fail:  # noqa: S311 - nothing secret
            raise FaultError("told to fail")


def read(environment: Mapping[str, str], parameters: Mapping[str, str]) -> Faults:
    """Return the faults. Raises ValueError, naming the word, for one that means nothing."""
    told = {
        name: parameters.get(f"{PREFIX}{name}", environment.get(f"STAND_IN_{name.upper()}", ""))
        for name in ("slow", "fail", "migration")
    }
    if told["migration"] not in MIGRATIONS:
        raise ValueError(f"migration {told['migration']!r}: one of {', '.join(map(repr, MIGRATIONS))}")
    return Faults(slow=float(told["slow"] or 0), fail=float(told["fail"] or 0), migration=told["migration"])


def parameters(connection: Connection) -> dict[str, str]:
    """Return what the database says."""
    query = "SELECT key, value FROM ir_config_parameter WHERE key LIKE 'stand-in.%%'"
    return {str(key): str(value) for key, value in connection.execute(query, [])}
