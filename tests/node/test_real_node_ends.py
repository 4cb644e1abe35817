"""The real node switched off and on, killed, and removed: its pods come back, and nothing of it stays behind."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest
from rich.console import Console

from local.controlplane import processes
from local.node import run
from local.node.images import ANSWER
from local.progress import Progress
from local.state import ROOT
from tests.node.conftest import PROBE
from tests.node.real import ask, pod, ready, traces, until

pytestmark = pytest.mark.integration


_START = """
import sys
from pathlib import Path
from local.node.run import node
from local.progress import Progress
from local.state import ROOT
from local.state import State
node(State(Path(sys.argv[1]))).start(Progress())
"""


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0, 4.0])
def test_a_start_that_is_killed_can_be_run_again(world, seconds):
    """The moments differ by the machine's load; wherever they fall, the next start goes on."""
    world.node.stop()
    command = [sys.executable, "-c", _START, str(world.state.root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as starting:
        with suppress(subprocess.TimeoutExpired):
            starting.wait(seconds)
        starting.kill()
    world.node.start(Progress(Console(force_terminal=False)), [ANSWER, PROBE])
    world.api.apply(pod("again", world.images["answer"]))
    assert ask(ready(world.api, "again")["podIP"], "/web/health")["pod"] == "again"
    world.api.delete("/api/v1/namespaces/default/pods/again")
    until("the end of the pod", lambda: world.api.get("/api/v1/namespaces/default/pods/again") is None)


def test_a_node_that_is_switched_off_comes_back_with_its_pods_and_leaves_no_trace(world):
    progress = Progress(Console(force_terminal=False))
    world.api.apply(pod("stays", world.images["answer"]))
    first = ready(world.api, "stays")
    images = [ANSWER, PROBE]

    machine = processes.running(world.state.root)[run.PROCESS]
    machine.kill()  # as a machine that loses power
    psutil.wait_procs([machine], timeout=30)
    until("the end of all that ran on it", lambda: not world.node.processes())
    until("the end of its link", lambda: world.node.place.link not in psutil.net_if_addrs())

    world.node.start(progress, images)
    status = until(
        "the pod in a container of its own again",
        lambda: _other(world.api, "stays", first["containerStatuses"][0]["containerID"]),
    )
    assert ask(status["podIP"], "/web/health")["pod"] == "stays"

    world.api.delete("/api/v1/namespaces/default/pods/stays")
    assert world.node.stop()
    assert world.api.get(f"/api/v1/nodes/{run.NAME}") is None
    assert traces(world.node.place) == world.before, "the node left something behind"


def _other(api, name, container):
    status = ready(api, name)
    return status if status["containerStatuses"][0]["containerID"] != container else None
