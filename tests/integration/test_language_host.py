"""The language host under the real engine: a program that runs, fails, crashes, hangs; an engine that dies."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from cli.engine.run import call
from tests.integration.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.project import Project

pytestmark = pytest.mark.integration

PROGRAMS = {
    "good": "import pulumi\npulumi.export('answer', 42)\n",
    "mistake": "import pulumi\nraise pulumi.RunError('tenants/x.yaml: tier: sharde is no tier')\n",
    "defect": "raise ValueError('a defect of ours')\n",
    "crash": "import os\nos._exit(7)\n",
    "endless": "import time\ntime.sleep(600)\n",
}


@pytest.fixture(scope="module")
def program(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Program]:
    made: dict[str, Program] = {}

    def get(name: str) -> Program:
        if name not in made:
            source = tmp_path_factory.mktemp(name)
            (source / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
            (source / "__main__.py").write_text(PROGRAMS[name])
            made[name] = Program(project, source, source)
        return made[name]

    return get


def test_a_program_runs_and_its_outputs_are_kept(program):
    good = program("good")
    assert good.run("up", policy=False).status == 0
    assert call(good.engine(), ["stack", "output", "answer", "-s", "test"], cwd=good.folder).strip() == "42"


def test_a_users_mistake_is_told_once_and_without_a_traceback(program):
    outcome = program("mistake").run("preview", policy=False)
    said = outcome.log.read_text()
    assert outcome.status != 0
    assert [m for _, m in outcome.report.errors] == ["tenants/x.yaml: tier: sharde is no tier"], said
    assert "Traceback" not in said


def test_a_defect_keeps_its_traceback_for_those_who_mend_it(program):
    outcome = program("defect").run("preview", policy=False)
    said = outcome.log.read_text()
    assert outcome.status != 0
    assert "Traceback" in said
    assert "a defect of ours" in said


def test_a_program_that_ends_without_a_word_is_reported_with_its_status(program):
    outcome = program("crash").run("preview", policy=False)
    assert outcome.status != 0
    assert "exit status 7" in outcome.log.read_text()


def test_a_policy_pack_that_cannot_start_fails_the_run(program, tmp_path: Path):
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (tmp_path / "__main__.py").write_text("raise ValueError('no rules')\n")
    outcome = program("good").run("preview", policy=False, PULUMI_OPTION_POLICY_PACK=str(tmp_path))
    assert outcome.status != 0, "a stack would apply without its rules"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_an_engine_that_ends_takes_its_program_and_its_host_along(program, number: signal.Signals):
    endless = program("endless")
    seen: list[psutil.Process] = []

    def end() -> None:
        engine = _wait_for_program(endless)
        seen.extend([engine, *engine.children(recursive=True)])
        engine.send_signal(number)

    ender = threading.Thread(target=end)
    ender.start()
    outcome = endless.run("preview", policy=False)
    ender.join()
    assert outcome.status != 0
    assert len(seen) >= 3, "the host or the program was not seen"
    _, alive = psutil.wait_procs(seen, timeout=20)
    assert not alive, f"left running: {[process.cmdline() for process in alive]}"
    assert "Traceback" not in outcome.log.read_text()


def _wait_for_program(endless: Program) -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for engine in endless.project.engines():
            if any("program.py" in " ".join(child.cmdline()) for child in engine.children(recursive=True)):
                return engine
        time.sleep(0.05)
    raise AssertionError("the program never ran")
