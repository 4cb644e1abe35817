"""The steps of a release: in order, once each, whatever is killed; and back where a gate fails."""

from datetime import UTC, datetime

import pytest

from release.gates.verdict import Outcome
from release.ledger import RECORDS_FOLDER, Step, read_records
from release.steps import Kind
from tests.release.project import project
from tests.release.worlds import CountingWorld, driver, run_through

pytestmark = pytest.mark.unit
__all__ = ["project"]

QUIET = datetime(2026, 6, 8, 9, tzinfo=UTC)
WAVES = {1: ["bakery"], 2: ["corner", "deli"], 3: ["emporium"]}
NEW = dict.fromkeys(["bakery", "corner", "deli", "emporium"], "18.0.4")


@pytest.fixture
def ready(project):
    """A project with an approved plan, in which nothing is prepared by itself."""
    project.prepares = False
    project.clock(QUIET)
    project.planned()
    return project


def titles(project):
    return project.git("log", "--format=%s", "--reverse").splitlines()


def test_a_release_goes_through_all_its_steps_in_order(ready):
    world = CountingWorld(ready)
    taken, last = run_through(ready, world)
    assert last.next.kind is Kind.DONE
    assert ready.pointers() == NEW
    first = [kind for kind, wave in taken if wave == 1 and kind is not Kind.WAIT]
    assert first == [
        Kind.REHEARSE, Kind.NOTIFY, Kind.CHECKPOINT, Kind.NOTIFY, Kind.PROMOTE, Kind.GATE, Kind.SOAK, Kind.NOTIFY,
    ]  # fmt: skip
    assert {key[1] for key in world.done if key[0] == "checkpoint"} == set(NEW)
    assert {key[1] for key in world.done if key[0] == "rehearsal"} == {"bakery"}, (
        "code alone is rehearsed once"
    )


def test_a_change_of_the_database_is_rehearsed_for_every_tenant(project):
    project.prepares = False
    project.clock(QUIET)
    project.release("18.0.5", migration="additive", rollback="restore")
    project.commit()
    project.planned("18.0.5")
    project.approve("18.0.5", role="database", by="dan@corner.example")
    project.approve("18.0.5", role="business", by="bea@corner.example")
    world = CountingWorld(project)
    _, last = run_through(project, world, "18.0.5")
    assert last.next.kind is Kind.DONE
    assert {key[1] for key in world.done if key[0] == "rehearsal"} == set(NEW)


def test_killed_at_every_boundary_and_resumed_no_step_is_done_twice_and_none_is_skipped(ready, tmp_path):
    start = ready.git("rev-parse", "HEAD").strip()
    undisturbed = CountingWorld(ready)
    run_through(ready, undisturbed)
    expected = titles(ready)
    ready.git("reset", "--hard", "--quiet", start)
    ready.clock(QUIET)

    world, seen = CountingWorld(ready), set()

    def killed(boundary):
        place = (boundary, ready.git("rev-parse", "HEAD"))
        if place not in seen:
            seen.add(place)
            raise KeyboardInterrupt

    for _ in range(200):
        try:
            _, last = run_through(ready, world, boundary=killed)
            break
        except KeyboardInterrupt:
            continue
    assert last.next.kind is Kind.DONE
    assert len(seen) > 40, "hardly anything was interrupted"
    assert titles(ready) == expected, "the history of an interrupted release is another one"
    assert world.done == undisturbed.done
    assert set(world.done.values()) == {1}, "an effect happened twice"
    assert ready.git("status", "--porcelain") == ""


def test_a_record_that_was_written_and_not_committed_was_not_done(ready):
    world = CountingWorld(ready)
    ready.write(f"{RECORDS_FOLDER}/local/18.0.4/rehearsal-bakery-20260608T090000Z.json", "{}")
    done = driver(ready, world).step()
    assert done.next.kind is Kind.REHEARSE
    assert ready.git("status", "--porcelain") == ""


def test_a_committed_record_that_was_edited_stops_everything(ready):
    driver(ready, CountingWorld(ready)).step()
    record = read_records(ready.root, "local")[0]
    ready.write(record.file, ready.read(record.file).replace('"pass"', '"fail"'))
    assert "it is written once" in ready.run("resume", "18.0.4", "--env", "local", status=2)
    ready.git("checkout", "--quiet", "-b", "change")
    ready.commit()
    assert "is the record of what was done, and is changed" in ready.run("check", "--base", "main", status=2)


def test_a_gate_that_fails_takes_its_segment_back_and_the_others_never_moved(ready):
    world = CountingWorld(ready)
    world.prometheus.values["bakery", "queue_latency"] = 0.0
    taken, last = run_through(ready, world)
    assert [kind for kind, _ in taken][-4:] == [Kind.GATE, Kind.ROLLBACK, Kind.NOTIFY, Kind.HALTED]
    assert last.next.kind is Kind.HALTED
    assert set(ready.pointers().values()) == {"18.0.3"}
    moved = ready.git("log", "--format=", "--name-only", "--", "gitops/environments").split()
    assert moved.count("gitops/environments/local/eu-1/corner.yaml") == 1, (
        "a tenant of a later wave was touched"
    )
    notices = [each for each in read_records(ready.root, "local") if each.step is Step.NOTICE_BACK]
    assert "was taken back" in notices[0].details["messages"][0]["subject"]
    said = ready.run("status", "18.0.4", "--env", "local")
    assert "1 back" in said
    assert "Next: halted" in said


