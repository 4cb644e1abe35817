"""Host names: what a tenant may be reached by."""

import ipaddress
import re
from typing import Final

from spec.problems import refusal

_HOST_LIMIT: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", re.ASCII)
_ALLOWED: Final = "a full host name in lower case such as shop.brand.example"


def domain(text: str) -> str:
    """Return ``text`` if it is a full host name in the form that DNS and certificates use.

    Names with letters beyond ASCII are written in their encoded form (``xn--...``), because that is what the
    routes, the certificates and Odoo's own filter compare.

    Raises:
        PydanticCustomError: anything else, with the corrected name where there is one.

    """
    if "*" in text:
        fix = "list each host name on its own line"
        raise refusal(
            "is a wildcard, which would take host names of other tenants", allowed=_ALLOWED, fix=fix
        )
    if not text.isascii():
        raise refusal("has letters beyond ASCII", allowed=_ALLOWED, fix=_encoded(text))
    bare = re.sub(r"^[a-z]+://", "", text.lower()).split("/")[0].rstrip(".")
    if text != bare:
        fix = f"write {bare}" if _is_host(bare) else ""
        raise refusal("is not a bare host name", allowed=_ALLOWED, fix=fix)
    if not _is_host(text):
        raise refusal("is not a host name", allowed=_ALLOWED)
    return text


def _is_host(text: str) -> bool:
    labels = text.split(".")
    if len(text) > _HOST_LIMIT or not all(_LABEL.match(label) for label in labels):
        return False
    if len(labels) == 1 or labels[-1].isdigit() or _is_address(text):
        return False
    return all(_decodes(label) for label in labels if label[2:4] == "--")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _decodes(label: str) -> bool:
    # Of the labels with dashes in places 3 and 4 only xn-- has a meaning; the others are reserved (RFC 5891).
    try:
        return label.startswith("xn--") and not label.encode("ascii").decode("idna").isascii()
    except UnicodeError:
        return False


def _encoded(text: str) -> str:
    try:
        encoded = text.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return f"write {encoded}" if _is_host(encoded) else ""
