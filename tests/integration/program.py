"""Small Pulumi programs of the tests, run by a project's engine."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from cli.engine.events import Report
from cli.engine.installation import Installation
from cli.engine.run import call, run
from local.progress import Step

if TYPE_CHECKING:
    from pathlib import Path

    from cli.engine.run import Outcome
    from tests.integration.project import Project

_ANALYSIS_SECONDS = 120


class Program:
    """A small Pulumi program of the tests, run by a project's engine against its cluster."""

    def __init__(self, project: Project, source: Path, folder: Path) -> None:
        self.project = project
        self.folder = project.root / "tests" / "programs" / folder.name
        shutil.copytree(source, self.folder, dirs_exist_ok=True)
        call(self.engine(), ["stack", "init", "test"], cwd=self.folder)

    def run(self, verb: str, *, policy: bool = True, **environment: str) -> Outcome:
        extra = ["--yes", "--skip-preview"] if verb in {"up", "destroy"} else []
        pack = self._pack() if policy else []
        return run(
            self.engine(**environment),
            self.project.state,
            [verb, *extra, *pack, "-s", "test"],
            Step(verb),
            cwd=self.folder,
        )

    def analyse(self) -> tuple[int, Report]:
        """Judge what is applied, from the state alone: no program runs and no provider is asked."""
        engine = self.engine()
        done = subprocess.run(
            [
                str(engine.pulumi),
                "policy",
                "analyze",
                *self._pack(),
                "-s",
                "test",
                "--json",
                "--non-interactive",
            ],
            cwd=self.folder,
            env=engine.environment,
            capture_output=True,
            text=True,
            timeout=_ANALYSIS_SECONDS,
            check=False,
        )
        report = Report()
        report.add(line for line in done.stdout.splitlines() if line.startswith("{"))
        return done.returncode, report

    def _pack(self) -> list[str]:
        configuration = self.folder / "policy-config.json"
        configured = ["--policy-pack-config", str(configuration)] if configuration.exists() else []
        return ["--policy-pack", str(self.project.root / "policy"), *configured]

    def engine(self, **environment: str) -> Installation:
        engine = self.project.engine()
        own = {k: v for k, v in engine.variables.items() if k != "PULUMI_OPTION_CONFIG_FILE"}
        variables = {**own, "PYTHONPATH": str(self.project.root), **environment}
        return Installation(pulumi=engine.pulumi, variables=variables)
