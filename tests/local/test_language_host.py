"""The answers of the language host to the engine, without an engine."""

from __future__ import annotations

import threading
import time

import pytest
from pulumi.runtime.proto import language_pb2

from local.languagehost import host as module
from local.languagehost.host import PythonHost


class Call:
    """What gRPC hands to a method; the engine ends a policy pack by ending the call."""

    def __init__(self):
        self.ended = []

    def add_callback(self, callback):
        self.ended.append(callback)


@pytest.fixture
def host():
    made = PythonHost(engine="127.0.0.1:1", version="3.0.0")
    yield made
    made.end_children()


def run(host, tmp_path, monkeypatch, code):
    file = tmp_path / "program.py"
    file.write_text(code)
    monkeypatch.setattr(module, "_PROGRAM", file)
    return host.Run(language_pb2.RunRequest(pwd=str(tmp_path)), Call())


def plugin(host, tmp_path, monkeypatch, script, *, call=None, kind="analyzer"):
    file = tmp_path / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr(module, "_python", lambda info: str(file))
    info = language_pb2.ProgramInfo(program_directory=str(tmp_path))
    return host.RunPlugin(
        language_pb2.RunPluginRequest(kind=kind, info=info, env=["REGION=local"]), call or Call()
    )


def test_a_program_that_ends_well_is_an_empty_answer(host, tmp_path, monkeypatch):
    answer = run(host, tmp_path, monkeypatch, "")
    assert (answer.error, answer.bail) == ("", False)


def test_what_the_user_was_told_is_not_told_again(host, tmp_path, monkeypatch):
    answer = run(host, tmp_path, monkeypatch, "import sys; sys.exit(32)")
    assert (answer.error, answer.bail) == ("", True)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import sys; sys.exit(7)", "exit status 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
    ],
)
def test_a_crash_is_told_with_its_status(host, tmp_path, monkeypatch, code, how):
    assert how in run(host, tmp_path, monkeypatch, code).error


def test_a_program_gets_the_engines_address_first(host, tmp_path, monkeypatch):
    run(
        host,
        tmp_path,
        monkeypatch,
        "import sys, pathlib\nfrom pulumi.runtime.proto import language_pb2 as p\n"
        "request = p.RunRequest.FromString(sys.stdin.buffer.read())\n"
        "pathlib.Path('args').write_text(' '.join(request.args))\n",
    )
    assert (tmp_path / "args").read_text() == "127.0.0.1:1"


def test_a_cancelled_program_is_ended(host, tmp_path, monkeypatch):
    answers = []
    code = "import time; time.sleep(60)"
    thread = threading.Thread(target=lambda: answers.append(run(host, tmp_path, monkeypatch, code)))
    thread.start()
    while not host._children:
        time.sleep(0.01)
    host.Cancel(None, Call())
    thread.join(5)
    assert not thread.is_alive(), "Ctrl-C would wait for a program that never ends"
    assert "signal 15" in answers[0].error


def test_a_program_that_ignores_the_request_is_killed(host, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TERM_SECONDS", 0.1)
    answers = []
    code = (
        "import pathlib, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('deaf').touch()\ntime.sleep(60)\n"
    )
    thread = threading.Thread(target=lambda: answers.append(run(host, tmp_path, monkeypatch, code)))
    thread.start()
    while not (tmp_path / "deaf").exists():
        time.sleep(0.01)
    host.Cancel(None, Call())
    thread.join(5)
    assert "signal 9" in answers[0].error


def test_what_a_policy_pack_prints_is_passed_on_and_then_its_status(host, tmp_path, monkeypatch):
    script = 'echo "port 7"; echo "$REGION: $@" >&2; exit 3'
    answers = list(plugin(host, tmp_path, monkeypatch, script))
    assert answers[-1].exitcode == 3
    assert b"".join(a.stdout for a in answers) == b"port 7\n"
    assert b"local: -u -m pulumi.policy" in b"".join(a.stderr for a in answers)


def test_the_end_of_the_call_ends_the_policy_pack(host, tmp_path, monkeypatch):
    call = Call()
    answers = plugin(host, tmp_path, monkeypatch, "echo up; exec sleep 60", call=call)
    next(answers)
    for callback in call.ended:
        callback()
    assert [a.exitcode for a in answers][-1] != 0
    assert not host._children


def test_a_plugin_of_another_kind_is_refused_in_words(host, tmp_path, monkeypatch):
    answers = list(plugin(host, tmp_path, monkeypatch, "exit 0", kind="resource"))
    assert b"'resource'" in answers[0].stderr
    assert answers[-1].exitcode == 1


def test_nothing_is_installed_behind_the_lock_files_back(host):
    said = b"".join(a.stdout for a in host.InstallDependencies(None, Call()))
    assert b"uv.lock" in said


def test_the_engine_learns_the_versions_that_run(host):
    assert host.GetPluginInfo(None, Call()).version == "3.0.0"
    names = {d.name for d in host.GetProgramDependencies(None, Call()).dependencies}
    assert {"pulumi", "grpcio"} <= names
