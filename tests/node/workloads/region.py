"""The embedded environment that is lost, the copier of its objects, and the stack file of the one that takes over.

Simulated, and said so where figures are shown: a loop that copies the folder of the first store in the place of S3's
replication.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
import yaml
from rich.console import Console

from local.controlplane import control, processes
from local.node import groups, images
from local.node.images import table
from local.node.run import Node, node
from local.progress import Progress
from local.state import State
from tests.components import samples
from tests.node.conftest import begin
from tests.node.workloads import objects
from tests.node.workloads.platform import (
    CELL,
    TENANT,
    Platform,
    built,
    references,
)

if TYPE_CHECKING:
    from pathlib import Path


LOST = "first"
EVERY = 2.0
"""Seconds between two rounds of the copier."""


@dataclass
class First:
    """The environment that is lost, made by the plans as in the other tests of this folder."""

    state: State
    real: Node
    shop: Platform
    store: objects.Objects

    @property
    def stored(self) -> Path:
        """The folder in which the store's pod keeps its volumes, as this machine sees it."""
        (pod,) = self.shop.pods(objects.NAMESPACE)
        kubelet = self.real.place.bound["/var/lib/kubelet"]
        return kubelet / "pods" / pod["metadata"]["uid"] / "volumes" / "kubernetes.io~empty-dir"

    def lose(self, away: Path) -> None:
        """Kill every process of it at once, and take its folder away."""
        root = str(self.state.root)
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(processes.MARK, "").startswith(f"{root}:"):
                    process.send_signal(signal.SIGKILL)
        self.state.root.rename(away)

    def tidy(self) -> None:
        """Remove what a machine that lost power would not have either."""
        groups.remove(self.real.place.cgroup)

    def stop(self) -> None:
        if self.state.root.exists():
            self.real.stop()
            control.stop(self.state)
        self.tidy()


def first(folder: Path) -> First:
    """Start the first environment: a cell of two instances, its cache, a tenant's shop, and a store of objects."""
    state = State(folder / "state")
    state.root.mkdir(parents=True)
    progress = Progress(Console(force_terminal=False))
    api, real = begin(state, progress), node(state)
    real.start(progress)
    made = [*built(progress), *(images.build(each, progress) for each in (table.STORE, table.RECOVERY))]
    real.load(*made)
    shop = Platform(api, references(made), folder)
    for step in (shop.operator, shop.start_cell, shop.start_tenant):
        step()
    return First(state, real, shop, objects.started(shop))


@dataclass
class Copier:
    """Copies the first store's folder again and again, with what its files say of themselves: ids, locks, hashes."""

    source: Path
    target: Path
    rounds: list[tuple[float, float]] = field(default_factory=list)
    """When each round began and ended."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self.target.mkdir()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(60)

    def whole(self, since: float) -> bool:
        """Tell whether a round that began after a moment has ended."""
        return any(began > since for began, _ in list(self.rounds))

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            done = subprocess.run(
                ["cp", "-a", "--update", f"{self.source}/.", str(self.target)],
                check=False,
                capture_output=True,
            )
            if done.returncode == 0:
                self.rounds.append((began, time.monotonic()))
            self._stop.wait(EVERY)


def stack(recipient: str) -> str:
    """Return the stack file of the environment that takes over."""
    spec = {
        "cluster": {"source": "embedded", "pods": "real", "stands_in_for": LOST},
        "cluster_networks": ["10.0.0.0/8", "198.18.0.0/15"],
        "wait_seconds": 900,
        "object_store": {"endpoint": objects.GIVEN.endpoint, "bucket": objects.GIVEN.bucket},
        "recovery": {**samples.RECOVERY, "recipients": [recipient]},
        "cells": {CELL: {"tier": "shared", "jurisdiction": "eu"}},
        "tenants": [TENANT],
    }
    config = {"pulumi:disable-default-providers": ["*"], "storefleet:environment": spec}
    return yaml.safe_dump({"config": config}, sort_keys=False)
