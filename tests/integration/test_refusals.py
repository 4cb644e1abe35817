"""A stack that breaks a rule does not apply, and a mistake in a file registers nothing: on the real engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cli.engine import explain
from cli.engine.run import run
from local.progress import Step
from local.state import ROOT
from tests.integration.program import Program

if TYPE_CHECKING:
    from tests.integration.project import Project

pytestmark = pytest.mark.integration

FIRST_SIX = (
    "tenant-isolation",
    "resources-set",
    "image-digest",
    "no-plaintext-secret",
    "explicit-provider",
    "required-labels",
)


@pytest.fixture(scope="module")
def bad_stack(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(project, ROOT / "tests" / "policy" / "stacks", tmp_path_factory.mktemp("stacks"))


def test_the_compliant_stack_passes_every_rule(bad_stack: Program):
    outcome = bad_stack.run("preview")
    assert outcome.status == 0, outcome.log.read_text()
    assert not outcome.report.findings, "a rule fires on a stack that breaks none"


@pytest.mark.parametrize("rule", FIRST_SIX)
def test_a_stack_that_breaks_a_rule_is_refused_by_the_engine(bad_stack: Program, rule: str):
    outcome = bad_stack.run("preview", BREAK=rule)
    assert outcome.status != 0, f"a stack that breaks {rule} would have been applied"
    broken = {finding.rule for finding in outcome.report.findings if finding.mandatory}
    assert broken == {rule}, outcome.log.read_text()
    message = explain.failure(outcome, None)
    assert f"[{rule}]" in message, "the user is not told which rule"


def test_a_stack_that_breaks_a_rule_is_refused_in_the_update_as_well(bad_stack: Program):
    outcome = bad_stack.run("up", BREAK="image-digest")
    assert outcome.status != 0
    assert any(f.rule == "image-digest" and f.mandatory for f in outcome.report.findings)
    assert bad_stack.run("destroy", policy=False).status == 0


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
