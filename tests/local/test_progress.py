"""Long work shows what it does and how long it took."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from local.progress import Progress, duration
from tests.local.screen import shown


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4 s"), (12.3, "12 s"), (185, "3 min 05 s")])
def test_times_are_written_as_people_read_them(seconds, text):
    assert duration(seconds) == text


def test_a_step_in_a_log_has_a_line_with_its_result_and_time():
    progress, output = shown()
    with progress.step("one thing") as step:
        step.result = "done well"
    assert re.match(r"\+ one thing: done well \([0-9.]+ s\)\n", output.getvalue())


def test_a_step_that_fails_is_marked():
    progress, output = shown()
    with pytest.raises(RuntimeError), progress.step("one thing"):
        raise RuntimeError
    assert output.getvalue().startswith("x one thing")


def test_a_step_on_a_terminal_shows_brackets_as_they_are():
    output = io.StringIO()
    progress = Progress(Console(file=output, force_terminal=True, width=200))
    with progress.step("rule [resources-set]"):
        pass
    assert "[resources-set]" in output.getvalue()
