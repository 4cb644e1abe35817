"""A gate says the same from the command line and in a cluster: real API server, controller and Prometheus, model shops.

Run alone, with the build of the controller where it is missing:
`STOREFLEET_BUILD_ROLLOUTS=1 pytest tests/integration/test_gates_in_cluster.py`.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from components.monitoring.checks import CHECKS, GATE_LAYER
from components.monitoring.rules import rule_groups
from local.progress import Progress
from local.prometheus import start_prometheus
from local.toolchain.build import ensure, locate
from local.toolchain.catalog import ROLLOUTS
from release.gates.definition import IMPACTS
from release.gates.measure import Watched, measure
from release.gates.prometheus import Prometheus
from release.gates.runs import GATE, Runs
from release.gates.verdict import Outcome, combined
from release.model.effects import ORDINARY, Effect, effect
from release.model.exporter import QUICK, Exporter
from release.world import Moved
from spec.fleet import Fleet
from tests.components import samples
from tests.integration.rollouts import controller

if TYPE_CHECKING:
    from tests.integration.project import Project

pytestmark = pytest.mark.integration

PATIENCE = 420
"""Seconds that a figure may take to arrive on a machine that does much else."""
COMMIT = "0f" * 20
EXPECTED = {"good": Outcome.PASS, "idle": Outcome.PASS, "bad": Outcome.FAIL, "blind": Outcome.HOLD}
EFFECTS = {"good": ORDINARY, "bad": effect("slow-queue"), "blind": effect("blind")}
IDLE = Effect(means="nobody buys anything: it is night", orders=0)


@pytest.fixture(scope="module")
def program():
    if locate(ROLLOUTS).origin == "missing" and not os.environ.get("STOREFLEET_BUILD_ROLLOUTS"):
        pytest.skip(
            "the controller of Argo Rollouts is not built, which takes minutes: STOREFLEET_BUILD_ROLLOUTS=1 builds it"
        )
    return ensure(Progress(Console()), [ROLLOUTS])["rollouts-controller"]


def until(found, expected, what):
    deadline = time.monotonic() + PATIENCE
    while (now := found()) != expected:
        assert time.monotonic() < deadline, f"{what}: {now}"
        time.sleep(1)


def test_a_gate_ends_in_the_cluster_as_it_does_from_the_command_line(program, project: Project, tmp_path):
    shops = tuple(samples.tenant(name, orders_per_day=60 if name == "idle" else 500) for name in EXPECTED)
    with (
        Exporter(Fleet(samples.environment(), shops)) as model,
        start_prometheus(
            tmp_path,
            rule_groups("local", CHECKS, QUICK),
            model.targets(),
            interval=QUICK.interval,
            progress=Progress(Console()),
        ) as prometheus,
        controller(program, project.state.kubeconfig, tmp_path / "rollouts.log"),
    ):
        asked = Prometheus(prometheus.url)
        for name in EXPECTED:
            model.release(name, "18.0.1", IDLE if name == "idle" else ORDINARY)

        def green():
            return {
                found["tenant"]
                for found, _ in prometheus.query(f"count by (tenant) ({GATE_LAYER} == 1) == 3")
            }

        until(green, set(EXPECTED), "shops that do well are not all green")
        for name, change in EFFECTS.items():
            model.release(name, "18.0.2", change)
        until(green, {"good", "idle"}, "the effects of the release are not seen")
        # A shop that was blind a moment ago still has looks from before: they are over when five more were taken.
        at = datetime.now(UTC)
        moves = [
            Moved(tenant=name, commit=COMMIT, at=at - timedelta(minutes=31), release="18.0.2")
            for name in EXPECTED
        ]
        runs = Runs(
            cluster=project.api,
            environment="local",
            checks=CHECKS,
            address=prometheus.url,
            interval=timedelta(seconds=QUICK.interval),
        )
        findings = runs.decide(moves, at)
        in_cluster = {
            name: combined(each.outcome for each in findings if each.tenant == name and each.check == GATE)
            for name in EXPECTED
        }
        watched = [
            Watched(tenant=name, moved=None, application=None, holds_move=lambda _: True) for name in EXPECTED
        ]
        found = measure(asked, watched, datetime.now(UTC), CHECKS).findings
        names = {check.name for check in CHECKS}
        from_here = {
            name: combined(each.outcome for each in found if each.tenant == name and each.check in names)
            for name in EXPECTED
        }
        why = "\n".join(f"{each.tenant} {each.check} {each.outcome}: {each.why}" for each in findings)
        assert in_cluster == EXPECTED, why
        assert from_here == EXPECTED
        assert {each.check for each in findings} == {GATE, *(impact.name for impact in IMPACTS)}

        again = runs.decide(moves, datetime.now(UTC))
        assert [each.why for each in again if each.outcome is Outcome.FAIL] == [
            each.why for each in findings if each.outcome is Outcome.FAIL
        ], "a command that was killed before it noted the outcome would measure a second time"
