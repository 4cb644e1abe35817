"""A real Prometheus that is given figures of the past, and evaluates rules over it."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from rich.console import Console

from local.controlplane.processes import running
from local.progress import Progress
from local.prometheus import empty_prometheus
from local.recording import ended, record
from local.remote_write import STALE, key_of, write
from local.trouble import EnvironmentTrouble
from release.gates.prometheus import Prometheus as Asked

PATIENCE = 120
THEN = 1_770_627_600
"""A Monday of 2026, in seconds."""


@pytest.mark.unit
def test_a_series_ends_wherever_it_was_there_and_is_not_any_more():
    found = ended({1: 5.0, 3: 7.0}, [1, 2, 3, 4, 5])
    assert [at for at, _ in found] == [1, 2, 3, 4], "the second end adds nothing"
    assert [math.isnan(value) for _, value in found] == [False, True, False, True]


@pytest.mark.integration
def test_figures_of_the_past_are_kept_at_their_times_and_rules_find_one_another(tmp_path):
    times = range(THEN, THEN + 600, 30)
    with empty_prometheus(tmp_path, Progress(Console())) as found:
        first = [(at * 1000, float(number)) for number, at in enumerate(times[:10])]
        written = write(
            found.url,
            [
                (key_of("first", {"shop": "acme"}), [*first, (times[10] * 1000, STALE)]),
                (key_of("second", {"shop": "acme"}), [(at * 1000, 100.0) for at in times]),
            ],
        )
        assert written == 11 + 20
        rules = [
            {"record": "either", "expr": "first or second", "labels": {"layer": "business"}},
            {"record": "twice", "expr": "either * 2"},
            {"record": "some", "expr": "first"},
        ]
        record(found.url, rules, times)

        def ask(expression, at):
            return [
                (each.labels, each.samples[-1].value)
                for each in Asked(found.url).ask(expression, datetime.fromtimestamp(at, tz=UTC))
            ]

        own = {"__name__": "twice", "shop": "acme", "layer": "business"}
        assert ask("twice", times[4]) == [(own, 8.0)], "a rule did not find what the one before it made"
        assert ask("twice", times[15]) == [(own, 200.0)], "one series of two names became two"
        assert ask("some", times[9]) != []
        assert ask("some", times[11]) == [], "a series goes on after its rule has it no more"
        with pytest.raises(EnvironmentTrouble, match="out of order sample"):
            write(found.url, [(key_of("first", {"shop": "acme"}), first)])
        with pytest.raises(EnvironmentTrouble, match="Prometheus refused a rule"):
            record(found.url, [{"record": "wrong", "expr": "rate("}], times)
        ahead = (int(time.time()) + 86_400) * 1000
        with pytest.raises(EnvironmentTrouble, match="Prometheus refused samples"):
            write(found.url, [(key_of("ahead", {}), [(ahead, 1.0)])])


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a program with the one that started it")
def test_it_ends_with_the_process_that_started_it_even_if_that_is_killed(tmp_path):
    code = (
        "import sys, pathlib, signal\n"
        "from local.progress import Progress\n"
        "from local.prometheus import empty_prometheus\n"
        "with empty_prometheus(pathlib.Path(sys.argv[1]), Progress()):\n"
        "    print('ready', flush=True)\n"
        "    signal.pause()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert any(line.startswith("ready") for line in child.stdout)
    assert running(tmp_path), "it cannot be found again"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(PATIENCE)
    child.stdout.close()
    deadline = time.monotonic() + PATIENCE
    while running(tmp_path):
        assert time.monotonic() < deadline, "a killed command leaves a Prometheus behind"
        time.sleep(0.2)
