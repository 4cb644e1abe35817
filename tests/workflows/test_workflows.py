"""The workflows of a hosted CI: pinned by commit, least rights, and nothing in them that cannot be run by hand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from local.progress import Progress
from local.state import ROOT
from local.toolchain import catalog
from local.toolchain.build import ensure

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
PINNED = re.compile(r"^\s*(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def steps(file):
    for name, job in yaml.safe_load(file.read_text())["jobs"].items():
        for step in job["steps"]:
            yield name, step


@pytest.mark.unit
def test_there_are_the_workflows_that_a_release_needs():
    assert [each.stem for each in FILES] == ["image", "promote", "pull-request"]


@pytest.mark.unit
@pytest.mark.parametrize("file", FILES, ids=lambda each: each.stem)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(file):
    used = [line for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    for line in used:
        assert PINNED.match(line), f"a tag can be moved to other code: {line.strip()}"


@pytest.mark.unit
@pytest.mark.parametrize("file", FILES, ids=lambda each: each.stem)
def test_what_a_workflow_runs_is_a_target_of_make_and_reads_inputs_as_variables(file):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, step in steps(file):
        command = step.get("run")
        if command is not None:
            words = command.split()
            assert words[0] == "make", f"{name}: only the hosted CI could run this: {command}"
            assert words[1] in targets, f"{name}: make has no target {words[1]}"
            assert "${{" not in command, f"{name}: an input would be run as a command: {command}"


@pytest.mark.unit
@pytest.mark.parametrize("file", FILES, ids=lambda each: each.stem)
def test_a_job_has_no_right_that_it_does_not_name(file):
    content = yaml.safe_load(file.read_text())
    assert content["permissions"] == {}, "every job would have these rights"
    assert "pull_request_target" not in content[True], "a stranger's change would run with our rights"
    for name, job in content["jobs"].items():
        assert job["timeout-minutes"] <= 120, f"{name} could hang for hours"
        assert "permissions" in job, name


@pytest.mark.unit
def test_an_image_is_signed_only_after_it_was_scanned_and_only_by_its_digest():
    names = [
        step.get("uses", step.get("run", "")) for name, step in steps(FOLDER / "image.yml") if name == "image"
    ]
    order = [
        next(place for place, each in enumerate(names) if part in each)
        for part in (
            "make image ",
            "sbom-action",
            "scan-action",
            "make image-sign",
            "attest-build-provenance",
        )
    ]
    assert order == sorted(order), "what was not scanned would be signed"
    makefile = (ROOT / "Makefile").read_text()
    assert "push-by-digest=true" in makefile
    for target, wrong in (("image", "BASE=odoo:19.0"), ("image-sign", "DIGEST=latest")):
        ended = subprocess.run(
            ["make", "--no-print-directory", target, wrong],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode != 0
        assert "by digest" in ended.stderr


@pytest.mark.unit
def test_zizmor_finds_nothing():
    program = Path(sys.executable).with_name("zizmor")
    command = [str(program), "--offline", "--no-progress", "--pedantic", str(FOLDER)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.unit
def test_zizmor_would_find_an_input_that_is_run(tmp_path):
    text = (
        (FOLDER / "promote.yml").read_text().replace('VERSION="$VERSION"', 'VERSION="${{ inputs.version }}"')
    )
    (tmp_path / "promote.yml").write_text(text)
    program = Path(sys.executable).with_name("zizmor")
    command = [str(program), "--offline", "--no-progress", str(tmp_path / "promote.yml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "template-injection" in ended.stdout


@pytest.mark.integration
def test_actionlint_finds_nothing():
    program = ensure(Progress(), [catalog.ACTIONLINT])[catalog.ACTIONLINT.name]
    ended = subprocess.run([str(program), *map(str, FILES)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
