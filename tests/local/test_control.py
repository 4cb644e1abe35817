"""Starting again: what has to change is changed for every process, and what need not change is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from local.controlplane import bootstrap, control, processes
from local.kube import ApiError
from local.progress import Step
from local.state import State
from local.trouble import EnvironmentTrouble

PROGRAMS = {program.name: Path(f"/programs/{program.name}") for program in control.PROGRAMS}


@pytest.fixture
def state(tmp_path, monkeypatch):
    stops: list[State] = []
    monkeypatch.setattr(control, "stop", stops.append)
    made = State(tmp_path)
    control.prepare(made, PROGRAMS)
    stops.clear()
    return made, stops


def test_a_second_start_changes_nothing(state):
    made, stops = state
    before = {file: file.read_bytes() for file in made.control_plane.rglob("*") if file.is_file()}
    control.prepare(made, PROGRAMS)
    assert stops == [], "a running cluster would be interrupted by every `up`"
    assert before == {file: file.read_bytes() for file in made.control_plane.rglob("*") if file.is_file()}


@pytest.mark.parametrize("file", ["kubeconfig", "controlplane/kwok.kubeconfig", "controlplane/pki/kwok.crt"])
def test_a_damaged_file_is_made_again_and_its_readers_are_started_again(state, file):
    made, stops = state
    (made.root / file).write_text("half of it")
    control.prepare(made, PROGRAMS)
    assert stops == [made]
    assert (made.root / file).read_text() != "half of it"


def test_a_server_on_a_new_port_takes_its_clients_along(state):
    made, stops = state
    ports = json.loads((made.control_plane / "ports.json").read_text())
    (made.control_plane / "ports.json").write_text(json.dumps({**ports, "apiserver": "none"}))
    control.prepare(made, PROGRAMS)
    assert stops == [made], "the controllers would go on asking at the old address"


def test_the_key_that_encrypts_secrets_is_never_made_twice(state):
    made, _ = state
    file = made.control_plane / "encryption.json"
    before = file.read_text()
    made.kubeconfig.unlink()
    control.prepare(made, PROGRAMS)
    assert file.read_text() == before, "no secret in the cluster could be read again"
    assert file.stat().st_mode & 0o077 == 0


def test_a_process_that_ends_while_it_is_looked_at_is_not_running(tmp_path, monkeypatch):
    class Ending:
        pid = 1

        def memory_info(self):
            raise psutil.NoSuchProcess(1)

    monkeypatch.setattr(processes, "running", lambda root: {"etcd": Ending()})
    assert [status.pid for status in control.status(State(tmp_path))] == [None] * len(control.NAMES)


def test_a_process_of_another_user_is_named_with_the_way_out():
    class Foreign:
        pid = 4242

        def send_signal(self, number):
            raise psutil.AccessDenied(4242)

    with pytest.raises(EnvironmentTrouble, match="sudo kill 4242"):
        processes.end([Foreign()])


def test_the_users_environment_is_not_the_services(tmp_path, monkeypatch):
    monkeypatch.setenv("ETCD_INITIAL_CLUSTER_STATE", "existing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    given = {}

    class Child:
        def __init__(self, command, *, env, **_):
            given.update(env)

        def poll(self):
            return 0

    monkeypatch.setattr(processes.subprocess, "Popen", Child)
    monkeypatch.setattr(processes, "_started", [])
    processes.start(processes.Service(name="x", command=("x",), log=tmp_path / "x.log", state=tmp_path))
    assert "PATH" in given
    assert not {"ETCD_INITIAL_CLUSTER_STATE", "AWS_SECRET_ACCESS_KEY"} & set(given)


def test_a_call_that_a_busy_server_left_without_an_answer_is_made_again(tmp_path, monkeypatch):
    answers = iter([ApiError("POST /x", 0, "no answer (ReadTimeoutError)"), True])

    def apply(api):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    service = processes.Service(name="apiserver", command=("x",), log=tmp_path / "log", state=tmp_path)
    monkeypatch.setattr(bootstrap, "apply", apply)
    monkeypatch.setattr(processes, "running", lambda root: {"apiserver": object()})
    fresh = control._define(Step("embedded control plane"), [service], api=None)
    assert fresh, "the definitions that were just made would not be waited for"


def test_only_the_prose_is_taken_out_of_a_schema():
    described = {"description": "prose", "type": "string"}
    schema = {
        "description": "prose",
        "type": "object",
        "properties": {
            "description": described.copy(),  # a field of this name stays
            "list": {"type": "array", "items": described.copy()},
            "map": {"type": "object", "additionalProperties": described.copy()},
            "any": {"type": "object", "additionalProperties": True, "anyOf": [described.copy()]},
        },
        "default": {"description": "a value"},
    }
    bootstrap._without_descriptions(schema)
    text = {"type": "string"}
    assert schema == {
        "type": "object",
        "properties": {
            "description": text,
            "list": {"type": "array", "items": text},
            "map": {"type": "object", "additionalProperties": text},
            "any": {"type": "object", "additionalProperties": True, "anyOf": [text]},
        },
        "default": {"description": "a value"},
    }, "an object would be accepted or filled in otherwise than upstream"
