"""What a user sees of the commands that need no engine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from cli.main import app
from local.state import ROOT


def storefleet(*arguments, status, **environment):
    result = CliRunner().invoke(app, list(arguments), env=environment)
    assert isinstance(result.exception, SystemExit | None), (
        f"a user was shown a traceback: {result.exception!r}"
    )
    assert result.exit_code == status, result.output
    return result.output


def test_all_example_tenants_are_valid():
    assert "42 tenants" in storefleet("tenants", "validate", status=0)


def test_a_tenant_is_shown_with_its_objects_and_the_reason_for_each():
    said = storefleet("tenants", "explain", "kaufwerk", status=0)
    assert "t-kaufwerk" in said
    assert "default-deny" in said
    assert "tier is dedicated" in said


def test_a_misspelt_tenant_gets_a_suggestion():
    assert "did you mean kaufwerk" in storefleet("tenants", "explain", "kaufwark", status=2)


def test_an_environment_without_a_stack_file_is_refused():
    assert "nowhere" in storefleet("tenants", "validate", "--env", "nowhere", status=2)


@pytest.mark.parametrize("name", ["", "production", "LOCAL", "local "])
def test_a_destruction_needs_the_exact_name(name, tmp_path):
    (tmp_path / "engine").mkdir()
    said = storefleet("down", "--destroy", name, status=2, STOREFLEET_STATE=str(tmp_path))
    assert "--destroy local" in said
    assert (tmp_path / "engine").exists(), "something was destroyed all the same"


def test_the_status_of_an_environment_that_never_was_says_how_to_start_it(tmp_path):
    assert "storefleet up" in storefleet("status", status=1, STOREFLEET_STATE=str(tmp_path))


def test_a_stop_of_what_does_not_run_is_no_error(tmp_path):
    assert "nothing was running" in storefleet("down", status=0, STOREFLEET_STATE=str(tmp_path))


def test_a_command_that_finds_another_at_work_says_so_and_ends_when_it_is_asked_to(tmp_path):
    other = FileLock(tmp_path / "lock")
    other.acquire()
    child = subprocess.Popen(
        [sys.executable, "-u", "-m", "cli", "down"],
        cwd=ROOT,
        env={**os.environ, "STOREFLEET_STATE": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = child.stdout.readline()
    child.terminate()
    rest, _ = child.communicate(timeout=20)
    other.release()
    assert "another storefleet command works on this environment" in said
    assert "Interrupted." in rest, "a cancelled pipeline would leave its engine running"
    assert child.returncode == 130


def test_a_full_disk_is_found_before_the_first_build(monkeypatch, tmp_path):
    class Usage:
        free = 1024**2

    monkeypatch.setattr("local.toolchain.build.shutil.disk_usage", lambda _: Usage)
    monkeypatch.setattr("local.toolchain.found.on_path", lambda program: None)
    said = storefleet("doctor", status=3, STOREFLEET_CACHE=str(tmp_path))
    assert "STOREFLEET_CACHE" in said
    assert "Nothing is in the way" not in said


def test_a_machine_that_has_everything_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setattr("local.toolchain.found.on_path", lambda program: tmp_path / program.name)
    monkeypatch.setattr("local.toolchain.found.installed_provider", lambda program: tmp_path / program.name)
    said = storefleet("doctor", status=0, STOREFLEET_CACHE=str(tmp_path))
    assert "Nothing is in the way" in said
    assert "will build" not in said
