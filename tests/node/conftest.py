"""One environment with a real node for the tests of this folder. Only where STOREFLEET_NODE=real says so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.controlplane import control, processes
from local.node import images
from local.node.run import Node, node
from local.progress import Progress
from local.state import State
from tests.node.real import traces

HERE = Path(__file__).parent
PROBE = images.Image(name="probe", what="asks for what a test wants to know", port=8069)


def pytest_collection_modifyitems(items):
    if os.environ.get("STOREFLEET_NODE") == "real":
        return
    skip = pytest.mark.skip(
        reason="STOREFLEET_NODE is not real: a node needs root, and programs that are built"
    )
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(skip)


@dataclass(frozen=True)
class World:
    """An environment with a node on which pods run."""

    state: State
    api: Any
    node: Node
    images: dict[str, str]
    before: list[Any]


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    state = State(tmp_path_factory.mktemp("node") / "state")
    state.root.mkdir()
    progress = Progress(Console(force_terminal=False))
    real = node(state)
    try:
        api = control.start(state, progress)
        before = traces(real.place)
        built = real.start(progress, [images.ANSWER, PROBE])
        yield World(state, api, real, built, before)
    finally:
        real.stop()
        control.stop(state)
        processes.running(state.root)  # takes note of the ends
