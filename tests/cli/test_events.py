"""The engine's event log, reduced to what a person wants to know."""

from __future__ import annotations

import json

from cli.engine import explain
from cli.engine.events import Change, Report
from cli.engine.run import Outcome

TYPE = "storefleet:cells:Cell$storefleet:tenancy:Tenant$kubernetes:core/v1:ResourceQuota"
URN = f"urn:pulumi:local::storefleet::{TYPE}::t-acme/quota"
STACK = "urn:pulumi:local::storefleet::pulumi:pulumi:Stack::storefleet-local"


def step(op, urn=URN, old=None, new=None, inputs=None):
    def side(outputs):
        state = {"type": "", "urn": urn, "id": "", "parent": "", "provider": "", "inputs": inputs or {}}
        return None if outputs is None else {**state, "outputs": outputs}

    kind = urn.split("::")[2].rsplit("$", 1)[-1]
    return {"op": op, "urn": urn, "type": kind, "provider": "", "old": side(old), "new": side(new)}


def read(*events):
    report = Report()
    report.add(json.dumps({"sequence": 1, "timestamp": 1, **event}) for event in events)
    return report


def test_what_stays_the_same_is_no_change():
    report = read({"resourcePreEvent": {"metadata": step("same"), "planning": True}})
    assert (report.seen, report.changes) == (1, [])


def test_a_change_is_named_as_people_name_it():
    report = read({"resourcePreEvent": {"metadata": step("create", new={}), "planning": False}})
    change = report.changes[0]
    assert (change.op, change.name, change.type) == (
        "create",
        "t-acme/quota",
        "kubernetes:core/v1:ResourceQuota",
    )
    assert report.counts() == {"create": 1}


def test_a_change_of_nothing_but_the_outputs_is_noticed():
    same = read({"resOutputsEvent": {"metadata": step("same", STACK, old={"a": 1}, new={"a": 1})}})
    other = read({"resOutputsEvent": {"metadata": step("same", STACK, old={"a": 1}, new={"a": 2})}})
    assert (same.outputs_changed, other.outputs_changed) == (False, True)


def test_a_failed_object_is_known_by_its_name_in_the_cluster():
    inputs = {"kind": "ResourceQuota", "metadata": {"name": "tenant", "namespace": "t-acme"}}
    failed = {"metadata": step("create", new={}, inputs=inputs), "status": 1, "steps": 1}
    report = read({"resOpFailedEvent": failed})
    assert report.failed == [Change("create", URN)]
    assert report.objects == {"t-acme/quota": ("t-acme", "ResourceQuota", "tenant")}


def test_a_mandatory_finding_names_rule_and_object(tmp_path):
    policy = {
        "resourceUrn": URN,
        "message": "no limit\n  fix: give one",
        "color": "never",
        "policyName": "resources-set",
        "policyPackName": "storefleet",
        "policyPackVersion": "0.1.0",
        "policyPackVersionTag": "0.1.0",
        "enforcementLevel": "mandatory",
    }
    outcome = Outcome(status=1, report=read({"policyEvent": policy}), log=tmp_path / "x.log")
    assert "[resources-set] t-acme/quota: no limit" in explain.failure(outcome, None)


def test_a_killed_engine_is_told_in_one_sentence(tmp_path):
    message = explain.failure(Outcome(status=-9, report=Report(), log=tmp_path / "x.log"), None)
    assert "killed (signal 9)" in message
    assert "run the same command again" in message


def test_an_engine_that_says_nothing_is_quoted(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("error: unknown flag\n")
    assert "unknown flag" in explain.failure(Outcome(status=1, report=Report(), log=log), None)
