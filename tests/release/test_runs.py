"""Gates that the cluster decides, with an API server and a controller that the test plays: each end and mishap."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from components.monitoring.check import Layer
from components.monitoring.checks import CHECKS
from local.kube import ApiError
from local.trouble import EnvironmentTrouble
from release.gates import runs
from release.gates.runs import GATE, Runs
from release.gates.verdict import Outcome
from release.world import Moved

pytestmark = pytest.mark.unit

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOVED = [
    Moved(tenant=name, commit="0f" * 20, at=NOW - timedelta(hours=1), release="18.0.4")
    for name in ("bakery", "deli")
]


class Played:
    """An API server with a controller behind it that ends each run as told."""

    def __init__(self, phases=None, ends="Successful"):
        self.phases, self.ends, self.kept, self.refusal = phases or {}, ends, {}, None
        self.posted = 0

    def items(self, path, **query):
        wanted = dict(each.split("=") for each in query.get("labelSelector", "").split(",") if each)
        return [
            run
            for run in self.kept.values()
            if all(run["metadata"]["labels"].get(key) == value for key, value in wanted.items())
        ]

    def post(self, path, body):
        if self.refusal:
            raise self.refusal
        self.posted += 1
        results = [
            {"name": each["name"], "phase": self.phases.get(each["name"], "Successful"), "count": 5}
            for each in body["spec"]["metrics"]
        ]
        status = {"phase": self.ends, "completedAt": NOW.isoformat(), "metricResults": results}
        self.kept[body["metadata"]["name"]] = {**body, "status": status}
        return body


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Let no test wait: the clock goes on by a minute at each look."""
    clock = count(0, 60)
    monkeypatch.setattr(runs.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(runs.time, "sleep", lambda _: None)


def decided(cluster, at=NOW, moved=MOVED):
    return Runs(cluster=cluster, environment="local", checks=CHECKS).decide(moved, at)


def outcomes(findings, tenant):
    return {each.layer: each.outcome for each in findings if each.tenant == tenant and each.check == GATE}


def test_there_is_one_run_for_each_layer_and_a_finding_for_each_tenant_in_it():
    cluster = Played()
    found = decided(cluster)
    assert cluster.posted == len(Layer)
    for tenant in ("bakery", "deli"):
        assert outcomes(found, tenant) == dict.fromkeys(Layer, Outcome.PASS)
    assert all(each.query for each in found), "nobody could ask again what was asked"


@pytest.mark.parametrize(
    ("phase", "outcome"),
    [
        ("Failed", Outcome.FAIL),
        ("Inconclusive", Outcome.HOLD),
        ("Error", Outcome.HOLD),
        ("a word of a later version", Outcome.HOLD),
    ],
)
def test_what_is_not_successful_passes_for_nobody_and_harms_no_neighbour(phase, outcome):
    found = decided(Played({"bakery": phase}, ends="Failed"))
    assert set(outcomes(found, "bakery").values()) == {outcome}
    assert set(outcomes(found, "deli").values()) == {Outcome.PASS}


def test_a_metric_that_the_controller_says_nothing_of_holds():
    cluster = Played()
    decided(cluster)
    for run in cluster.kept.values():
        run["status"]["metricResults"] = []
    assert {each.outcome for each in decided(cluster)} == {Outcome.HOLD}


def test_a_command_that_was_killed_reads_the_run_that_ended_and_makes_no_second():
    cluster = Played()
    decided(cluster)
    decided(cluster, NOW + timedelta(minutes=2))
    assert cluster.posted == len(Layer)
    decided(cluster, NOW + timedelta(hours=3))
    assert cluster.posted == 2 * len(Layer), (
        "the watch after hours would be decided by what was seen before it"
    )


def test_a_gate_that_held_is_measured_anew_at_once():
    cluster = Played(ends="Inconclusive")
    decided(cluster)
    decided(cluster)
    assert cluster.posted == 2 * len(Layer)


def test_a_gate_of_other_tenants_of_the_move_is_another_one():
    cluster = Played()
    decided(cluster)
    found = decided(cluster, moved=MOVED[:1])
    assert {each.tenant for each in found} == {"bakery"}
    assert cluster.posted == 2 * len(Layer)


def test_a_run_that_nobody_carries_out_is_said_with_what_to_look_at():
    with pytest.raises(EnvironmentTrouble, match="is the controller of Argo Rollouts there"):
        decided(Played(ends="Pending"))


def test_a_cluster_without_the_kind_is_said_with_the_other_way():
    cluster = Played()
    cluster.refusal = ApiError("POST analysisruns", 404, "not found")
    with pytest.raises(EnvironmentTrouble, match="without --in-cluster"):
        decided(cluster)


def test_a_run_that_another_command_was_quicker_to_create_is_waited_for():
    cluster = Played()
    post = cluster.post

    def raced(path, body):
        post(path, body)
        raise ApiError("POST analysisruns", 409, "already exists")

    cluster.post = raced
    assert set(outcomes(decided(cluster), "deli").values()) == {Outcome.PASS}
