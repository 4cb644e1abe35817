"""The check of a change, on a real git repository: what it lets through, and what it stops."""

import json
from datetime import UTC, datetime

import pytest

from tests.release.project import project
from tests.release.test_commands import PROMOTE, ROLLBACK, emergency

pytestmark = pytest.mark.unit
__all__ = ["project"]

CORNER = "gitops/environments/local/eu-1/corner.yaml"
DELI = "gitops/environments/local/eu-1/deli.yaml"


def branch(project):
    project.git("checkout", "--quiet", "-b", "change")


def check(project, status=0):
    return project.run("check", "--base", "main", status=status)


def point(project, file, version):
    project.write(file, project.read(file).replace("release: 18.0.3", f"release: {version}"))


def test_what_the_commands_write_passes_the_check(project):
    project.planned()
    branch(project)
    project.run(*PROMOTE, "--wave", "1")
    assert ": 1. All as they may" in check(project)
    project.git("checkout", "--quiet", "main")
    project.git("merge", "--quiet", "--ff-only", "change")
    project.git("checkout", "--quiet", "change")
    project.run(*ROLLBACK, "--wave", "1")
    assert ": 1. All as they may" in check(project)


def test_a_change_that_moves_nothing_passes(project):
    branch(project)
    project.write("README.md", "words")
    project.commit()
    assert ": 0. All as they may" in check(project)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda p: p.release("18.0.3", summary="Something else"),
            "release.yaml: is changed in the release 18.0.3",
        ),
        (lambda p: p.write("releases/18.0.3/notes.md", "more"), "notes.md: is added to the release 18.0.3"),
        (lambda p: p.git("rm", "-r", "releases/18.0.3"), "is removed from the release 18.0.3"),
        (lambda p: p.git("mv", "releases/18.0.3", "releases/18.0.9"), "is removed from the release 18.0.3"),
    ],
)
def test_a_release_that_is_there_stays_as_it_is(project, change, said):
    branch(project)
    change(project)
    project.commit()
    said_now = check(project, status=2)
    assert said in said_now
    assert "immutable" in said_now


def test_a_new_release_passes(project):
    branch(project)
    project.release("18.0.5")
    project.commit()
    assert "Releases: 3." in check(project)


def test_a_pointer_that_is_moved_by_hand_is_stopped_without_a_plan(project):
    branch(project)
    point(project, CORNER, "18.0.4")
    project.commit()
    said = check(project, status=2)
    assert "moves corner from 18.0.3 outside an approved plan" in said
    assert "there is no plan of 18.0.4 for local" in said


def test_a_pointer_that_is_moved_by_hand_is_stopped_when_it_is_not_its_waves_turn(project):
    project.planned()
    branch(project)
    point(project, CORNER, "18.0.4")
    project.commit()
    said = check(project, status=2)
    assert "outside an approved plan" in said
    assert "wave 1 is not done: bakery is not on 18.0.4" in said


def test_two_waves_at_once_are_stopped(project):
    project.planned()
    branch(project)
    for name in ("bakery", "corner"):
        point(project, f"gitops/environments/local/eu-1/{name}.yaml", "18.0.4")
    project.commit()
    assert "wave 1 is not done" in check(project, status=2)


def test_a_pointer_of_a_frozen_tenant_is_stopped_even_with_a_plan(project):
    project.clock(datetime(2026, 5, 29, 9, tzinfo=UTC))
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.later(hours=24)
    branch(project)
    project.run(*PROMOTE, "--wave", "2")
    assert ": 2. All as they may" in check(project)
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    assert "deli is frozen until 2026-06-06 22:00 UTC: Fair" in check(project, status=2), (
        "it was open when it was made"
    )


def test_a_change_cannot_thaw_the_tenant_that_it_moves(project):
    project.clock(datetime(2026, 5, 29, 9, tzinfo=UTC))
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    branch(project)
    project.write(
        "calendars/fair.yaml", project.read("calendars/fair.yaml").replace("2026-06-03", "2026-06-05")
    )
    project.commit("The fair begins later")
    project.run(*PROMOTE, "--wave", "2", "--segment", "corner-de", status=2)
    point(project, DELI, "18.0.4")
    project.commit()
    said = check(project, status=2)
    assert "deli is frozen until 2026-06-06 22:00 UTC: Fair (calendars/fair.yaml), before this change" in said


def test_a_change_cannot_choose_its_own_approvers(project):
    branch(project)
    text = project.read("gitops/approvers.yaml")
    head, _, rest = text.partition("dan@corner.example:")
    project.write(
        "gitops/approvers.yaml",
        f"{head}dan@corner.example:{rest.replace('may: [database, restore]', 'may: [release]', 1)}",
    )
    project.commit("Dan may approve releases")
    project.run("plan", "18.0.4", "--env", "local", "--write")
    project.commit()
    project.approve("18.0.4", by="dan@corner.example")
    project.run(*PROMOTE, "--wave", "1")
    said = check(project, status=2)
    assert "dan@corner.example, who may not approve in the role release" in said
    assert "outside an approved plan" in said


