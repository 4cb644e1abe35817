"""The words that specs are written in: constrained types and enumerations, with their refusals."""

import ipaddress
import re
from datetime import date
from enum import IntEnum, StrEnum
from functools import cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from spec.domains import domain
from spec.iso import COUNTRIES, CURRENCIES
from spec.naming import CELL_ID_LIMIT, RESERVED_TENANT_IDS, TENANT_ID_LIMIT
from spec.problems import looks_secret, refusal, suggestion
from spec.quantity import QUANTITY_PATTERN, is_quantity


class Tier(StrEnum):
    """A named preset over the isolation axes: process size, database, nodes."""

    SHARED = "shared"
    HYBRID = "hybrid"
    DEDICATED = "dedicated"


class Ring(IntEnum):
    """The order in which tenants get a release."""

    CANARY = 0
    EARLY = 1
    GENERAL = 2
    GUARDED = 3


class Criticality(StrEnum):
    """What an hour without the shop costs the tenant, from least to most."""

    LOW = "low"
    STANDARD = "standard"
    HIGH = "high"
    CRITICAL = "critical"


class Sensitivity(StrEnum):
    """The most sensitive data that the tenant holds."""

    INTERNAL = "internal"
    PERSONAL = "personal"
    REGULATED = "regulated"


class Customisation(StrEnum):
    """How far the tenant's modules depart from the standard product."""

    NONE = "none"
    LIGHT = "light"
    DEEP = "deep"


class ReleaseTolerance(StrEnum):
    """How early the tenant wants to see a new release."""

    EAGER = "eager"
    NORMAL = "normal"
    CAUTIOUS = "cautious"


