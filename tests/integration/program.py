"""Small Pulumi programs of the tests, run by a project's engine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cli.engine.installation import Installation
from cli.engine.run import call, run
from local.progress import Step

if TYPE_CHECKING:
    from pathlib import Path

    from cli.engine.run import Outcome
    from tests.integration.project import Project


class Program:
    """A small Pulumi program of the tests, run by a project's engine against its cluster."""

    def __init__(self, project: Project, source: Path, folder: Path) -> None:
        self.project = project
        self.folder = project.root / "tests" / "programs" / folder.name
        shutil.copytree(source, self.folder, dirs_exist_ok=True)
        call(self.engine(), ["stack", "init", "test"], cwd=self.folder)

    def run(self, verb: str, *, policy: bool = True, **environment: str) -> Outcome:
        extra = ["--yes", "--skip-preview"] if verb in {"up", "destroy"} else []
        pack = ["--policy-pack", str(self.project.root / "policy")] if policy else []
        return run(
            self.engine(**environment),
            self.project.state,
            [verb, *extra, *pack, "-s", "test"],
            Step(verb),
            cwd=self.folder,
        )

    def engine(self, **environment: str) -> Installation:
        engine = self.project.engine()
        own = {k: v for k, v in engine.variables.items() if k != "PULUMI_OPTION_CONFIG_FILE"}
        variables = {**own, "PYTHONPATH": str(self.project.root), **environment}
        return Installation(pulumi=engine.pulumi, variables=variables)