def test_only_the_segment_that_failed_goes_back(ready):
    world = CountingWorld(ready)
    world.prometheus.values["deli", "order_success"] = 0.0
    _, last = run_through(ready, world)
    assert last.next.kind is Kind.DONE, "one of the general ring may fail, and the others go on without it"
    assert ready.pointers() == NEW | {"deli": "18.0.3"}


def test_a_gate_without_data_holds_and_nothing_goes_on_or_back(ready):
    world = CountingWorld(ready)
    world.prometheus.unmeasured.add(("bakery", "telemetry"))
    taken, last = run_through(ready, world)
    assert taken[-1] == (Kind.GATE, 1)
    assert last.outcome is Outcome.HOLD
    assert ready.pointers()["bakery"] == "18.0.4", "it went back, and nobody knows that it is ill"
    assert not [each for each in read_records(ready.root, "local") if each.step is Step.GATE]
    world.prometheus.unmeasured.clear()
    assert run_through(ready, world)[1].next.kind is Kind.DONE


def test_what_went_well_at_first_and_fails_at_the_end_of_the_soak_goes_back_too(ready):
    world = CountingWorld(ready)
    for done in driver(ready, world).resume():
        last = done
    ready.clock(last.next.until)
    for done in driver(ready, world).resume():
        last = done
    assert last.next.kind is Kind.WAIT
    world.prometheus.values["bakery", "inventory_age"] = 0.0
    assert run_through(ready, world)[1].next.kind is Kind.HALTED
    assert ready.pointers()["bakery"] == "18.0.3"


def test_a_rehearsal_that_fails_stops_the_release_before_anybody_is_moved(ready):
    world = CountingWorld(ready)
    world.outcomes["rehearsal", "bakery"] = Outcome.FAIL
    _, last = run_through(ready, world)
    assert last.next.kind is Kind.REHEARSE
    assert set(ready.pointers().values()) == {"18.0.3"}
    said = ready.run("promote", "18.0.4", "--env", "local", "--wave", "1", status=2)
    assert "wave 1 lacks the rehearsal of bakery" in said
    assert "wave 1 lacks a fresh checkpoint of bakery" in said


def test_a_checkpoint_that_has_grown_old_is_taken_again_before_the_move(ready):
    world = CountingWorld(ready)
    while driver(ready, world).step().next.kind is not Kind.CHECKPOINT:
        pass
    ready.later(hours=25)
    assert run_through(ready, world)[1].next.kind is Kind.DONE
    assert world.done["checkpoint", "bakery", "18.0.4"] == 2


def test_without_its_approval_a_release_stands_and_says_whom_it_waits_for(project):
    project.prepares = False
    project.clock(QUIET)
    project.run("plan", "18.0.4", "--env", "local", "--write")
    project.commit()
    _, last = run_through(project, CountingWorld(project))
    assert last.next.kind is Kind.APPROVE
    assert "role release" in last.next.why


def test_a_failed_gate_of_a_release_that_needs_a_restore_waits_for_that_decision(project):
    project.prepares = False
    project.clock(QUIET)
    project.release("18.0.5", migration="additive", rollback="restore")
    project.commit()
    project.planned("18.0.5")
    project.approve("18.0.5", role="database", by="dan@corner.example")
    project.approve("18.0.5", role="business", by="bea@corner.example")
    world = CountingWorld(project)
    world.prometheus.values["bakery", "modules_in_between"] = 0.0
    _, last = run_through(project, world, "18.0.5")
    assert last.next.kind is Kind.BLOCKED
    assert "loses what 1 tenants sold since" in last.next.why
    project.approve("18.0.5", role="restore", by="dan@corner.example")
    taken, last = run_through(project, world, "18.0.5")
    assert Kind.ROLLBACK in [kind for kind, _ in taken]
    assert last.next.kind is Kind.HALTED


def test_a_frozen_wave_waits_until_its_calendar_opens(ready):
    ready.clock(datetime(2026, 5, 31, 9, tzinfo=UTC))
    world = CountingWorld(ready)
    ready.run("plan", "18.0.4", "--env", "local", "--write")
    ready.commit("Planned anew")
    ready.approve("18.0.4")
    run_through(ready, world)
    moves = ready.git("log", "--format=%ct", "-1", "--", "gitops/environments/local/eu-1/deli.yaml")
    moved = datetime.fromtimestamp(int(moves), tz=UTC)
    assert not datetime(2026, 6, 2, 22, tzinfo=UTC) <= moved < datetime(2026, 6, 6, 22, tzinfo=UTC)


def test_messages_speak_the_tenants_clock_and_name_what_is_touched(ready):
    world = CountingWorld(ready)
    driver(ready, world).step()
    driver(ready, world).step()
    record = next(each for each in read_records(ready.root, "local") if each.step is Step.NOTICE_BEFORE)
    message = record.details["messages"][0]
    assert "(Europe/Paris)" in message["text"]
    assert "The promotion engine counts each voucher once" in message["text"]
    assert message["to"]


def test_the_commands_refuse_a_step_whose_turn_it_is_not(ready):
    said = ready.run("gate", "18.0.4", "--env", "local", "--wave", "1", status=2)
    assert "it is not the turn of this step; next is rehearse" in said
    assert "there is no plan of it" in ready.run("status", "18.0.9", "--env", "local", status=2)


def test_records_are_of_the_model_when_the_world_is(ready):
    driver(ready, CountingWorld(ready)).step()
    assert read_records(ready.root, "local")[0].simulated
