"""The rebuild of a lost embedded environment: what is planned, and what its steps do to a cluster."""

import base64
import json

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from cli import dr, region_near
from cli.main import app
from cli.region_near import JOBS, PROCESSES, Near
from components.recovery.restore import AUTHORITY, CERTIFICATE, RESTORE
from local.progress import Progress
from local.state import ROOT, State
from recovery.region.near import plan_near, stands_in_for
from recovery.region.run import RebuildStopped
from recovery.store.sealing import generate
from spec.fleet import Fleet
from spec.problems import SpecError
from tests.components import samples

pytestmark = pytest.mark.unit

CLUSTER = {"source": "embedded", "pods": "real", "stands_in_for": "first"}


def fleet(*tenants):
    environment = samples.environment(cluster=CLUSTER, recovery=samples.RECOVERY)
    return Fleet(
        environment, tenants or (samples.tenant("acme"), samples.tenant("bolt", criticality="critical"))
    )


def test_an_embedded_environment_takes_over_every_active_tenant_the_most_critical_first():
    plan = plan_near(fleet(samples.tenant("acme"), samples.tenant("bolt", criticality="critical")))
    assert (plan.lost, plan.tenants) == ("first", ("bolt", "acme"))
    assert [step.key for step in plan.steps] == ["outside", "create", "restore", "verify"]
    assert {need.key for need in plan.needs} == {"objects", "identity", "secrets", "delivery"}
    assert (
        plan.digest
        == plan_near(fleet(samples.tenant("acme"), samples.tenant("bolt", criticality="critical"))).digest
    )


def test_a_tenant_whose_shop_is_shut_is_left_behind_with_the_reason():
    plan = plan_near(fleet(samples.tenant("acme"), samples.tenant("bolt", state="suspended")))
    assert plan.tenants == ("acme",)
    assert [(one.tenant, "suspended" in one.reason) for one in plan.left_behind] == [("bolt", True)]


def test_an_environment_that_stands_in_for_none_plans_no_takeover():
    assert stands_in_for(samples.fleet()) is None
    with pytest.raises(SpecError, match="stands in for no other environment"):
        plan_near(samples.fleet())


