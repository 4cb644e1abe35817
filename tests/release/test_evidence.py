"""Scorecard and evidence: nothing hard is averaged away, and what is tampered with shows."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from release.dora import dora
from release.evidence import EVIDENCE_FOLDER, opened
from release.gates.verdict import Outcome
from release.ledger import RECORDS_FOLDER, read_records
from release.repository import Move
from release.scorecard import Area, Fact, State, Verdict
from release.steps import Kind
from tests.release.project import project
from tests.release.test_steps import QUIET, ready
from tests.release.worlds import CountingWorld, driver, run_through

pytestmark = pytest.mark.unit
__all__ = ["project", "ready"]

RITA = "rita@corner.example"
EVIDENCE = ("evidence", "18.0.4", "--env", "local", "--by", RITA, "--key")


def a_fact(state, *, hard=False, weight=1):
    return Fact(name="a", state=state, why="b", hard=hard, weight=weight)


def test_a_hard_fact_that_is_bad_is_not_averaged_away():
    area = Area(name="x", facts=(a_fact(State.BAD, hard=True), *(a_fact(State.GOOD, weight=99),)))
    assert area.score == 99.0
    assert area.verdict is Verdict.NO, "ninety-nine good things made up for one that must not be"


def test_what_is_unknown_lowers_the_confidence_and_never_raises_the_score():
    known = Area(name="x", facts=(a_fact(State.GOOD), a_fact(State.BAD)))
    less = Area(name="x", facts=(*known.facts, a_fact(State.UNKNOWN, weight=2)))
    assert less.score == known.score == 50.0
    assert (known.confidence, less.confidence) == (1.0, 0.5)
    assert (
        Area(name="x", facts=(a_fact(State.UNKNOWN, hard=True), a_fact(State.GOOD))).verdict
        is Verdict.UNKNOWN
    )
    empty = Area(name="x", facts=())
    assert (empty.score, empty.confidence, empty.verdict) == (None, 0.0, Verdict.UNKNOWN)


@pytest.fixture
def over(ready):
    """A release that went through, with signed evidence."""
    _, last = run_through(ready, CountingWorld(ready))
    assert last.next.kind is Kind.DONE
    ready.run(*EVIDENCE, ready.keys[RITA])
    return ready


def files(project):
    folder = next((project.root / EVIDENCE_FOLDER / "local").iterdir())
    return {each.name: each.relative_to(project.root).as_posix() for each in folder.iterdir()}


def verify(project, status=0):
    return project.run("verify", "18.0.4", "--env", "local", status=status)


def test_evidence_says_what_changed_who_approved_what_was_tested_who_was_touched_and_the_way_back(over):
    assert "The evidence of 18.0.4 in local holds" in verify(over)
    envelope = json.loads(over.read(files(over)["evidence.intoto.json"]))
    _, statement, by, _ = opened(envelope)
    predicate = statement["predicate"]
    assert by == RITA
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert predicate["outcome"] == "done"
    assert predicate["changed"]["modules"] == [{"name": "sale_promotion", "version": "18.0.1.2.0"}]
    assert [(each["role"], each["by"]) for each in predicate["approvals"]] == [("release", RITA)]
    assert predicate["tested"][0]["name"] == "unit"
    assert predicate["tenants"]["moved"] == ["bakery", "corner", "deli", "emporium"]
    assert predicate["wayBack"]["checkpoints"]["deli"] == "checkpoint-deli"
    assert {each["step"] for each in predicate["records"]} >= {"rehearsal", "checkpoint", "gate", "soak"}
    assert len(predicate["moves"]) == 4
    assert predicate["dora"]["deployments"] == 3
    page = over.read(files(over)["scorecard.html"])
    assert "http" not in page, "the page would load something from elsewhere"
    assert "measured in a model" in page, "a page of a model would pass for one of a shop"


def test_evidence_is_written_once(over):
    head = over.git("rev-parse", "HEAD")
    assert "written once" in over.run(*EVIDENCE, over.keys[RITA])
    assert over.git("rev-parse", "HEAD") == head


def tamper(project, file, old, new):
    text = project.read(file)
    assert old in text, f"{file} has no {old!r}: the test would prove nothing"
    project.write(file, text.replace(old, new))


def a_record(project, step):
    return next(each.file for each in read_records(project.root, "local") if each.step == step)


def forged(project):
    """Another statement under the old signature."""
    file = files(project)["evidence.intoto.json"]
    envelope = json.loads(project.read(file))
    _, statement, _, _ = opened(envelope)
    statement["predicate"]["tenants"]["back"] = ["corner"]
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    project.write(file, json.dumps(envelope))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (forged, "does not bear the signature of rita@corner.example"),
        (
            lambda p: tamper(p, files(p)["evidence.intoto.json"], RITA, "dan@corner.example"),
            "is signed by dan@corner.example, who may not sign in the role release",
        ),
        (
            lambda p: p.write(files(p)["evidence.intoto.json"], '{"payload": "no"}'),
            "is no envelope with one signature",
        ),
        (
            lambda p: tamper(
                p, "releases/18.0.4/release.yaml", "counts each voucher once", "counts vouchers"
            ),
            "releases/18.0.4/release.yaml: was changed after the evidence was signed",
        ),
        (
            lambda p: tamper(
                p, "gitops/plans/local/18.0.4/plan.json", '"soak_hours": 24.0', '"soak_hours": 0.0'
            ),
            "it was changed by hand: its digest says",
        ),
        (
            lambda p: (p.root / a_record(p, "checkpoint")).unlink(),
            "is named by the evidence and cannot be read: it was removed",
        ),
        (
            lambda p: tamper(p, a_record(p, "rehearsal"), "as it went", "as we wished"),
            "was changed after the evidence was signed",
        ),
        (
            lambda p: p.write(
                f"{RECORDS_FOLDER}/local/18.0.4/gate-wave-1-20270101T000000Z.json",
                p.read(a_record(p, "gate")),
            ),
            "was added afterwards",
        ),
        (
            lambda p: next((p.root / "gitops/plans/local/18.0.4/approvals").iterdir()).unlink(),
            "names no approval in the role release that holds",
        ),
    ],
)
def test_tampering_with_evidence_manifest_plan_record_or_approval_is_detected(over, change, said):
    change(over)
    over.commit("Nobody will notice")
    assert said in verify(over, status=2)


def test_evidence_of_a_release_that_still_runs_is_not_signed(ready):
    said = ready.run(*EVIDENCE, ready.keys[RITA], status=2)
    assert "the release is not over; next is rehearse" in said


def test_who_built_it_does_not_sign_for_it(over, ready):
    by = "dev@corner.example"
    ready.git("rm", "-r", "--quiet", EVIDENCE_FOLDER)
    ready.commit()
    said = ready.run("evidence", "18.0.4", "--env", "local", "--by", by, "--key", ready.keys[by], status=2)
    assert "who builds cannot approve" in said


def test_a_halted_release_has_evidence_too_and_its_scorecard_says_no(ready):
    world = CountingWorld(ready)
    world.prometheus.values["bakery", "queue_latency"] = 0.0
    run_through(ready, world)
    ready.run(*EVIDENCE, ready.keys[RITA])
    verify(ready)
    card = json.loads(ready.read(files(ready)["scorecard.json"]))
    assert card["verdict"] == "no"
    by_name = {each["name"]: each for each in card["areas"]}
    assert by_name["Technical readiness"]["verdict"] == "no"
    assert by_name["Tenant impact"]["verdict"] == "no"
    assert by_name["Rollback confidence"]["verdict"] == "yes", "the way back was proved, and nothing was lost"
    whys = " ".join(fact["why"] for fact in by_name["Technical readiness"]["facts"])
    assert "bakery queue_latency: 0, bad at" in whys


def test_a_scorecard_before_anything_was_done_knows_little_and_says_so(ready):
    said = ready.run("scorecard", "18.0.4", "--env", "local")
    assert "18.0.4 in local: unknown" in said
    assert "not rehearsed yet" in said
    page = ready.root / "card.html"
    ready.run("scorecard", "18.0.4", "--env", "local", "--html", str(page))
    assert "not known yet" in page.read_text()
    assert '"confidence"' in ready.run("scorecard", "18.0.4", "--env", "local", "--json")


def test_a_restore_that_was_never_rehearsed_lowers_the_confidence_in_the_way_back(project):
    project.prepares = False
    project.clock(QUIET)
    project.release("18.0.5", migration="additive", rollback="restore")
    project.commit()
    project.planned("18.0.5")
    said = project.run("scorecard", "18.0.5", "--env", "local", "--json")
    card = json.loads(said)
    way = next(each for each in card["areas"] if each["name"] == "Rollback confidence")
    assert way["score"] == 0.0
    assert way["confidence"] < 0.5


def test_dora_counts_moves_and_what_went_back(ready):
    at = datetime(2026, 6, 1, tzinfo=UTC)

    def move(tenant, commit, hours, before, after):
        return Move(tenant=tenant, commit=commit, at=at + timedelta(hours=hours), before=before, after=after)

    moves = [
        move("a", "1", 0, None, "1.0"),
        move("a", "2", 10, "1.0", "1.1"),
        move("b", "2", 10, "1.0", "1.1"),
        move("b", "3", 12, "1.1", "1.0"),
        move("c", "4", 20, "1.0", "1.1"),
    ]
    found = dora(list(reversed(moves)), {}, at, at + timedelta(days=7))
    assert (found.deployments, found.per_week) == (2, 2.0)
    assert (found.failure_rate, found.recovery_hours) == (0.5, 2.0)
    assert found.lead_time_hours is None
    assert dora([], {}, at, at).failure_rate is None
    assert '"deployments": 0' in ready.run("dora", "--env", "local")


def test_evidence_is_not_affected_by_a_hold(ready):
    world = CountingWorld(ready)
    world.prometheus.unmeasured.add(("bakery", "login"))
    _, last = run_through(ready, world)
    assert last.outcome is Outcome.HOLD
    assert driver(ready, world).step().next.kind is Kind.GATE
