"""The release commands on a real git repository: what moves, what does not, and what is refused."""

import json
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.plan import plan_environment
from release import repository as repositories
from release.facts import open_exemptions
from spec.fleet import load_fleet
from tests.release.project import START, project

pytestmark = pytest.mark.unit
__all__ = ["project"]

OLD = {"bakery": "18.0.3", "corner": "18.0.3", "deli": "18.0.3", "emporium": "18.0.3"}
PROMOTE = ("promote", "18.0.4", "--env", "local")
APPROVE = ("approve", "18.0.4", "--env", "local", "--by", "rita@corner.example", "--key", "k")
ROLLBACK = ("rollback", "18.0.4", "--env", "local")


def test_a_wave_moves_exactly_its_tenants_by_one_commit(project):
    project.planned()
    before = project.git("rev-parse", "HEAD").strip()
    said = project.run(*PROMOTE, "--wave", "1")
    assert "bakery: 18.0.3 -> 18.0.4" in said
    assert project.pointers() == OLD | {"bakery": "18.0.4"}
    assert project.git("rev-list", "--count", f"{before}..HEAD").strip() == "1"
    changed = project.git("diff", "--name-only", before, "HEAD").split()
    assert changed == ["gitops/environments/local/eu-1/bakery.yaml"], "a wave touched something else"
    trailers = project.git("log", "-1", "--format=%(trailers:only)")
    assert "Storefleet-Wave: 1" in trailers
    assert "Storefleet-Plan: sha256:" in trailers


def test_a_release_goes_through_its_rings_and_each_wave_waits_for_the_one_before(project):
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    assert "wave 1 is watched until 2026-06-02 09:00 UTC" in project.run(*PROMOTE, "--wave", "2", status=2)
    project.later(hours=24)
    assert "wave 2 is not done" in project.run(*PROMOTE, "--wave", "3", status=2)
    project.run(*PROMOTE, "--wave", "2")
    assert project.pointers() == OLD | {"bakery": "18.0.4", "corner": "18.0.4"}
    project.clock(datetime(2026, 6, 8, 9, tzinfo=UTC))
    project.run(*PROMOTE, "--wave", "3")
    project.later(hours=24)
    project.run(*PROMOTE, "--wave", "4")
    assert set(project.pointers().values()) == {"18.0.4"}


def test_a_wave_that_is_done_is_not_done_again(project):
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    head = project.git("rev-parse", "HEAD")
    assert "Nothing to move" in project.run(*PROMOTE, "--wave", "1")
    assert project.git("rev-parse", "HEAD") == head


def test_a_dry_run_says_what_would_be_committed_and_changes_nothing(project):
    project.planned()
    head, before = project.git("rev-parse", "HEAD"), project.git("status", "--porcelain")
    said = project.run(*PROMOTE, "--wave", "1", "--dry-run")
    assert "bakery: 18.0.3 -> 18.0.4" in said
    assert "Nothing was committed" in said
    assert (project.git("rev-parse", "HEAD"), project.git("status", "--porcelain")) == (head, before)
    assert project.pointers() == OLD


def test_a_wave_may_be_done_in_segments(project):
    project.clock(datetime(2026, 6, 8, 9, tzinfo=UTC))
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.later(hours=24)
    project.run(*PROMOTE, "--wave", "2", "--segment", "corner-de")
    assert project.pointers() == OLD | {"bakery": "18.0.4", "deli": "18.0.4"}
    assert "did you mean corner-de" in project.run(
        *PROMOTE, "--wave", "2", "--segment", "corner-dee", status=2
    )


def test_a_segment_goes_back_and_nobody_else(project):
    project.clock(datetime(2026, 6, 8, 9, tzinfo=UTC))
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    before = project.read("gitops/environments/local/eu-1/deli.yaml")
    project.later(hours=24)
    project.run(*PROMOTE, "--wave", "2")
    said = project.run(*ROLLBACK, "--segment", "corner-de")
    assert "deli: 18.0.4 -> 18.0.3" in said
    assert project.pointers() == OLD | {"bakery": "18.0.4", "corner": "18.0.4"}
    assert project.read("gitops/environments/local/eu-1/deli.yaml") == before, "the way back is not exact"
    assert "Nothing to move" in project.run(*ROLLBACK, "--segment", "corner-de")


