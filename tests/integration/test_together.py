"""Two commands at the same moment: one works, the other waits and says so, and both end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.project import SECONDS

if TYPE_CHECKING:
    from tests.integration.project import Project

pytestmark = pytest.mark.integration


def test_two_first_ups_at_once_make_one_environment(fresh: Project):
    children = [fresh.start("up"), fresh.start("up")]
    said = [child.communicate(timeout=SECONDS)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], "\n".join(said)
    assert sum("waiting for its end" in text for text in said) == 1, "nobody was told what the wait is for"
    assert sum("Nothing to change" in text for text in said) == 1, "both applied the stack"
    found = fresh.inventory()
    assert not found.missing, "the state names what is not in the cluster"
    assert not found.orphans, "the cluster holds what no state names"
