"""A new tenant's file: its text with comments that help whoever edits it next, and how it is written."""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spec.problems import Problem, SpecError
from spec.schema import SCHEMA_PATH
from spec.yaml_text import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spec.tenant import TenantSpec

_WIDTH: Final = 100
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ./@_+-]*", re.ASCII)
_MODE: Final = 0o644


def tenant_text(tenant: TenantSpec, reasons: Iterable[str], placed: str) -> str:
    """Return the file of a new tenant.

    Args:
        tenant: the tenant, without overrides, waivers or peaks: those are added by hand.
        reasons: why the tier and the ring are what they are, a sentence each.
        placed: why the cell is the one it is.

    """
    t = tenant
    lines = [
        f"# yaml-language-server: $schema=../{SCHEMA_PATH.as_posix()}",
        f"display_name: {scalar(t.display_name)}",
        f"group: {scalar(t.group)}",
        f"country: {scalar(t.country)}",
        _line(f"residency: {t.residency.value}", "where the data must stay: eu, uk or ch"),
        f"time_zone: {scalar(t.time_zone)}",
        f"currency: {scalar(t.currency)}",
        _line("domains:", "the main one first"),
        *(f"  - {scalar(name)}" for name in t.domains),
        "contacts:",
        _line(f"  business: {scalar(t.contacts.business)}", "decides about freezes, windows and risk"),
        _line(f"  technical: {scalar(t.contacts.technical)}", "is told about incidents and releases"),
        "",
        "# Facts. The tier and the ring below follow from them.",
        _line(f"criticality: {t.criticality.value}", "low, standard, high or critical"),
        _line(f"data_sensitivity: {t.data_sensitivity.value}", "internal, personal or regulated"),
        _line(f"customisation: {t.customisation.value}", "none, light or deep"),
        _line(f"release_tolerance: {t.release_tolerance.value}", "eager, normal or cautious"),
        _line(f"orders_per_day: {t.orders_per_day}", "on an ordinary day, all channels together"),
        _line("peaks: []", "such as - {name: Black Friday, starts: 11-20, ends: 11-30, factor: 3}"),
        *_integrations(t),
        "",
        *_comment(reasons),
        _line(f"tier: {t.tier.value}", "shared, hybrid or dedicated"),
        *_comment([f"{placed}. It is chosen once: another cell means moving the data."]),
        f"cell: {scalar(t.cell)}",
        _line(f"ring: {int(t.ring)}", "0 canary, 1 early, 2 general, 3 guarded"),
        *_calendar(t),
    ]
    return "\n".join(lines) + "\n"


def scalar(text: str) -> str:
    """Write a text as YAML that reads back as the same text, with quotes only where they are needed."""
    if _PLAIN.fullmatch(text) and parse(f"key: {text}", "") == {"key": text}:
        return text
    # JSON is YAML. Its escapes of letters beyond ASCII are not wanted, and none is needed: a text is printable.
    return json.dumps(text, ensure_ascii=False)


def write_new(path: Path, text: str, file: str) -> None:
    """Write a file that does not exist yet, in one step: it is there as a whole or not at all.

    Args:
        path: where.
        text: what.
        file: what messages call it.

    Raises:
        SpecError: it exists, also when somebody else made it a moment ago.

    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(_MODE)
        # A link, unlike a rename, is refused when the file is there.
        path.hardlink_to(name)
    except FileExistsError:
        raise exists(file) from None
    finally:
        Path(name).unlink()


def exists(file: str) -> SpecError:
    """Return the refusal for a tenant that has a file already."""
    message, fix = "is there already: nothing was written", "choose another id, or edit the file"
    return SpecError([Problem(file=file, message=message, fix=fix)])


def _line(text: str, comment: str) -> str:
    return f"{text:<32} # {comment}"


def _integrations(tenant: TenantSpec) -> list[str]:
    if not tenant.integrations:
        return [_line("integrations: []", "names of peers of the environment, such as - payments")]
    return ["integrations:", *(f"  - {scalar(name)}" for name in tenant.integrations)]


def _calendar(tenant: TenantSpec) -> list[str]:
    if tenant.calendar is None:
        return [_line("# calendar:", "a file of calendars/: without one it is never frozen")]
    return [_line(f"calendar: {scalar(tenant.calendar)}", "when no release may start: a file of calendars/")]


def _comment(sentences: Iterable[str]) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, _WIDTH, initial_indent="# ", subsequent_indent="#   ")
    ]
