"""The library of holidays with the date library that it does not ask for: known days, so that a change is seen."""

from datetime import date

import pytest

from spec.holidays import holidays_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("country", "part", "name", "day"),
    [
        ("FR", None, "Easter Monday", date(2024, 4, 1)),
        ("FR", None, "Easter Monday", date(2026, 4, 6)),
        ("DE", None, "Good Friday", date(2027, 3, 26)),
        ("DE", "BY", "Corpus Christi", date(2026, 6, 4)),
        ("GB", None, "Christmas Day", date(2026, 12, 25)),
        ("PL", None, "Corpus Christi", date(2026, 6, 4)),
        ("ES", None, "Epiphany", date(2027, 1, 6)),
    ],
)
def test_a_holiday_is_on_the_day_on_which_it_was_or_will_be(country, part, name, day):
    assert name in holidays_of(country, part, day.year)[day]


def test_a_holiday_of_a_part_is_not_one_of_the_country():
    assert date(2026, 6, 4) not in holidays_of("DE", None, 2026)