def test_a_release_is_halted_when_more_went_back_than_the_failure_budget_allows(project):
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.run(*ROLLBACK, "--wave", "1")
    project.later(hours=25)
    said = project.run(*PROMOTE, "--wave", "2", status=2)
    assert "bakery is back from 18.0.4; the failure budget is 0, and the release is halted" in said
    assert "the release is halted" in project.run(*PROMOTE, "--wave", "1", status=2), (
        "a failure would be repeated"
    )


def test_a_frozen_tenant_does_not_move_and_is_told_until_when_and_why(project):
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.later(hours=24)
    project.run(*PROMOTE, "--wave", "2")
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    said = project.run(*PROMOTE, "--wave", "3", status=2)
    assert "deli is frozen until 2026-06-06 22:00 UTC: Fair (calendars/fair.yaml)" in said
    assert project.pointers()["deli"] == "18.0.3"


def test_a_frozen_tenant_does_not_go_back_either_without_an_emergency(project):
    project.clock(datetime(2026, 5, 29, 9, tzinfo=UTC))
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.later(hours=24)
    project.run(*PROMOTE, "--wave", "2")
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    assert "deli is frozen" in project.run(*ROLLBACK, "--segment", "corner-de", status=2)
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2")
    project.run(*ROLLBACK, "--segment", "corner-de")
    assert project.pointers()["deli"] == "18.0.3"


def test_an_emergency_opens_its_tenant_for_its_hours_and_then_nothing(project):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2", "--release", "18.0.4")
    other = project.run(*PROMOTE, "--emergency", "deli-dwon", status=2)
    assert "did you mean deli-down" in other
    project.later(hours=2)
    assert "none holds now" in project.run(*PROMOTE, "--emergency", "deli-down", status=2), (
        "an expired one opens"
    )
    project.later(minutes=-1)
    said = project.run(*PROMOTE, "--emergency", "deli-down")
    assert "retrospective is due by 2026-06-11" in said
    assert project.pointers() == OLD | {"deli": "18.0.4"}


def test_nobody_opens_the_next_emergency_before_the_last_one_is_written_down(project):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2")
    project.clock(datetime(2026, 6, 12, 9, tzinfo=UTC))
    said = emergency(project, "deli-again", "--tenant", "deli", "--hours", "2", status=2)
    assert "gitops/emergencies/local/deli-down.md: is missing since 2026-06-11" in said
    project.write(
        "gitops/emergencies/local/deli-down.md", "# What happened\n\n" + "The scales lost their link. " * 8
    )
    project.commit("The retrospective")
    emergency(project, "deli-again", "--tenant", "deli", "--hours", "2")


def test_a_retrospective_stays_open_until_it_is_written_and_says_so(project):
    project.clock(datetime(2026, 6, 4, 9, tzinfo=UTC))
    assert "There was no emergency" in project.run("emergencies", "--env", "local")
    emergency(project, "deli-down", "--tenant", "deli", "--hours", "2")
    show = ("emergencies", "--env", "local")
    assert "retrospective holds" in project.run(*show)
    project.later(hours=3)
    assert "retrospective open, due by 2026-06-11" in project.run(*show)
    project.clock(datetime(2026, 6, 12, 9, tzinfo=UTC))
    assert "retrospective overdue" in project.run(*show, status=1)
    file = "gitops/emergencies/local/deli-down.md"
    project.write(file, "# Later\n")
    assert "retrospective overdue" in project.run(*show, status=1), "a heading was taken for a retrospective"
    project.write(file, "# What happened\n\n" + "The scales lost their link. " * 8)
    assert "retrospective written" in project.run(*show)


def test_a_plan_without_its_approvals_is_not_carried_out(project):
    project.run("plan", "18.0.4", "--env", "local", "--write")
    project.commit()
    said = project.run(*PROMOTE, "--wave", "1", status=2)
    assert "lacks an approval in the role release" in said
    assert "storefleet release approve 18.0.4 --env local --role release" in said
    assert project.pointers() == OLD