def test_the_command_says_what_it_would_do_here_and_wants_the_lost_environment_by_its_name(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(dr, "load_fleet", lambda *_: fleet())
    monkeypatch.setenv("STOREFLEET_STATE", str(tmp_path))
    told = CliRunner().invoke(app, ["dr", "plan"])
    assert told.exit_code == 0, told.output
    assert "If first is lost, the stack local serves from this-machine." in told.output
    refused = CliRunner().invoke(app, ["dr", "rebuild", "--lost", "eu-central-1"])
    assert refused.exit_code == 2
    assert "storefleet dr rebuild --lost first" in refused.output
    assert not list(tmp_path.glob("recovery/*/journal.jsonl")), "a slip of the hand began a takeover"


class Cluster:
    """Answers as an API server in which the restore's job ends at once; remembers what was written."""

    def __init__(self, ends="Complete"):
        self.ends, self.written, self.there, self.jobs, self.ended = ends, [], {}, set(), {}
        for name, fields in ((AUTHORITY, ["ca.crt"]), (CERTIFICATE, ["tls.crt", "tls.key"])):
            data = {each: base64.b64encode(each.encode()).decode() for each in fields}
            self.there[f"/secrets/{name}"] = {"data": data}
        for process in (*PROCESSES, JOBS):
            status = {"observedGeneration": 2, "readyReplicas": 1, "replicas": 0}
            self.there[f"/deployments/{process}"] = {"metadata": {"generation": 2}, "status": status}
        self.there["/persistentvolumeclaims/odoo-files"] = {"status": {}}

    def get(self, path):
        if "/jobs/" in path:
            if path not in self.jobs:
                return None
            return {"status": {"conditions": [{"type": self.ended.get(path, self.ends), "status": "True"}]}}
        return next((found for end, found in self.there.items() if path.endswith(end)), None)

    def path(self, manifest):
        return f"/{manifest['metadata']['namespace']}/jobs/{manifest['metadata']['name']}"

    def items(self, path):
        return [{"involvedObject": {"name": "restore-latest"}, "message": "BackoffLimitExceeded"}]

    def apply(self, manifest):
        self.written.append((f"apply {manifest['kind']}", manifest))
        if manifest["kind"] == "Job":
            self.jobs.add(self.path(manifest))

    def merge(self, path, change):
        self.written.append((f"scale {path.rpartition('/')[2]}", change["spec"]["replicas"]))

    def delete(self, path):
        self.written.append(("delete", path.rpartition("/")[2]))
        self.jobs.discard(path)
        self.ended.pop(path, None)


@pytest.fixture
def near(monkeypatch, tmp_path):
    def made(cluster):
        key = tmp_path / "identity"
        key.write_text(generate()[0])
        monkeypatch.setenv("STOREFLEET_IDENTITY", str(key))
        (tmp_path / "images.json").write_text(
            json.dumps({samples.RECOVERY["image"]: "storefleet.local/recovery@x"})
        )
        monkeypatch.setattr(region_near, "state", lambda: State(tmp_path))
        monkeypatch.setattr(region_near, "KubeApi", lambda _: cluster)
        return Near(fleet(), Progress(Console(force_terminal=False)))

    return made


def test_a_restore_stops_the_shop_brings_the_key_takes_it_away_and_starts_the_shop_again(near):
    cluster = Cluster()
    plan = plan_near(fleet())
    step = next(each for each in plan.steps if each.key == "restore")
    said = near(cluster).perform(plan, step)
    assert "acme: restored" in said
    did = [what for what, _ in cluster.written]
    assert did.index("scale odoo") < did.index("apply Job") < did.index("apply Secret") < did.index("delete")
    (job,) = [made for what, made in cluster.written[: did.index("delete")] if what == "apply Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "storefleet.local/recovery@x"
    assert container["args"][:5] == ["restore", "run", "bolt", "--from", "latest"], (
        "not the most critical one first"
    )
    gone = [what for did, what in cluster.written if did == "delete"]
    assert set(gone) == {RESTORE}, "a superuser or the key that opens backups stayed"
    assert [many for what, many in cluster.written if what == "scale odoo"] == [0, 1, 0, 1]
    assert [many for what, many in cluster.written if what == "scale odoo-jobs"] == [0, 0], (
        "it starts by itself"
    )


def test_a_restore_that_failed_stops_the_takeover_with_the_words_of_its_job(near):
    plan, cluster = plan_near(fleet()), Cluster(ends="Failed")
    step = next(each for each in plan.steps if each.key == "restore")
    with pytest.raises(RebuildStopped, match=r"(?s)the restore of bolt failed.*BackoffLimitExceeded"):
        near(cluster).perform(plan, step)
    gone = [what for did, what in cluster.written if did == "delete"]
    assert gone == [RESTORE, RESTORE], "a superuser and the key that opens backups stayed"


def test_a_restore_that_failed_is_tried_again_by_the_same_command(near):
    plan, cluster = plan_near(fleet()), Cluster(ends="Failed")
    step = next(each for each in plan.steps if each.key == "restore")
    made = near(cluster)
    with pytest.raises(RebuildStopped):
        made.perform(plan, step)
    cluster.ends = "Complete"
    cluster.ended = dict.fromkeys(cluster.jobs, "Failed")
    assert "bolt: restored" in made.perform(plan, step)
    assert "restore-latest" in [what for did, what in cluster.written if did == "delete"], (
        "the old job stayed"
    )


def test_without_the_key_that_opens_backups_nothing_is_begun(near, monkeypatch):
    made, plan = near(Cluster()), plan_near(fleet())
    monkeypatch.delenv("STOREFLEET_IDENTITY")
    with pytest.raises(RebuildStopped, match="STOREFLEET_IDENTITY"):
        made.perform(plan, plan.steps[0])


def test_the_processes_that_are_stopped_are_those_of_the_chart():
    rendered = yaml.safe_load_all((ROOT / "tests" / "golden" / "workload.local.yaml").read_text())
    assert {one["metadata"]["name"] for one in rendered if one and one["kind"] == "Deployment"} == {
        *PROCESSES,
        JOBS,
    }
