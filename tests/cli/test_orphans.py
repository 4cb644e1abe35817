"""An engine whose command was killed is ended by the next command, and nobody else's is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from cli import destroy
from cli.engine import repair
from cli.engine.run import MARK
from local.progress import Progress
from local.state import State
from tests.local.screen import shown

SLEEP = "import sys, time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def child(tmp_path):
    started = []

    def start(program=sys.executable, **environment):
        command = [program, "60"] if program != sys.executable else [program, "-c", SLEEP]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
        started.append(process)
        if program == sys.executable:
            process.stdout.readline()
        else:
            while psutil.Process(process.pid).name() != "pulumi":
                time.sleep(0.01)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def pulumi(tmp_path):
    return shutil.copy(shutil.which("sleep"), tmp_path / "pulumi")


def ended(process):
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_an_engine_that_outlived_its_command_is_ended_with_all_it_started(child, pulumi, tmp_path):
    engine, plugin = child(pulumi, **{MARK: str(tmp_path)}), child(**{MARK: str(tmp_path)})
    said = repair.end_orphans(State(tmp_path))
    assert "its state is kept" in said[0]
    assert ended(engine)
    assert ended(plugin)


def test_plugins_that_outlived_their_engine_are_ended(child, tmp_path):
    plugin = child(**{MARK: str(tmp_path)})
    assert repair.end_orphans(State(tmp_path)) == [
        "a killed engine had left processes behind, 1 in number: ended"
    ]
    assert ended(plugin)


def test_engines_of_other_checkouts_and_of_plain_pulumi_are_left_alone(child, pulumi, tmp_path):
    others = [child(pulumi), child(pulumi, **{MARK: str(tmp_path / "other")})]
    assert repair.end_orphans(State(tmp_path)) == []
    assert [other.poll() for other in others] == [None, None]


def test_a_stop_ends_an_orphaned_engine_as_well(child, pulumi, tmp_path):
    engine = child(pulumi, **{MARK: str(tmp_path)})
    progress, output = shown()
    destroy.stop(State(tmp_path), progress)
    assert ended(engine), "it would go on against a control plane that is gone"
    assert "an engine went on" in output.getvalue()


def test_a_removal_leaves_nothing_but_the_lock_and_the_logs(tmp_path):
    state = State(tmp_path)
    for folder in (state.engine, state.control_plane, state.logs, tmp_path / "removed" / "engine"):
        folder.mkdir(parents=True)
    for file in (state.kubeconfig, state.passphrase):
        file.write_text("x")
    destroy.destroy(state, "local", Progress(shown()[0].console))
    assert {path.name for path in tmp_path.iterdir()} <= {"lock", "logs"}, "a key or data stayed behind"