def test_who_builds_cannot_approve(project):
    project.run("plan", "18.0.4", "--env", "local", "--write")
    project.commit()
    said = project.approve("18.0.4", by="dev@corner.example", status=2)
    assert "dev@corner.example built this release, and who builds cannot approve" in said


def test_an_approval_holds_for_the_plan_that_it_names_and_for_no_other(project):
    project.planned()
    project.later(hours=1)
    project.run("plan", "18.0.4", "--env", "local", "--write")
    project.commit("Another plan")
    assert "there is one of another plan" in project.run(*PROMOTE, "--wave", "1", status=2)


def test_a_change_of_the_database_needs_somebody_who_answers_for_it(project):
    project.release("18.0.5", migration="additive", rollback="restore")
    project.commit()
    project.planned("18.0.5")
    said = project.run("promote", "18.0.5", "--env", "local", "--wave", "1", status=2)
    assert "lacks an approval in the role database" in said
    assert "lacks an approval in the role business" in said
    project.approve("18.0.5", role="database", by="dan@corner.example")
    project.approve("18.0.5", role="business", by="bea@corner.example")
    project.run("promote", "18.0.5", "--env", "local", "--wave", "1")
    said = project.run("rollback", "18.0.5", "--env", "local", "--wave", "1", status=2)
    assert "comes back by a restore" in said
    project.approve("18.0.5", role="restore", by="dan@corner.example")
    said = project.run("rollback", "18.0.5", "--env", "local", "--wave", "1")
    assert "restore each from its checkpoint" in said
    assert project.pointers() == OLD


def test_nobody_comes_back_from_a_release_that_is_forward_only(project):
    project.release("18.0.5", migration="breaking", rollback="forward-only")
    project.commit()
    project.planned("18.0.5")
    for role, by in (("database", "dan@corner.example"), ("business", "bea@corner.example")):
        project.approve("18.0.5", role=role, by=by)
    project.run("promote", "18.0.5", "--env", "local", "--wave", "1")
    assert "18.0.5 is forward-only" in project.run(
        "rollback", "18.0.5", "--env", "local", "--wave", "1", status=2
    )


