"""`kill -9` at any moment of a first `up`, then `up`: it converges, with nothing doubled and nothing left over."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from cli.inventory import in_state

if TYPE_CHECKING:
    from tests.integration.project import Project

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("created", "also_the_command"),
    [(0, False), (4, True), (20, False), (45, True), (70, False)],
    ids=[
        "at its start",
        "early, with the command",
        "in the middle",
        "late, with the command",
        "near its end",
    ],
)
def test_an_engine_killed_in_a_first_up_is_gone_on_from(fresh: Project, created: int, also_the_command: bool):
    child = fresh.start("up")
    seen = _kill_engine_after(fresh, created, child.pid if also_the_command else None)
    output, _ = child.communicate(timeout=120)
    assert child.returncode != 0, "a killed engine was reported as a success"
    if not also_the_command:
        assert "killed" in output, output
        assert "again" in output, "the user is not told what to do"
    fresh.run("up")
    found = fresh.inventory()
    assert not found.missing, f"after a kill at {seen} objects the state names what is not there"
    assert not found.orphans, f"after a kill at {seen} objects the cluster holds what no state names"
    doubled = [item for item, count in Counter(in_state(fresh.state_file)).items() if count > 1]
    assert not doubled, "the state names an object twice"
    assert "Nothing to change" in fresh.run("up"), "it did not converge in one run"


def _kill_engine_after(project: Project, created: int, command: int | None) -> int:
    """Kill the engine of a running `up` once it has reported so many objects; return how many it had."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        logs = sorted((project.state.engine / "runs").glob("*-up.events"))
        engines = project.engines()
        if logs and engines:
            done = sum('"resOutputsEvent"' in line for line in logs[-1].read_text().splitlines())
            if done >= created:
                if command is not None:
                    os.kill(command, signal.SIGKILL)
                for engine in engines:
                    engine.kill()
                return done
        time.sleep(0.01)
    raise AssertionError("the engine never came so far")
