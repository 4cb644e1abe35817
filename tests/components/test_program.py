"""The program as the engine runs it, on the examples of the project."""

import json
import runpy
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pulumi
import pytest
import yaml

from local.kube import ApiError
from spec.fleet import current_day
from tests.components.golden import check_golden
from tests.components.recorder import Recorder, record

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


class Cluster:
    """What exists, in place of an API server: namespaces of tenants, by id."""

    namespaces: ClassVar[dict[str, dict[str, Any]]] = {}
    trouble: ClassVar[Exception | None] = None

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        assert kubeconfig.is_absolute(), "a relative path means another cluster in another folder"

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        assert path == "/api/v1/namespaces"
        assert "storefleet.dev/environment=local" in query["labelSelector"], (
            "another environment's would count"
        )
        if self.trouble:
            raise self.trouble
        return list(self.namespaces.values())

    @classmethod
    def holds(cls, tenant: str, **changes: str) -> None:
        own = {"tenant": tenant, "state": "active", "cell": "eu-1"} | changes
        of_it = {f"storefleet.dev/{key}": value for key, value in own.items()}
        cls.namespaces[tenant] = {"metadata": {"name": f"t-{tenant}", "labels": of_it}}


@pytest.fixture
def cluster(monkeypatch):
    """Stand in for the API server; it is empty to begin with."""
    monkeypatch.setattr(Cluster, "namespaces", {})
    monkeypatch.setattr(Cluster, "trouble", None)
    monkeypatch.setattr("local.kube.KubeApi", Cluster)
    return Cluster


@pytest.fixture
def project(tmp_path, monkeypatch, cluster):
    """Copy the program and what people write, with a kubeconfig."""
    (tmp_path / "kubeconfig").write_text("clusters: []")
    monkeypatch.setenv("STOREFLEET_KUBECONFIG", str(tmp_path / "kubeconfig"))
    shutil.copy(ROOT / "__main__.py", tmp_path)
    for folder in ("stacks", "tenants", "calendars"):
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
    message, registered = refusal(project)
    assert f"tenants/{wrong.name}" in message
    assert "currency" in message, "the reader would not learn the right key"
    assert registered == [], "a part of the fleet would have been changed before the mistake was found"


def test_a_tenant_whose_file_disappeared_is_refused_before_anything_is_registered(project, cluster):
    cluster.holds("solvane-paris")
    (project / "tenants/solvane-paris.yaml").unlink()
    message, registered = refusal(project)
    assert message.startswith("tenants/solvane-paris.yaml: is missing, but the tenant exists in local")
    assert "state: suspended" in message, "the reader would not learn how a tenant leaves"
    assert registered == [], "the engine would have begun to delete the tenant"


def test_a_cluster_that_does_not_answer_stops_the_program_before_anything_is_registered(project, cluster):
    cluster.trouble = ApiError("GET /api/v1/namespaces", 0, "no answer")
    message, registered = refusal(project)
    assert "Which tenants exist cannot be read" in message
    assert registered == [], "a tenant without a file would be deleted whenever the cluster is slow"


def test_a_purge_takes_off_the_protection_first_and_leaves_the_tenant_out_in_the_next_run(project, cluster):
    file = project / "tenants/solvane-paris.yaml"
    today = current_day()
    text = file.read_text(encoding="utf-8")
    backup = (
        f"{{at: {today - timedelta(days=30)}, digest: 'sha256:{'0' * 64}', verified_by: ops@solvane.example}}"
    )
    file.write_text(
        f"{text}\nstate: purged\nfinal_backup: {backup}\npurge: solvane-paris {today}\n", encoding="utf-8"
    )
    cluster.holds("solvane-paris", state="archived")
    first = run(project).named("t-solvane-paris/namespace")
    assert not first.protect, "the engine would refuse to remove it for ever"
    metadata = first.inputs["metadata"]
    assert metadata["annotations"]["storefleet.dev/confirm-deletion"] == f"t-solvane-paris {today}"
    cluster.namespaces["solvane-paris"] = {"metadata": metadata}
    left = [one.name for one in run(project).registered if one.name.startswith("t-solvane-paris")]
    assert left == [], "the tenant would stay for ever"


def refusal(project: Path) -> tuple[str, list[Any]]:
    """Return what the program says when it refuses, and what it had registered by then."""
    recorders: list[Recorder] = []

    def program() -> None:
        recorders.append(pulumi.runtime.settings.get_monitor())
        runpy.run_path(str(project / "__main__.py"))

    with pytest.raises(pulumi.RunError) as caught:
        record(program)
    return str(caught.value), recorders[0].registered
