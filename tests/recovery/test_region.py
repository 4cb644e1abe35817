"""The rebuild of a lost region: what is planned, and how a run goes on, stops and is told."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from recovery.region.plan import missing, plan_region
from recovery.region.run import Entry, Journal, Rebuild, RebuildStopped, evidence
from spec.fleet import Fleet, load_fleet
from spec.problems import SpecError
from spec.vocabulary import Jurisdiction

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PRODUCTION, DR = load_fleet(ROOT, "production"), load_fleet(ROOT, "dr")


@pytest.fixture
def plan():
    return plan_region(PRODUCTION, DR)


def changed(fleet, **aws):
    environment = fleet.environment
    update = {"aws": environment.aws.model_copy(update=aws)}
    return Fleet(environment.model_copy(update=update), fleet.tenants, fleet.left_out)


class Performer:
    """Does nothing, and remembers what it was asked; `refuses` names the step at which it stops."""

    def __init__(self, refuses="", error=None):
        self.refuses, self.asked = refuses, []
        self.error = error or RebuildStopped("the bucket is not there")

    def perform(self, plan, step):
        self.asked.append(step.key)
        if step.key == self.refuses:
            raise self.error
        return f"{step.key} was done"


def rebuild(plan, folder, performer):
    return Rebuild(
        plan=plan,
        journal=Journal(file=folder / "journal.jsonl"),
        performer=performer,
        by="a person",
        told=lambda step, entry: None,
    )


def test_every_tenant_of_production_is_rebuilt_or_named_with_a_reason(plan):
    left = {one.tenant for one in plan.left_behind}
    assert set(plan.tenants) | left == {tenant.id for tenant in PRODUCTION.tenants}
    assert not set(plan.tenants) & left
    assert all(one.reason for one in plan.left_behind)


def test_a_tenant_is_never_rebuilt_under_another_law():
    moved = DR.tenants[0].model_copy(update={"residency": Jurisdiction.UK})
    production = Fleet(PRODUCTION.environment, (*PRODUCTION.tenants[1:], moved))
    second = Fleet(DR.environment, tuple(one for one in DR.tenants if one.id != moved.id))
    plan = plan_region(production, second)
    (left,) = [one for one in plan.left_behind if one.tenant == moved.id]
    assert "law of uk" in left.reason


def test_the_most_critical_tenants_come_first(plan):
    order = ["critical", "high", "standard", "low"]
    ranks = [
        order.index(next(t.criticality.value for t in DR.tenants if t.id == tenant))
        for tenant in plan.tenants
    ]
    assert ranks == sorted(ranks)


def test_everything_needed_stands_outside_the_lost_region(plan):
    for need in plan.needs:
        assert plan.lost not in need.name, f"{need.key} would be gone with {plan.lost}"
        assert not need.where.startswith(plan.lost), need.key
    kinds = {need.key for need in plan.needs}
    assert kinds >= {
        "state-backend", "bucket-backups", "bucket-files", "bucket-evidence", "keys", "registry", "secrets", "dns",
    }  # fmt: skip


def test_nothing_is_switched_on_before_what_it_needs_was_seen(plan):
    assert [step.key for step in plan.steps] == [
        "state", "outside", "preview", "switch-on", "create", "verify",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fleets", "words"),
    [
        ((PRODUCTION, changed(DR, stands_in_for="eu-west-3")), "stands in for another region"),
        ((changed(PRODUCTION, dr_region=None), DR), "copies go to no region"),
        ((PRODUCTION, changed(DR, account="444455556666")), "in another"),
        ((PRODUCTION, load_fleet(ROOT, "local")), "nothing in AWS"),
    ],
)
def test_environments_that_do_not_belong_together_are_found_before_the_day(fleets, words):
    with pytest.raises(SpecError, match=words):
        plan_region(*fleets)


def test_switching_the_region_on_does_not_make_it_another_plan(plan):
    assert plan_region(PRODUCTION, changed(DR, standby="active")).digest == plan.digest, (
        "a rebuild that was interrupted after switching on could never go on"
    )
    fewer = Fleet(DR.environment, DR.tenants[1:])
    assert plan_region(PRODUCTION, fewer).digest != plan.digest


def test_what_is_not_in_a_state_is_missing_and_what_no_state_shows_is_not(plan):
    buckets = [need for need in plan.needs if need.token]
    held = [{"type": need.token, "outputs": {"bucket": need.name}} for need in buckets]
    assert missing(plan, {"production": held}) == ()
    assert missing(plan, {"production": held[1:]}) == (buckets[0],)
    assert len(missing(plan, {})) == len(buckets)


def test_a_rebuild_does_every_step_once_and_tells_how_long_each_took(plan, tmp_path):
    performer = Performer()
    found = rebuild(plan, tmp_path, performer).run()
    assert performer.asked == [step.key for step in plan.steps]
    assert found["complete"] is True
    assert [one["step"] for one in found["steps"]] == performer.asked
    assert all(one["seconds"] >= 0 and one["tries"] for one in found["steps"])
    assert found["plan"]["digest"] == plan.digest
    assert json.loads((tmp_path / "evidence.json").read_text()) == found


def test_a_rebuild_that_stopped_goes_on_where_it_stopped(plan, tmp_path):
    with pytest.raises(RebuildStopped, match="not there"):
        rebuild(plan, tmp_path, Performer("preview")).run()
    halfway = json.loads((tmp_path / "evidence.json").read_text())
    assert halfway["complete"] is False
    assert halfway["steps"][2]["tries"][0]["result"] == "failed"
    second = Performer()
    found = rebuild(plan, tmp_path, second).run()
    assert second.asked == ["preview", "switch-on", "create", "verify"], "what was done is not done again"
    assert found["complete"] is True
    assert [one["result"] for one in found["steps"][2]["tries"]] == ["failed", "done"]


def test_an_interrupt_is_written_down_too(plan, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        rebuild(plan, tmp_path, Performer("create", KeyboardInterrupt())).run()
    entries = Journal(file=tmp_path / "journal.jsonl").entries()
    assert (entries[-1].step, entries[-1].detail) == ("create", "interrupted")


def test_a_finished_rebuild_is_verified_again_and_nothing_else(plan, tmp_path):
    rebuild(plan, tmp_path, Performer()).run()
    again = Performer()
    assert rebuild(plan, tmp_path, again).run()["complete"] is True
    assert again.asked == ["verify"]
    with pytest.raises(RebuildStopped):
        rebuild(plan, tmp_path, Performer("verify")).run()
    found = json.loads((tmp_path / "evidence.json").read_text())
    assert found["complete"] is False, (
        "evidence must not say that all stands when the last look found otherwise"
    )


def test_a_journal_of_another_plan_is_refused(plan, tmp_path):
    rebuild(plan, tmp_path, Performer()).run()
    other = plan_region(PRODUCTION, Fleet(DR.environment, DR.tenants[1:]))
    performer = Performer()
    with pytest.raises(RebuildStopped, match="files changed"):
        rebuild(other, tmp_path, performer).run()
    assert performer.asked == [], "something was done under a plan that nobody has read"


def test_a_line_that_a_killed_run_left_half_written_did_not_happen(plan, tmp_path):
    journal = Journal(file=tmp_path / "journal.jsonl")
    journal.open(plan, "a person")
    journal.add(
        Entry(step="state", result="done", begun="2026-11-24T00:00:00.000+00:00", seconds=1.0, detail="")
    )
    with journal.file.open("a") as file:
        file.write('{"step": "outs')
    assert journal.done() == {"state"}
    performer = Performer()
    rebuild(plan, tmp_path, performer).run()
    assert performer.asked[0] == "outside"
    assert evidence(plan, journal)["complete"] is True


def test_the_plan_can_be_read_without_an_engine_or_a_cluster(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    told = CliRunner().invoke(app, ["dr", "plan"])
    assert told.exit_code == 0, told.output
    assert "If eu-central-1 is lost" in told.output
    as_json = CliRunner().invoke(app, ["dr", "plan", "--json"])
    assert json.loads(as_json.output)["target"] == "eu-west-1"


def test_a_rebuild_wants_the_lost_region_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREFLEET_STATE", str(tmp_path))
    for arguments in ([], ["--lost", "eu-west-1"]):
        refused = CliRunner().invoke(app, ["dr", "rebuild", *arguments])
        assert refused.exit_code == 2, "a region was switched on by a slip of the hand"
    assert not (tmp_path / "recovery").exists()


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREFLEET_STATE", str(tmp_path))
    told = CliRunner().invoke(app, ["dr", "rebuild", "--dry-run"])
    assert told.exit_code == 0, told.output
    assert told.output.count("to do") == 6
    assert not (tmp_path / "recovery").exists()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"stack ls": "[]"}, "has no stack dr"),
        ({"stack export": '{"deployment": {"resources": []}}'}, "the copy of the bucket backups"),
    ],
)
def test_what_stops_a_rebuild_is_told_and_kept(tmp_path, monkeypatch, answers, words):
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    known = {"stack ls": '[{"name": "dr"}]', **answers}
    cases = "\n".join(f"  '{verb}') echo '{said}';;" for verb, said in known.items())
    pulumi.write_text(f'#!/bin/sh\ncase "$1 $2" in\n{cases}\n*) exit 9;;\nesac\n')
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pulumi.parent}:/usr/bin:/bin")
    monkeypatch.setenv("STOREFLEET_STATE", str(tmp_path))
    stopped = CliRunner().invoke(app, ["dr", "rebuild", "--lost", "eu-central-1"])
    assert stopped.exit_code == 1, stopped.output
    journal = Journal(file=tmp_path / "recovery" / "eu-central-1-eu-west-1" / "journal.jsonl")
    assert words in journal.entries()[-1].detail
    assert "preview" not in {entry.step for entry in journal.entries()}
