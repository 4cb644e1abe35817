"""The words of the specs: what each takes, and what it does not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from spec.quantity import cpu_text, is_quantity, memory_text, quantity_value
from spec.vocabulary import (
    CellId,
    Cidr,
    CountryCode,
    CurrencyCode,
    Day,
    Email,
    Fqdn,
    Quantity,
    RingNumber,
    TenantId,
    TimeZone,
    Title,
)

pytestmark = pytest.mark.unit

TAKEN = [
    (TenantId, ["a", "t-1", "t-10", "a" * 63, "a1-b2-c3"]),
    (CellId, ["eu-1", "a" * 40]),
    (Fqdn, ["shop.example", "a-b.c.example", "xn--zrich-kva.example", "1.shop.example"]),
    (Email, ["shop@brand.example", "first.last+tag@brand.example"]),
    (CountryCode, ["FR", "NO", "GB"]),
    (CurrencyCode, ["EUR", "SEK"]),
    (TimeZone, ["Europe/Paris", "Atlantic/Canary", "America/Argentina/Buenos_Aires", "UTC"]),
    (Title, ["Zürich", "L'Été", "9"]),
    (Quantity, ["250m", "1.5", "640Mi", 2, 0.5]),
    (Cidr, ["203.0.113.16/28", "198.51.100.7/32", "2001:db8::/64"]),
    (Day, ["2026-02-28", "2028-02-29"]),
    (RingNumber, [0, 3]),
]
REFUSED = [
    (TenantId, ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a.b", "é", "a\n", "a" * 64, 5, None]),
    (CellId, ["a" * 41, "eu 1"]),
    (
        Fqdn,
        ["", "shop", "SHOP.example", "*.example", "shop.example.", "a..b", "-a.example", "zürich.example"],
    ),
    (Fqdn, ["xn--0.example", "ab--c.example", "10.0.0.1", "::1", "shop.example:443", "a" * 64 + ".example"]),
    (Fqdn, [".".join(["a" * 60] * 5), "shop.example\n", "sh op.example", "shop.123", "^shop$.example"]),
    (
        Email,
        [
            "",
            "shop",
            "shop@",
            "@brand.example",
            "a@b@brand.example",
            "a..b@brand.example",
            "a@brand",
            "a b@c.example",
        ],
    ),
    (CountryCode, ["UK", "fr", "FRA", "", "XX"]),
    (CurrencyCode, ["eur", "EURO", "€", "XXY"]),
    (TimeZone, ["Paris", "europe/paris", "../etc/passwd", "Europe", "CET", "", "\0"]),
    (Title, ["", " a", "a ", "a\nb", "a\x1b[0m", "a" * 121, "\u202eabc"]),
    (
        Quantity,
        [
            "",
            "0",
            "-1",
            "1e3",
            "1 Gi",
            "Gi",
            "1gi",
            "1.",
            "1Mi\n",
            "\u0663",
            True,
            None,
            float("inf"),
            float("nan"),
        ],
    ),
    (
        Cidr,
        [
            "",
            "0.0.0.0/0",
            "::/0",
            "169.254.169.254/32",
            "127.0.0.1/32",
            "203.0.113.17/28",
            "203.0.113.0/33",
            "host",
        ],
    ),
    (
        Day,
        [
            "2027-02-29",
            "2026-13-01",
            "20261127",
            "2026-W01-1",
            "27.11.2026",
            0,
            1764201600,
            True,
            None,
            "\u0662\u0660\u0662\u0666-01-01",
        ],
    ),
    (RingNumber, [4, -1, True, 1.0, "1", "canary", None]),
]


@pytest.mark.parametrize(("kind", "values"), TAKEN)
def test_what_is_right_is_taken(kind, values):
    for value in values:
        TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(("kind", "values"), REFUSED)
def test_what_is_wrong_is_refused(kind, values):
    for value in values:
        with pytest.raises(ValidationError):
            pytest.fail(f"{value!r} was taken as {TypeAdapter(kind).validate_python(value)!r}")


@pytest.mark.parametrize(
    "kind", [TenantId, Fqdn, Email, CountryCode, CurrencyCode, TimeZone, Title, Quantity, Cidr, Day]
)
@given(value=st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.binary())
def test_no_value_makes_a_word_fail_otherwise_than_by_refusing(kind, value):
    try:
        taken = TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return
    assert str(taken).isprintable(), "what is taken must be safe to print"


@given(st.integers(min_value=1, max_value=10**12))
def test_sizes_are_written_so_that_they_never_shrink(size):
    assert quantity_value(memory_text(Decimal(size))) >= size
    assert quantity_value(cpu_text(Decimal(size) / 10**6)) >= Decimal(size) / 10**6


@given(st.decimals(min_value="0.001", max_value=10**6, places=3), st.sampled_from(["", "m", "k", "Mi", "Gi"]))
def test_a_quantity_has_the_value_of_its_number_and_suffix(number, suffix):
    factor = {"": 1, "m": Decimal("0.001"), "k": 1000, "Mi": 2**20, "Gi": 2**30}[suffix]
    assert is_quantity(f"{number}{suffix}")
    assert quantity_value(f"{number}{suffix}") == number * factor


def test_a_quantity_that_is_none_is_not_given_a_value():
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity_value("many")