class TenantState(StrEnum):
    """Where the tenant stands on its way from opening to leaving."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"
    PURGED = "purged"


class EnvironmentName(StrEnum):
    """The environments there are; a Pulumi stack each."""

    LOCAL = "local"
    DEV = "dev"
    STAGING = "staging"
    PRODUCTION = "production"
    DR = "dr"


class Jurisdiction(StrEnum):
    """Where data must stay. ``eu`` is the European Economic Area, which shares one data protection law."""

    EU = "eu"
    UK = "uk"
    CH = "ch"


ID_PATTERN: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", re.ASCII)
_ID_ALLOWED: Final = "lower-case letters, digits and single dashes, beginning with a letter"


def _identifier(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        allowed = f"{_ID_ALLOWED}, at most {limit} characters"
        if len(text) > limit:
            message = f"is too long: {len(text)} characters"
            raise refusal(message, allowed=allowed, fix=f"shorten it by {len(text) - limit}")
        if not _ID.match(text):
            likely = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
            fix = f"write {likely}" if _ID.match(likely) and not looks_secret(text) else ""
            raise refusal("is not an id", allowed=allowed, fix=fix)
        return text

    return AfterValidator(check)


def _free(text: str) -> str:
    if text in RESERVED_TENANT_IDS:
        message = "is a name that PostgreSQL or the platform keeps for itself"
        raise refusal(message, allowed=_ID_ALLOWED, fix=f"write {text}-shop")
    return text


TenantId = Annotated[
    str,
    _identifier(TENANT_ID_LIMIT),
    AfterValidator(_free),
    Field(json_schema_extra={"pattern": ID_PATTERN}),
]
CellId = Annotated[str, _identifier(CELL_ID_LIMIT), Field(json_schema_extra={"pattern": ID_PATTERN})]
Slug = Annotated[str, _identifier(CELL_ID_LIMIT), Field(json_schema_extra={"pattern": ID_PATTERN})]
"""A short name of anything else that is referred to by name: a group, a catalogue, an integration."""

TITLE_LIMIT: Final = 120


def _title(text: str) -> str:
    if not text.strip() or text != text.strip() or len(text) > TITLE_LIMIT or not text.isprintable():
        allowed = f"1 to {TITLE_LIMIT} printable characters on one line, without spaces at either end"
        raise refusal("is not a name that can be shown", allowed=allowed)
    return text


Title = Annotated[
    str, AfterValidator(_title), Field(json_schema_extra={"minLength": 1, "maxLength": TITLE_LIMIT})
]
Fqdn = Annotated[str, AfterValidator(domain), Field(json_schema_extra={"format": "hostname"})]

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9.-]{1,253})\Z", re.ASCII)


def _email(text: str) -> str:
    match = _EMAIL.match(text)
    if not match or ".." in text or text.startswith("."):
        raise refusal("is not an e-mail address", allowed="one address such as shop@brand.example")
    domain(match[1].lower())
    return text


Email = Annotated[str, AfterValidator(_email), Field(json_schema_extra={"format": "email"})]


def _country(text: str) -> str:
    if text not in COUNTRIES:
        fix = {"UK": "the United Kingdom is GB", "EL": "Greece is GR"}.get(text.upper(), "")
        if not fix and text.upper() in COUNTRIES:
            fix = f"write {text.upper()}"
        raise refusal(
            "is not a country code", allowed="two letters of ISO 3166-1, such as FR, DE or GB", fix=fix
        )
    return text


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        likely = {"€": "EUR", "£": "GBP", "ZŁ": "PLN"}.get(text.upper(), text.upper())
        fix = f"write {likely}" if likely in CURRENCIES else ""
        raise refusal(
            "is not a currency code", allowed="three letters of ISO 4217, such as EUR or GBP", fix=fix
        )
    return text


CountryCode = Annotated[str, AfterValidator(_country), Field(json_schema_extra={"pattern": "^[A-Z]{2}$"})]
CurrencyCode = Annotated[str, AfterValidator(_currency), Field(json_schema_extra={"pattern": "^[A-Z]{3}$"})]


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def _time_zone(text: str) -> str:
    if text not in _time_zones():
        allowed = "a name of the IANA time zone database, such as Europe/Paris"
        raise refusal("is not a time zone", allowed=allowed, fix=suggestion(text, _time_zones()))
    return text


TimeZone = Annotated[str, AfterValidator(_time_zone)]


def _quantity(value: object) -> str:
    # YAML reads `cpu: 2` as a number; as a quantity it means the same as "2".
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not is_quantity(text):
        allowed = "a Kubernetes quantity above zero, such as 250m, 2 or 640Mi"
        raise refusal("is not a quantity", allowed=allowed)
    return text


Quantity = Annotated[
    str,
    BeforeValidator(_quantity),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": QUANTITY_PATTERN}, {"type": "number"}]}),
]

_UNREACHABLE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/3",
        "::/127",
        "fe80::/10",
        "ff00::/8",
    )
)


def _cidr(text: str) -> str:
    allowed = "an address range such as 203.0.113.16/28 (or /32 for one address)"
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise refusal("is not an address range", allowed=allowed) from None
    if text != str(network):
        raise refusal("is not the first address of the range", allowed=allowed, fix=f"write {network}")
    if any(network.version == other.version and network.overlaps(other) for other in _UNREACHABLE):
        message = "covers addresses that nobody outside may have (loopback, link-local, metadata, multicast)"
        raise refusal(message, allowed=allowed)
    return text


Cidr = Annotated[str, AfterValidator(_cidr)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]


DATE_SHAPE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


def _day(value: object) -> date:
    # Left to itself Pydantic takes a number as seconds since 1970, and date.fromisoformat takes weeks.
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and DATE_SHAPE.match(value) else "")
    except ValueError:
        raise refusal("is not a date", allowed="a day that exists, written like 2026-11-27") from None


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


def _ring(value: object) -> Ring:
    if isinstance(value, Ring):
        return value
    if type(value) is not int or value not in set(Ring):
        allowed = "0 (canary), 1 (early), 2 (general) or 3 (guarded)"
        named = value.upper() if isinstance(value, str) else ""
        fix = f"write {Ring[named].value}" if named in Ring.__members__ else ""
        raise refusal("is not a ring", allowed=allowed, fix=fix)
    return Ring(value)


RingNumber = Annotated[Ring, BeforeValidator(_ring)]
