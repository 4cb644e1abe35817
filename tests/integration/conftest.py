"""One applied environment for all tests that only look or change and put back; fresh ones for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.project import Project, copy

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    """An environment that was applied once; a test that changes it puts it back."""
    made = copy(tmp_path_factory.mktemp("project"))
    try:
        made.run("up")
        yield made
    finally:
        made.stop()


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    """A checkout on which nothing was run yet."""
    made = copy(tmp_path_factory.mktemp("fresh"))
    try:
        yield made
    finally:
        made.stop()
