"""Whose turn it is. Pure: the cell, its tenants and the week decide."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

_WEEK_DAYS = 7


def turn(cell: str, tenants: Iterable[str], day: date) -> str:
    """Return the tenant of a cell that is drilled in the week of a day.

    The order is drawn by lot, anew once everybody had a turn: nobody can prepare for it, and nobody is left out
    for longer than twice as many weeks as there are tenants.

    Raises:
        ValueError: the cell has no tenants.

    """
    waiting = sorted(set(tenants))
    if not waiting:
        raise ValueError(f"cell {cell} has no tenant whose backup could be drilled")
    weeks = (day.toordinal() - 1) // _WEEK_DAYS  # day 1 of the calendar was a Monday
    cycle, place = divmod(weeks, len(waiting))
    drawn = sorted(waiting, key=lambda tenant: hashlib.sha256(f"{cell} {cycle} {tenant}".encode()).digest())
    return drawn[place]
