"""What a killed engine leaves behind is put in order, and what is not ours to touch is not touched."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from cli import inventory
from cli.engine import repair
from local.state import State
from local.trouble import EnvironmentTrouble


@pytest.fixture
def backend(tmp_path):
    folder = tmp_path / "engine" / "state" / ".pulumi"
    (folder / "stacks" / "storefleet").mkdir(parents=True)
    (folder / "locks" / "organization" / "storefleet" / "local").mkdir(parents=True)
    return folder


def state_of(backend):
    return State(backend.parents[2])


def checkpoint(backend, pending=()):
    file = backend / "stacks" / "storefleet" / "local.json"
    file.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": list(pending)}}}))
    return file


def lock(backend, pid, hostname=None):
    file = backend / "locks" / "organization" / "storefleet" / "local" / "one.json"
    file.write_text(json.dumps({"pid": pid, "hostname": hostname or socket.gethostname()}))
    return file


def test_a_lock_whose_engine_is_gone_is_removed(backend):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    file = lock(backend, child.pid)
    left = repair.inspect(state_of(backend), "storefleet", "local")
    assert not file.exists(), "every later run would be refused"
    assert "lock was removed" in left.lines[0]


def test_a_lock_of_a_process_that_is_no_engine_is_removed(backend):
    file = lock(backend, os.getpid())
    repair.inspect(state_of(backend), "storefleet", "local")
    assert not file.exists(), "a process id that was given out again would block the stack for ever"


def test_a_lock_from_another_machine_is_kept_and_named(backend):
    file = lock(backend, 1, hostname="another-machine")
    with pytest.raises(EnvironmentTrouble, match="another-machine"):
        repair.inspect(state_of(backend), "storefleet", "local")
    assert file.exists()


def test_a_lock_of_a_living_engine_is_kept(backend, monkeypatch):
    monkeypatch.setattr(repair, "_is_engine", lambda pid: True)
    file = lock(backend, 4242)
    with pytest.raises(EnvironmentTrouble, match="kill 4242"):
        repair.inspect(state_of(backend), "storefleet", "local")
    assert file.exists()


def test_operations_that_were_begun_and_not_confirmed_are_counted(backend):
    checkpoint(backend, pending=[{}, {}])
    assert repair.inspect(state_of(backend), "storefleet", "local").pending == 2


def test_a_state_file_that_was_cut_off_is_replaced_by_the_last_whole_one(backend):
    file = checkpoint(backend)
    whole = file.read_text()
    file.with_suffix(".json.bak").write_text(whole)
    file.write_text(whole[:20])
    left = repair.inspect(state_of(backend), "storefleet", "local")
    assert file.read_text() == whole
    assert file.with_suffix(".json.broken").read_text() == whole[:20], "the broken file was thrown away"
    assert "put back" in left.lines[0]


def test_without_a_whole_copy_the_user_is_told_what_to_do(backend):
    checkpoint(backend).write_text("{")
    with pytest.raises(EnvironmentTrouble, match="--destroy local"):
        repair.inspect(state_of(backend), "storefleet", "local")


def test_nothing_left_says_nothing(backend):
    assert repair.inspect(state_of(backend), "storefleet", "local") == repair.Left(lines=(), pending=0)


@pytest.mark.parametrize("folder", ["history", "backups"])
def test_without_a_copy_beside_it_the_copies_of_earlier_runs_are_used(backend, folder):
    file = checkpoint(backend)
    whole = file.read_text()
    file.write_text("")
    copies = backend / folder / "storefleet" / "local"
    copies.mkdir(parents=True)
    suffix = ".checkpoint.json" if folder == "history" else ".json"
    (copies / f"local-1{suffix}").write_text("{")
    (copies / f"local-2{suffix}").write_text(whole)
    assert "put back" in repair.inspect(state_of(backend), "storefleet", "local").lines[0]
    assert file.read_text() == whole


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "none"}'])
def test_a_lock_that_was_half_written_is_removed(backend, content):
    file = lock(backend, 1)
    file.write_text(content)
    repair.inspect(state_of(backend), "storefleet", "local")
    assert not file.exists()


def test_a_state_file_that_is_cut_off_is_no_traceback_in_the_status(backend):
    file = checkpoint(backend)
    file.write_text('{"checkpoint"')
    with pytest.raises(EnvironmentTrouble, match="storefleet up"):
        inventory.in_state(file)


def test_what_was_half_written_beside_the_state_does_not_stop_the_engine_from_loading_it(backend):
    file = checkpoint(backend)
    whole, cut_off = file.with_suffix(".json.bak.attrs"), file.with_suffix(".json.attrs")
    whole.write_text('{"user.content_type": "application/json"}')
    cut_off.write_text("")
    half = file.with_suffix(".json.18ea.tmp")
    half.write_text("{")
    repair.inspect(state_of(backend), "storefleet", "local")
    assert not cut_off.exists(), "the engine ends with `failed to load checkpoint: EOF`"
    assert not half.exists()
    assert whole.exists()
    assert file.exists()
