"""Background processes are found by what they are, so that no kill can leave a stale file behind."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from local.controlplane import processes

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def service(tmp_path):
    made = processes.Service(
        name="sleeper", command=SLEEP, log=tmp_path / "logs" / "sleeper.log", state=tmp_path
    )
    yield made
    processes.end(list(processes.running(tmp_path).values()))


def running(service):
    """A process has its mark from its exec on; until then the fork looks like the test itself."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        process = processes.find(service)
        if process is not None and tuple(process.cmdline()) == service.command:
            return process
        time.sleep(0.01)
    raise AssertionError("the process never came up")


def test_a_running_service_is_not_started_twice(service):
    assert processes.start(service)
    first = running(service)
    assert not processes.start(service)
    assert running(service).pid == first.pid


def test_a_service_is_found_as_soon_as_its_start_returns_even_when_its_environment_shows_late(
    service, monkeypatch
):
    real, blank = psutil.Process.environ, iter([True] * 3)

    def late(process):
        found = real(process)
        mine = found.get(processes.MARK, "").endswith(":sleeper")
        return {} if mine and next(blank, False) else found

    monkeypatch.setattr(psutil.Process, "environ", late)
    processes.start(service)
    assert processes.find(service) is not None, "a service that has just started counts as ended"
    assert next(blank, None) is None, "the late environment was never met"


def test_a_killed_service_is_noticed_and_started_again(service):
    processes.start(service)
    first = running(service)
    first.kill()
    first.wait(5)
    assert processes.find(service) is None
    assert processes.start(service)
    assert running(service).pid != first.pid


def test_a_service_with_another_command_is_replaced(service):
    processes.start(service)
    first = running(service)
    other = processes.Service(
        name=service.name, command=(*SLEEP, "more"), log=service.log, state=service.state
    )
    assert processes.start(other), "a new port or version would never take effect"
    assert not first.is_running()


def test_the_processes_of_another_checkout_are_left_alone(service, tmp_path):
    processes.start(service)
    running(service)
    assert processes.running(tmp_path / "elsewhere") == {}


def test_the_end_of_a_log_says_why_a_service_ended(service):
    failing = processes.Service(
        name="failing",
        command=(sys.executable, "-c", "raise SystemExit('no such key')"),
        log=service.log,
        state=service.state,
    )
    processes.start(failing)
    deadline = time.monotonic() + 5
    while "no such key" not in processes.tail(failing) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "no such key" in processes.tail(failing)
