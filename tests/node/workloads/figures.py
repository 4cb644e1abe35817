"""Writes what was measured on the real node into docs/reference/measured.md, a section a proof."""

from __future__ import annotations

import os
import platform
import re
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.state import ROOT, write

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = ROOT / "docs" / "reference" / "measured.md"
HEAD = """\
# What was measured on a real node

Each section was written by the test that it names, with the figures of its last run
(`STOREFLEET_NODE=real .venv/bin/pytest tests/node`). All of it ran on one machine: one node, small instances beside
each other, and a stand-in in Odoo's place (`local/node/standin`). Times are therefore those of the platform on that
machine, and say nothing of Odoo's own load.
"""


def record(title: str, test: str, figures: Mapping[str, str], notes: str = "") -> None:
    """Put a section in the place of the one with its title, or at the end."""
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Linux {platform.release()}"
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    section = (
        f"## {title}\n\n`{test}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}.\n\n"
        f"| figure | value |\n| --- | --- |\n{rows}\n" + (f"\n{textwrap.fill(notes, 118)}\n" if notes else "")
    )
    text = PAGE.read_text() if PAGE.exists() else HEAD
    begins = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    made, found = begins.subn(lambda _: f"{section}\n", text)
    write(PAGE, (made if found else f"{text.rstrip()}\n\n{section}").rstrip() + "\n", mode=0o644)
