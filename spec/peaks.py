"""Peaks: the seasons in which a tenant's shop is busier than on an ordinary day."""

import re
from datetime import date
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from spec.model import SpecModel
from spec.problems import refusal
from spec.vocabulary import DATE_SHAPE, Title

LONGEST_PEAK_DAYS: Final = 120
"""A season longer than this is not a peak but the ordinary volume."""

_LEAP_YEAR: Final = 2000
_RECURRING: Final = re.compile(r"\d{2}-\d{2}\Z", re.ASCII)
_ALLOWED: Final = "a day of every year like 11-20, or of one year like 2026-11-20"


def _peak_day(value: object) -> str:
    try:
        if isinstance(value, str) and (DATE_SHAPE.match(value) or _RECURRING.match(value)):
            date.fromisoformat(value if DATE_SHAPE.match(value) else f"{_LEAP_YEAR}-{value}")
            return value
    except ValueError:
        raise refusal("is not a day that exists", allowed=_ALLOWED) from None
    raise refusal("is not a day", allowed=_ALLOWED)


PeakDay = Annotated[
    str, BeforeValidator(_peak_day), WithJsonSchema({"type": "string", "pattern": r"^(\d{4}-)?\d{2}-\d{2}$"})
]


def comes_every_year(day: str) -> bool:
    """Say whether a day is written without its year."""
    return _RECURRING.match(day) is not None


def season_days(starts: str, ends: str) -> int:
    """Return how many days a season lasts, its first and its last among them.

    Raises:
        PydanticCustomError: its days are written in different ways, or the last comes first.

    """
    yearly = comes_every_year(starts)
    if yearly != comes_every_year(ends):
        raise refusal("has starts and ends written in different ways", allowed=_ALLOWED)
    year = f"{_LEAP_YEAR}-" if yearly else ""
    days = (date.fromisoformat(year + ends) - date.fromisoformat(year + starts)).days + 1
    if yearly and days <= 0:
        days += 366
    if days <= 0:
        raise refusal("ends before it starts", fix="exchange starts and ends")
    return days


class Peak(SpecModel):
    """A named busy season, every year or once."""

    name: Title
    """What people call it, such as Black Friday."""
    starts: PeakDay
    """First day: 11-20 for every year, 2026-11-20 for once."""
    ends: PeakDay
    """Last day, written in the same way. A yearly season may run over New Year."""
    factor: Annotated[float, Field(strict=True, ge=1, le=100)]
    """Orders a day, as a multiple of an ordinary day."""

    @property
    def recurring(self) -> bool:
        """Whether the season comes every year."""
        return comes_every_year(self.starts)

    @model_validator(mode="after")
    def _is_a_season(self) -> Self:
        days = season_days(self.starts, self.ends)
        if days > LONGEST_PEAK_DAYS:
            message = f"lasts {days} days"
            raise refusal(
                message, allowed=f"at most {LONGEST_PEAK_DAYS} days", fix="raise orders_per_day instead"
            )
        return self
