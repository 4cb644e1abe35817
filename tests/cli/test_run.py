"""One run of the engine: watched, interrupted, limited in time. The engine is a small script here."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from cli.engine import run as runs
from cli.engine.installation import Installation
from cli.engine.run import MARK, Interrupted, run
from local.progress import Step
from local.state import State
from local.trouble import EnvironmentTrouble

START = "import os, pathlib, signal, sys, time\nhere = pathlib.Path(os.environ['HERE'])\n"
FINISHES = (
    START
    + "def asked(*_):\n    with (here / 'asked').open('a') as file:\n        file.write('x')\n"
    + "    time.sleep(0.2)\n    (here / 'state').write_text('whole')\n    sys.exit(0)\n"
    + "signal.signal(signal.SIGINT, asked)\n(here / 'running').touch()\ntime.sleep(60)\n"
)
DEAF = START + "signal.signal(signal.SIGINT, signal.SIG_IGN)\n(here / 'running').touch()\ntime.sleep(60)\n"


@pytest.fixture
def engine(tmp_path):
    def make(code):
        program = tmp_path / "pulumi"
        program.write_text(f"#!{sys.executable}\n{code}")
        program.chmod(0o755)
        return Installation(pulumi=program, variables={"HERE": str(tmp_path)})

    return make


def once_running(tmp_path, action):
    def wait():
        while not (tmp_path / "running").exists():
            time.sleep(0.01)
        action()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def start(engine, tmp_path, **options):
    return run(engine, State(tmp_path), ["up"], Step("up"), cwd=tmp_path, **options)


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_run_gives_the_engines_status_and_its_words(engine, tmp_path):
    outcome = start(engine("import sys\nprint('unknown flag')\nsys.exit(3)\n"), tmp_path)
    assert (outcome.status, outcome.killed) == (3, 0)
    assert "unknown flag" in outcome.log.read_text()


def test_ctrl_c_is_passed_on_once_and_the_engine_finishes_what_it_has_begun(engine, tmp_path):
    once_running(tmp_path, ctrl_c)
    with pytest.raises(Interrupted):
        start(engine(FINISHES), tmp_path)
    assert (tmp_path / "asked").read_text() == "x", "the engine takes a second signal for `at once`"
    assert (tmp_path / "state").read_text() == "whole"


def test_a_second_ctrl_c_ends_an_engine_that_does_not_answer(engine, tmp_path):
    def twice():
        ctrl_c()
        time.sleep(0.3)
        ctrl_c()

    thread = once_running(tmp_path, twice)
    with pytest.raises(Interrupted):
        start(engine(DEAF), tmp_path)
    thread.join()


def test_a_terminals_ctrl_c_does_not_reach_the_engine_by_itself(engine, tmp_path):
    outcome = start(engine("import os, sys\nsys.exit(os.getpgrp() == os.getpid())\n"), tmp_path)
    assert outcome.status == 1, "it would get every Ctrl-C twice, and end without writing its state"


def test_a_run_that_takes_too_long_is_stopped_and_says_that_nothing_is_lost(engine, tmp_path):
    with pytest.raises(EnvironmentTrouble, match="run the command again"):
        start(engine(FINISHES), tmp_path, limit=0.5)
    assert (tmp_path / "state").read_text() == "whole", "it was killed without a word of warning"


def test_an_engine_that_ignores_the_time_limit_is_killed(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "GRACE_SECONDS", 0.2)
    with pytest.raises(EnvironmentTrouble, match="stopped"):
        start(engine(DEAF), tmp_path, limit=0.5)


def test_a_defect_of_ours_leaves_no_engine_running(engine, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ValueError

    monkeypatch.setattr(runs, "_follow", fail)
    with pytest.raises(ValueError):  # noqa: PT011
        start(engine(START + "(here / 'pid').write_text(str(os.getpid()))\ntime.sleep(60)\n"), tmp_path)
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_engine_carries_the_mark_by_which_an_orphan_is_found(engine, tmp_path):
    code = f"import os\nprint(os.environ['{MARK}'])\n"
    assert str(tmp_path) in start(engine(code), tmp_path).log.read_text()


def test_what_the_users_own_pulumi_is_told_is_not_told_to_ours(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    monkeypatch.setenv("PULUMI_OPTION_TARGET", "something")
    said = start(engine("import os\nprint(sorted(k for k in os.environ if 'PULUMI' in k))\n"), tmp_path)
    assert "PASSPHRASE" not in said.log.read_text(), "the engine could not decrypt its own state"
    assert "TARGET" not in said.log.read_text(), "a part of the stack would be left out"


@pytest.mark.parametrize(("status", "number"), [(-9, 9), (137, 9), (143, 15), (255, 0), (1, 0), (0, 0)])
def test_a_kill_is_known_from_a_failure(tmp_path, status, number):
    assert runs.Outcome(status=status, report=runs.Report(), log=tmp_path).killed == number


def test_only_the_last_runs_are_kept(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_KEPT_RUNS", 1)
    made = engine("")
    for _ in range(4):
        start(made, tmp_path)
    assert len(list((tmp_path / "engine" / "runs").iterdir())) <= 3, "the state folder would grow for ever"