def test_what_argo_cd_gave_up_is_tried_again_by_a_new_attempt(project):
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.run(*PROMOTE, "--wave", "1", "--again")
    assert "attempt: 2" in project.read("gitops/environments/local/eu-1/bakery.yaml")
    assert project.pointers() == OLD | {"bakery": "18.0.4"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "18.0.44", "--env", "local"), "did you mean 18.0.4"),
        (("plan", "18.0.4", "--env", "lokal"), "did you mean local"),
        (("plan", "18.0.4", "--env", "local", "--from", "soon"), "--from: is not a time"),
        (("promote", "18.0.4", "--env", "local"), "give --wave N, or --emergency ID"),
        (("promote", "18.0.4", "--env", "local", "--wave", "9"), "is not a wave of the plan"),
        (("promote", "18.0.3", "--env", "local", "--wave", "1"), "there is no plan of 18.0.3 for local"),
        (("rollback", "18.0.4", "--env", "local"), "give --segment, --wave or both"),
        (("rollback", "18.0.4", "--env", "local", "--segment", "corner-fra"), "did you mean corner-fr"),
        ((*APPROVE, "--role", "relase"), "did you mean release"),
        ((*APPROVE, "--role", "release"), "k: cannot be read"),
        (("check", "--base", "mian"), "has no commit mian"),
        (("pointers", "--env", "local", "--release", "18.0.9"), "Nothing to move"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_the_right_word(project, arguments, said):
    project.planned()
    status = 0 if said == "Nothing to move" else 2
    assert said in project.run(*arguments, status=status)


def test_a_key_that_others_can_read_or_that_is_somebody_elses_signs_nothing(project):
    project.run("plan", "18.0.4", "--env", "local", "--write")
    project.commit()
    rita, dan = project.keys["rita@corner.example"], project.keys["dan@corner.example"]
    Path(rita).chmod(0o644)
    assert "can be read by others" in project.approve("18.0.4", status=2)
    Path(rita).chmod(0o600)
    project.keys["rita@corner.example"] = dan
    assert "the key is not that of rita@corner.example" in project.approve("18.0.4", status=2)
    said = project.approve("18.0.4", role="database", status=2)
    assert "rita@corner.example may not approve in the role database" in said
    assert "dan@corner.example or dev@corner.example" in said


def test_a_new_tenant_begins_with_what_runs_and_a_changed_fact_follows_the_tenants_file(project):
    text = project.read("tenants/corner.yaml").replace("corner.example\n", "fifth.example\n", 1)
    project.write("tenants/fifth.yaml", text)
    project.write("tenants/bakery.yaml", project.read("tenants/bakery.yaml").replace("ring: 0", "ring: 1"))
    project.commit()
    assert "fix: did you mean 18.0.3" in project.run(
        "pointers", "--env", "local", "--release", "18.0.33", status=2
    )
    said = project.run("pointers", "--env", "local", "--release", "18.0.3")
    assert "fifth: none -> 18.0.3" in said
    assert "ring: 1" in project.read("gitops/environments/local/eu-1/bakery.yaml")
    assert project.pointers() == OLD


def test_work_that_lies_around_is_not_committed_with_a_wave(project):
    project.planned()
    project.write("README.md", "unfinished")
    project.git("add", "README.md")
    project.run(*PROMOTE, "--wave", "1")
    assert project.git("status", "--porcelain").split() == ["A", "README.md"]


def test_a_pointer_that_somebody_edited_stops_the_command(project):
    project.planned()
    file = "gitops/environments/local/eu-1/deli.yaml"
    project.write(file, project.read(file).replace("18.0.3", "18.0.4"))
    assert f"{file}: was changed by hand" in project.run(*PROMOTE, "--wave", "1", status=2)


def test_a_plan_that_is_not_committed_moves_nothing(project):
    project.run("plan", "18.0.4", "--env", "local", "--write")
    assert "is not committed" in project.run(*PROMOTE, "--wave", "1", status=2)


def test_a_plan_that_was_edited_is_refused(project):
    project.planned()
    file = "gitops/plans/local/18.0.4/plan.json"
    project.write(file, project.read(file).replace('"soak_hours": 24.0', '"soak_hours": 0.0'))
    project.commit()
    assert "it was changed by hand: its digest says" in project.run(*PROMOTE, "--wave", "1", status=2)


def test_an_interrupt_between_writing_and_committing_is_gone_on_from(project, monkeypatch):
    project.planned()
    whole = repositories.Repository._run

    def killed(self, *arguments, check=True):
        if arguments[0] == "commit":
            raise KeyboardInterrupt
        return whole(self, *arguments, check=check)

    monkeypatch.setattr(repositories.Repository, "_run", killed)
    assert "Interrupted" in project.run(*PROMOTE, "--wave", "1", status=130)
    assert project.pointers() == OLD, "half of a wave is in the history"
    monkeypatch.setattr(repositories.Repository, "_run", whole)
    project.run(*PROMOTE, "--wave", "1")
    assert project.pointers() == OLD | {"bakery": "18.0.4"}
    assert project.git("status", "--porcelain") == ""


def test_a_command_that_is_killed_at_any_moment_leaves_all_of_a_wave_or_nothing(project):
    project.clock(datetime(2026, 6, 8, 9, tzinfo=UTC))
    project.planned()
    project.run(*PROMOTE, "--wave", "1")
    project.later(hours=24)
    program = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC; from cli import release;"
        f"release.ROOT = Path({str(project.root)!r});"
        f"release.now = lambda: datetime.fromtimestamp({project.at.timestamp()}, UTC);"
        "sys.stdout.write('ready\\n'); sys.stdout.flush(); release.app()"
    )
    project.prepared("18.0.4", 2)
    started = OLD | {"bakery": "18.0.4"}
    done = started | {"corner": "18.0.4", "deli": "18.0.4"}
    for pause in (0.02, 0.08, 0.15):
        command = [sys.executable, "-c", program, *PROMOTE, "--wave", "2"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert running.stdout.readline() == "ready\n"
        time.sleep(pause)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=30)
        assert project.pointers() in (started, done), "a kill left half of a wave in the history"
        lock = project.root / ".git/index.lock"
        lock.unlink(missing_ok=True)  # of a git that was killed too; git itself says so to people
    project.run(*PROMOTE, "--wave", "2")
    assert project.pointers() == done
    assert project.git("status", "--porcelain") == ""


