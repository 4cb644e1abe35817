"""A copy of the checkout with a few tenants, an environment of its own, and the commands that a user has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from cli import inventory
from cli.engine.events import Report
from cli.engine.installation import Installation, install
from local.controlplane import processes
from local.kube import KubeApi
from local.progress import Progress
from local.state import ROOT, State
from local.toolchain.build import ensure

SECONDS = 600
"""Longest that one command of a test may take, a busy machine included."""

TENANTS = (
    "atelier-sorel",
    "kaufwerk",
    "solvane-geneva",
    "solvane-london",
    "solvane-lyon",
    "solvane-paris",
    "solvane-vienna",
)
"""One of each tier, and shared ones in three jurisdictions and four cells."""


@dataclass(frozen=True)
class Project:
    """A checkout at ``root`` whose environment nobody else uses."""

    root: Path

    @property
    def state(self) -> State:
        return State(self.root / ".storefleet")

    @property
    def state_file(self) -> Path:
        return self.state.engine / "state" / ".pulumi" / "stacks" / "storefleet" / "local.json"

    @property
    def api(self) -> KubeApi:
        return KubeApi(self.state.kubeconfig)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "cli"]

    def environment(self, **more: str) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("STOREFLEET_STATE", "PULUMI_"))}
        return {**own, **more}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `storefleet` in this checkout, in a process group of its own."""
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.root,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run `storefleet` in this checkout and return what it said; it must end with ``status``."""
        child = self.start(*arguments, **environment)
        output, _ = child.communicate(timeout=SECONDS)
        said = f"`storefleet {' '.join(arguments)}` ended with {child.returncode}, and {status} was due:\n{output}"
        assert child.returncode == status, said
        assert "Traceback" not in output, f"a user was shown a traceback:\n{output}"
        return output

    def last_run(self, verb: str) -> Report:
        """Return what the engine reported in its last run of a verb."""
        report = Report()
        file = max((self.state.engine / "runs").glob(f"*-{verb}.events"))
        report.add(line for line in file.read_text().splitlines() if line.strip())
        return report

    def inventory(self) -> inventory.Inventory:
        return inventory.take(self.state_file, self.api)

    def engine(self) -> Installation:
        """Return this checkout's engine, for programs of the tests' own."""
        return install(self.state, ensure(Progress()))

    def engines(self) -> list[psutil.Process]:
        """Return the engine processes that run for this checkout."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.name() == "pulumi" and str(self.root) in process.exe():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def stop(self) -> None:
        processes.end([*self.engines(), *processes.running(self.state.root).values()])


def copy(target: Path, tenants: tuple[str, ...] = TENANTS) -> Project:
    """Copy what git has or would take of this checkout, with some of its tenants only."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if not source.is_file() or (name.startswith("tenants/") and Path(name).stem not in tenants):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / name)
    return Project(target)
