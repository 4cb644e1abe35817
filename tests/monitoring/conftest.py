"""The pinned promtool, built where it is missing."""

from __future__ import annotations

import pytest
from rich.console import Console

from local.progress import Progress
from local.toolchain.build import ensure
from local.toolchain.catalog import PROMTOOL


@pytest.fixture(scope="session")
def program():
    return ensure(Progress(Console()), [PROMTOOL])["promtool"]
