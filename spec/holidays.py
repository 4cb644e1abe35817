"""Public holidays by country, from the library that keeps them."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Final, cast

from spec.problems import either, refusal, suggestion

_LANGUAGE: Final = "en_US"
_KNOWN_BY: Final = (2025, 2026, 2027)
"""The years by whose holidays a name is judged."""


@cache
def holidays_of(country: str, subdivision: str | None, year: int) -> Mapping[date, tuple[str, ...]]:
    """Return the public holidays of a year, with their names in English (or in the country's language)."""
    import holidays  # noqa: PLC0415 - the library takes half a second to read, and most commands need none

    language = _LANGUAGE if _LANGUAGE in holidays.list_localized_countries().get(country, ()) else None
    found = holidays.country_holidays(country, subdiv=subdivision, years=year, language=language)
    days = cast("Mapping[date, str]", found)
    return {day: tuple(names.split("; ")) for day, names in sorted(days.items()) if day.year == year}


def refuse_unknown(country: str, subdivision: str | None, only: tuple[str, ...]) -> None:
    """Refuse a country, a part of it or a name of a holiday that the library does not know.

    Raises:
        PydanticCustomError: what is unknown, and what is known.

    """
    import holidays  # noqa: PLC0415

    countries = holidays.list_supported_countries()
    if country not in countries:
        message = "is a country whose holidays are not known"
        raise refusal(message, at=("country",), fix="write its holidays as seasons")
    parts = countries[country]
    if subdivision is not None and subdivision not in parts:
        allowed = either(parts) if parts else f"none: the holidays of {country} are the same everywhere"
        raise refusal(
            f"is not a part of {country} with holidays of its own",
            at=("subdivision",),
            allowed=allowed,
            fix=suggestion(subdivision, parts),
        )
    if not only:
        return
    known = sorted(
        {
            name
            for year in _KNOWN_BY
            for names in holidays_of(country, subdivision, year).values()
            for name in names
        }
    )
    for place, name in enumerate(only):
        if name not in known:
            raise refusal(
                f"is not a public holiday of {subdivision or country}",
                at=("only", place),
                allowed=either(known),
                fix=suggestion(name, known),
            )
