"""What Argo CD put back by itself: found in what it says, recorded at each look, and part of the evidence."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.release_facts import committed_facts
from release.drift import drift
from release.evidence import statement
from release.ledger import LOOKS
from release.scorecard import State, scorecard
from release.steps import Kind
from tests.release.project import QUIET, project
from tests.release.worlds import CountingWorld, run_through

pytestmark = pytest.mark.unit
__all__ = ["project"]

NOW = datetime(2026, 6, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
COMMIT = "c" * 40


def healed(at, *, count=1, automated=True, phase="Succeeded"):
    """An Application whose last operation put a Deployment back."""
    sync = {
        "revision": COMMIT,
        "autoHealAttemptsCount": count,
        "resources": [{"group": "apps", "kind": "Deployment", "name": "odoo-web"}],
    }
    return {
        "status": {
            "operationState": {
                "phase": phase,
                "finishedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "operation": {"initiatedBy": {"automated": automated}, "sync": sync},
                "syncResult": {"revision": COMMIT},
            }
        }
    }


def event(at, message=f"Partial sync operation to {COMMIT} succeeded", reason="OperationCompleted"):
    return {"reason": reason, "message": message, "lastTimestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"}


def test_an_operation_that_nobody_started_and_no_commit_asked_for_is_a_correction_with_its_objects():
    at = NOW - timedelta(minutes=10)
    found = drift({"bakery": healed(at)}, {}, NOW - HOUR, NOW)
    (one,) = found.corrections
    assert (one.tenant, one.at, one.revision, one.objects) == ("bakery", at, COMMIT, ("Deployment odoo-web",))


@pytest.mark.parametrize(
    "application",
    [
        healed(NOW - timedelta(minutes=10), count=0),
        healed(NOW - timedelta(minutes=10), automated=False),
        healed(NOW - timedelta(minutes=10), phase="Failed"),
        healed(NOW - 2 * HOUR),
        {},
    ],
    ids=["a new commit", "somebody synchronised it", "it failed", "before the move", "nothing is known"],
)
def test_what_put_nothing_back_is_no_correction(application):
    assert drift({"bakery": application}, {}, NOW - HOUR, NOW).corrections == ()


def test_events_tell_of_corrections_before_the_last_one_and_each_is_counted_once():
    first, last = NOW - timedelta(minutes=30), NOW - timedelta(minutes=10)
    events = [
        event(first),
        event(last + timedelta(seconds=1)),
        event(NOW - timedelta(minutes=20), f"Sync operation to {COMMIT} succeeded"),
        event(NOW - timedelta(minutes=5), reason="OperationStarted"),
    ]
    found = drift({"bakery": healed(last)}, {"bakery": events}, NOW - HOUR, NOW)
    assert [(each.at, each.objects) for each in found.corrections] == [
        (first, ()),
        (last, ("Deployment odoo-web",)),
    ]


def test_how_far_back_it_is_known_is_said():
    week = NOW - timedelta(days=7)
    assert drift({}, {}, week, NOW).known_from == NOW - HOUR, "events are kept for an hour, not for a week"
    assert drift({}, {}, NOW - HOUR / 2, NOW).known_from == NOW - HOUR / 2
    assert drift({}, None, week, NOW).known_from == NOW, "nobody could ask for events"


def test_what_was_put_back_is_in_the_record_of_the_look_and_speaks_against_the_release(project):
    project.prepares = False
    project.clock(QUIET)
    project.planned()
    world = CountingWorld(project)
    world.applications["bakery"] = healed(QUIET + timedelta(minutes=12))
    _, last = run_through(project, world)
    assert last.next.kind is Kind.DONE, "what was put back stops nobody"
    facts = committed_facts(project.root, "local", project.at)
    plan = facts.plans["18.0.4"].plan
    stated = statement(project.root, facts, plan, "done")["predicate"]["drift"]
    (one,) = stated["corrected"]
    assert one["objects"] == ["Deployment odoo-web"], "it was told at two looks, or at none"
    looks = [each for each in facts.records if each.step in LOOKS]
    assert len(stated["watched"]) == len(looks)
    assert stated["unknown"] == []
    technical = scorecard(facts, plan).areas[0]
    (fact,) = [each for each in technical.facts if each.name == "drift"]
    assert fact.state is State.BAD
    assert "bakery: Deployment odoo-web put back at" in fact.why
    assert not fact.hard, "what is as it should be again stops nobody"
