"""What a user would see in a log, for the tests to read."""

from __future__ import annotations

import io

from rich.console import Console

from local.progress import Progress


def shown():
    output = io.StringIO()
    return Progress(Console(file=output, force_terminal=False, width=200)), output