def test_a_merge_that_is_under_way_is_finished_first(project):
    project.planned()
    (project.root / ".git/MERGE_HEAD").write_text(project.git("rev-parse", "HEAD"))
    assert "is in the middle of something (MERGE_HEAD)" in project.run(*PROMOTE, "--wave", "1", status=2)


def test_a_hook_that_refuses_the_commit_is_quoted(project):
    project.planned()
    hook = project.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no commits on Mondays' >&2; exit 1\n")
    hook.chmod(0o755)
    assert "refused the commit: no commits on Mondays" in project.run(*PROMOTE, "--wave", "1", status=2)
    assert project.pointers() == OLD


def test_outside_a_repository_the_reader_is_told_where_to_run(project):
    shutil.rmtree(project.root / ".git")
    assert "is not in a git repository" in project.run(*PROMOTE, "--wave", "1", status=2)


def test_the_plan_is_written_as_json_and_as_a_page_that_needs_nothing_else(project):
    said = project.run("plan", "18.0.4", "--env", "local", "--write")
    assert "Wave 1: ring 0, 1 tenant" in said
    assert "deli (18.0.3 -> 18.0.4): Ring 2 (general), standard criticality." in said
    assert "Its calendar fair is closed before: Fair." in said
    page = project.read("gitops/plans/local/18.0.4/plan.html")
    assert "deli" in page
    assert "closed before: Fair" in page
    assert "http" not in page, "the page would load something from elsewhere"


def windows(project):
    """Run the command; what it prints before a remark is JSON."""
    said = project.run("windows", "--env", "local")
    found, end = json.JSONDecoder().raw_decode(said)
    return found, said[end:].strip()


def test_the_windows_are_printed_by_project_as_the_program_writes_them(project):
    found, remark = windows(project)
    assert "fair: Fair; 2026-06-02 22:00 to 2026-06-06 22:00 UTC" in [
        each["description"] for each in found["calendar-fair"]
    ]
    assert remark == ""
    fleet = load_fleet(project.root, "local", today=project.at.date())
    planned = {
        one.meta.name: one.manifest["spec"]["syncWindows"]
        for one in plan_environment(fleet, exemptions=open_exemptions(fleet)).objects()
        if one.kind == "AppProject" and "syncWindows" in one.manifest["spec"]
    }
    assert found == planned, "somebody compares Argo CD with windows that it was never told"
    assert not [name for name in found if name.startswith("t-")], (
        "a tenant has windows of its own for nothing"
    )


def test_a_tenant_under_an_emergency_has_its_windows_in_its_own_project(project):
    emergency(project, "sales-stop", "--tenant", "deli", "--hours", "4")
    found, _ = windows(project)
    assert {"calendar-fair", "t-deli"} <= set(found)
    assert all(each["applications"] == ["odoo-deli"] for each in found["t-deli"])


def test_where_argo_cd_is_told_of_no_calendar_the_command_says_why(project):
    stack = "stacks/Pulumi.local.yaml"
    project.write(stack, project.read(stack).rstrip() + "\n    delivery: {freezes: false}\n")
    project.commit()
    found, remark = windows(project)
    assert found == {}
    assert "delivery.freezes is false in stacks/Pulumi.local.yaml" in remark


def emergency(project, name, *arguments, status=0):
    by = "rita@corner.example"
    said = project.run(
        "emergency", name, "--env", "local", "--reason", "The deli cannot sell", "--ticket", "INC-7",
        "--by", by, "--key", project.keys[by], *arguments, status=status,
    )  # fmt: skip
    if status == 0:
        project.commit(f"The emergency {name}")
    return said


assert START.weekday() == 0