def test_an_approval_that_was_copied_or_edited_does_not_count(project):
    project.planned()
    branch(project)
    (file,) = [each for each in project.git("ls-files", "gitops/plans").split() if "/approvals/" in each]
    record = json.loads(project.read(file))
    record["by"] = "bea@corner.example"
    project.write(file.replace("rita", "bea"), json.dumps(record))
    project.git("rm", "--quiet", file)
    point(project, "gitops/environments/local/eu-1/bakery.yaml", "18.0.4")
    project.commit()
    said = check(project, status=2)
    assert "was signed, and is changed or removed" in said
    assert "lacks an approval in the role release" in said


def test_a_pointer_to_a_release_that_is_not_there_is_stopped(project):
    branch(project)
    point(project, CORNER, "18.0.7")
    project.commit()
    assert "there is no such release" in check(project, status=2)


def test_a_pointer_that_says_something_else_than_the_tenants_file_is_stopped(project):
    branch(project)
    project.write(CORNER, project.read(CORNER).replace("ring: 2", "ring: 0"))
    project.commit()
    said = check(project, status=2)
    assert f"{CORNER}: ring: is not what tenants/corner.yaml says" in said
    assert "fix: storefleet release pointers --env local" in said


def test_a_pointer_that_disappears_is_stopped(project):
    branch(project)
    project.git("rm", "--quiet", CORNER)
    project.commit()
    assert "is removed, and the tenant is not purged" in check(project, status=2)


def test_a_newcomer_begins_with_what_others_run(project):
    branch(project)
    project.write(
        "tenants/fifth.yaml",
        project.read("tenants/corner.yaml").replace("corner.example\n", "fifth.example\n", 1),
    )
    text = project.read(CORNER).replace("tenant: corner", "tenant: fifth")
    project.write("gitops/environments/local/eu-1/fifth.yaml", text)
    project.commit()
    assert ": 1. All as they may" in check(project)
    project.write("gitops/environments/local/eu-1/fifth.yaml", text.replace("18.0.3", "18.0.4"))
    project.commit()
    assert "begins with 18.0.4, which no tenant of local runs" in check(project, status=2)


def test_an_emergency_lets_its_tenant_through_while_it_holds(project):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    branch(project)
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2", "--release", "18.0.4")
    project.run(*PROMOTE, "--emergency", "deli-down")
    assert ": 1. All as they may" in check(project)
    project.later(hours=2)
    assert "deli is frozen" in check(project, status=2), "an expired emergency opens something"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenants", ["deli", "corner"]),
        ("expires", "2026-06-05T09:00:00Z"),
        ("release", "18.0.4"),
        ("by", "bea@corner.example"),
        ("environment", "dev"),
        ("retrospective_due", "2026-06-18"),
    ],
)
def test_an_emergency_that_was_changed_after_it_was_signed_opens_nothing(project, field, value):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2", "--release", "18.0.3")
    branch(project)
    file = "gitops/emergencies/local/deli-down.json"
    record = json.loads(project.read(file))
    assert record[field] != value
    record[field] = value
    project.write(file, json.dumps(record))
    project.commit()
    said = check(project, status=2)
    assert "was signed, and is changed or removed" in said
    assert "it opens nothing as it is" in said
    assert "none holds now" in project.run(*PROMOTE, "--emergency", "deli-down", status=2)


def test_an_emergency_under_another_name_is_refused(project):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2")
    branch(project)
    project.git("mv", "gitops/emergencies/local/deli-down.json", "gitops/emergencies/local/other.json")
    project.commit()
    assert "is the record of another emergency: its file was renamed" in check(project, status=2)


def test_a_retrospective_that_is_due_is_asked_for(project):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2")
    project.clock(datetime(2026, 6, 12, 9, tzinfo=UTC))
    assert "Warning: The retrospective of the emergency deli-down was due by 2026-06-11" in check(project)


def test_a_switch_for_everybody_is_no_emergency(project):
    said = emergency(project, "all-down", "--tenant", "deli", "--hours", "48", status=2)
    assert "--hours: is not a near end" in said
    assert "at most 24 hours later" in said


def test_what_is_not_committed_is_said_to_be_left_out(project):
    branch(project)
    project.write(CORNER, project.read(CORNER).replace("18.0.3", "18.0.4"))
    assert f"Not looked at, since it is not committed: {CORNER}" in check(project)
