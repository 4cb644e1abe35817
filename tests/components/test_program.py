"""The program as the engine runs it, on the examples of the project."""

import json
import runpy
import shutil
from pathlib import Path

import pulumi
import pytest
import yaml

from tests.components.golden import check_golden
from tests.components.recorder import Recorder, record

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Copy the program and what people write, with a kubeconfig."""
    (tmp_path / "kubeconfig").write_text("clusters: []")
    monkeypatch.setenv("STOREFLEET_KUBECONFIG", str(tmp_path / "kubeconfig"))
    shutil.copy(ROOT / "__main__.py", tmp_path)
    for folder in ("stacks", "tenants"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def run(project: Path, *, with_config: bool = False) -> Recorder:
    config = {}
    if with_config:
        stack = yaml.safe_load((project / "stacks/Pulumi.local.yaml").read_text(encoding="utf-8"))
        config = {"storefleet:environment": json.dumps(stack["config"]["storefleet:environment"])}

    def program() -> None:
        pulumi.runtime.set_all_config(config)
        runpy.run_path(str(project / "__main__.py"))

    return record(program)


@pytest.mark.golden
def test_the_local_environment_is_on_file(project):
    recorder = run(project)
    assert recorder.duplicates() == []
    check_golden(
        "local.inventory.txt",
        "type | name | parent | protect\n" + "\n".join(recorder.inventory()) + "\n",
        "a line that vanished is an object that an upgrade deletes: it needs an alias and a note.",
    )


def test_the_engines_configuration_and_the_stack_file_lead_to_the_same(project):
    assert run(project, with_config=True).inventory() == run(project).inventory()


def test_the_stack_says_where_its_cells_and_tenants_are(project):
    exported = run(project).exports
    assert exported["cells"]["eu-1"] == "cell-eu-1"
    assert len(exported["tenants"]) == len(list((project / "tenants").glob("*.yaml")))


def test_a_mistake_in_a_tenants_file_is_told_without_a_traceback_and_registers_nothing(project):
    wrong = next((project / "tenants").glob("*.yaml"))
    wrong.write_text(wrong.read_text(encoding="utf-8").replace("currency:", "curency:"), encoding="utf-8")
    recorders: list[Recorder] = []

    def program() -> None:
        recorders.append(pulumi.runtime.settings.get_monitor())
        runpy.run_path(str(project / "__main__.py"))

    with pytest.raises(pulumi.RunError) as caught:
        record(program)
    assert f"tenants/{wrong.name}" in str(caught.value)
    assert "currency" in str(caught.value), "the reader would not learn the right key"
    assert recorders[0].registered == [], (
        "a part of the fleet would have been changed before the mistake was found"
    )
