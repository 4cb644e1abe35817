"""A stack that breaks a rule does not apply, and a mistake in a file registers nothing: on the real engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cli.engine import explain
from cli.engine.run import run
from local.controlplane import control
from local.progress import Progress, Step
from local.state import ROOT
from tests.integration.program import Program
from tests.integration.project import copy
from tests.policy.breaks import BREAKS

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.integration.project import Project

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bad_stack(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(project, ROOT / "tests" / "policy" / "stacks", tmp_path_factory.mktemp("stacks"))


def test_the_compliant_stack_passes_every_rule(bad_stack: Program):
    outcome = bad_stack.run("preview")
    assert outcome.status == 0, outcome.log.read_text()
    assert not outcome.report.findings, "a rule fires on a stack that breaks none, or could not be decided"


@pytest.mark.parametrize("rule", BREAKS)
def test_a_stack_that_breaks_a_rule_is_refused_by_the_engine(bad_stack: Program, rule: str):
    outcome = bad_stack.run("preview", BREAK=rule)
    assert outcome.status != 0, f"a stack that breaks {rule} would have been applied"
    broken = {finding.rule for finding in outcome.report.findings if finding.mandatory}
    assert broken == {rule}, outcome.log.read_text()
    message = explain.failure(outcome, None)
    assert f"[{rule}]" in message, "the user is not told which rule"


@pytest.fixture(scope="module")
def applied_stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Program]:
    """The compliant stack, applied to a cluster without admission policies: those would refuse most breaks."""
    bare = copy(tmp_path_factory.mktemp("bare"))
    try:
        control.start(bare.state, Progress())
        program = Program(bare, ROOT / "tests" / "policy" / "stacks", tmp_path_factory.mktemp("applied"))
        outcome = program.run("up")
        assert outcome.status == 0, outcome.log.read_text()
        yield program
    finally:
        bare.stop()


def test_the_compliant_stack_passes_every_rule_once_it_is_applied(applied_stack: Program):
    status, report = applied_stack.analyse()
    assert status == 0, report.findings
    assert not report.findings, "a rule fires on a stack that breaks none, or could not be decided"


@pytest.mark.parametrize("rule", BREAKS)
def test_a_broken_rule_is_found_in_what_is_applied(applied_stack: Program, rule: str):
    kubeconfig = str(applied_stack.project.state.kubeconfig)  # for the default provider of one of the breaks
    broken = applied_stack.run("up", policy=False, BREAK=rule, KUBECONFIG=kubeconfig)
    assert broken.status == 0, broken.log.read_text()
    status, report = applied_stack.analyse()
    assert {finding.rule for finding in report.findings} == {rule}, report.findings
    assert status != 0, f"the analysis of a stack that breaks {rule} ended well"


def test_a_stack_that_breaks_a_rule_is_refused_in_the_update_as_well(applied_stack: Program):
    outcome = applied_stack.run("up", BREAK="image-digest")
    assert outcome.status != 0
    assert any(f.rule == "image-digest" and f.mandatory for f in outcome.report.findings)


def test_a_workload_that_never_gets_ready_fails_in_time_with_its_object_and_events(
    project: Project, tmp_path_factory: pytest.TempPathFactory
):
    source = ROOT / "tests" / "integration" / "never_ready"
    program = Program(project, source, tmp_path_factory.mktemp("never-ready"))
    started = time.monotonic()
    outcome = program.run("up", policy=False)
    assert outcome.status != 0
    assert time.monotonic() - started < 120, "the wait had no end"
    message = explain.failure(outcome, project.api)
    assert "never-ready" in message, message
    assert "FailedScheduling" in message, f"the events are not shown:\n{message}"
    assert program.run("destroy", policy=False).status == 0


MISTAKES = {
    "a misspelt key": ("display_name:", "dispaly_name:", "display_name"),
    "a wrong type": ("orders_per_day: ", "orders_per_day: many # ", "orders_per_day"),
    "an unknown key": ("tier: ", "colour: red\ntier: ", "colour"),
    "an unknown tier": ("tier: shared", "tier: sharde", "shared"),
}


@pytest.mark.parametrize(("old", "new", "named"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_tenant_file_ends_with_status_two_and_registers_nothing(
    project: Project, old: str, new: str, named: str
):
    file = project.root / "tenants" / "solvane-lyon.yaml"
    good = file.read_text()
    before = sorted((project.state.engine / "runs").iterdir())
    assert old in good
    file.write_text(good.replace(old, new, 1))
    try:
        output = project.run("up", status=2)
    finally:
        file.write_text(good)
    assert "tenants/solvane-lyon.yaml" in output
    assert named in output
    assert sorted((project.state.engine / "runs").iterdir()) == before, "the engine was started all the same"


def test_plain_pulumi_shows_a_mistake_without_a_traceback_and_registers_nothing(project: Project):
    file = project.root / "tenants" / "solvane-lyon.yaml"
    good = file.read_text()
    file.write_text(good.replace("tier: shared", "tier: sharde", 1))
    engine = project.engine()
    try:
        outcome = run(engine, project.state, ["preview", "-s", "local"], Step("preview"), cwd=project.root)
    finally:
        file.write_text(good)
    output = outcome.log.read_text()
    assert outcome.status != 0
    assert "did you mean" in output
    assert "Traceback" not in output
    assert not outcome.report.changes, "something was registered before the mistake was found"
