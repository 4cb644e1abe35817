"""One environment with a real node for the tests of this folder. Only where STOREFLEET_NODE=real says so."""

from __future__ import annotations

import os
from contextlib import suppress
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
from local.trouble import EnvironmentTrouble
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


def begin(state, progress):
    """Start the control plane; on a machine that others keep busy it is gone on with, as by a second `make up`."""
    for _ in range(4):
        with suppress(EnvironmentTrouble):
            return control.start(state, progress)
    return control.start(state, progress)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    state = State(tmp_path_factory.mktemp("node") / "state")
    state.root.mkdir()
    progress = Progress(Console(force_terminal=False))
    real = node(state)
    try:
        api = begin(state, progress)
        before = traces(real.place)
        built = real.start(progress, [images.ANSWER, PROBE])
        yield World(state, api, real, built, before)
    finally:
        real.stop()
        control.stop(state)
        processes.running(state.root)  # takes note of the ends
