"""What a rehearsal says where it cannot run, and what it takes for a failure, without an engine."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.engine.events import Change as Made
from cli.engine.events import Report
from local.state import ROOT
from spec.fleet import load_fleet
from tests.rehearsal import changes, ruled, run

pytestmark = pytest.mark.unit

EXPORTS = ("aws", "cells", "tenants", "teamRole")
URN = "urn:pulumi:production::storefleet::a:b:C$aws:s3/bucket:Bucket::"


def asked(rules):
    """Return an event log in which the rules were asked about the stack."""
    return json.dumps({"policyAnalyzeStackSummaryEvent": {"passed": list(rules)}}) + "\n"


class Console:
    """Takes what is said."""

    def step(self, title):
        raise AssertionError(f"{title}: nothing should be run here")


class Bench:
    """Answers as an engine would: each run takes the next of `reports`."""

    def __init__(self, folder, *reports, outputs=None, resources=None):
        self.folder, self.reports, self.stack, self.api = folder, list(reports), "production", None
        self.cloud = SimpleNamespace(unknown=dict)
        self.found = {
            "cells": {"eu-1": "c-eu-1"},
            "tenants": {"a": "t-a"},
            "teamRole": "team",
            "aws": {"vpc": "v"},
        }
        self.found = self.found if outputs is None else outputs
        self.listed = [{"type": "aws:s3/bucket:Bucket", "urn": URN + "x"}] if resources is None else resources
        self.log = folder / "up.log"
        self.log.write_text("Policies:\n  storefleet\n")
        self.log.with_suffix(".events").write_text(asked(rule.name for rule in ruled.ABOUT_AWS))

    def run(self, progress, title, *arguments, policy=False):
        report = self.reports.pop(0)
        return SimpleNamespace(status=0, killed=0, report=report, log=self.log)

    def outputs(self):
        return self.found

    def resources(self):
        return self.listed

    def unprotect(self):
        pass


def changed(*pairs):
    return Report(changes=[Made(op, URN + name) for op, name in pairs])


def seen():
    return {"seconds": {}}


def test_without_a_provider_it_says_so_in_one_line_and_ends_well(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "tests.rehearsal.run", "production", "dr"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("\n") == 1, (
        "a skip that is more than a line is overread, and one without is a lie"
    )
    assert told.stdout.startswith("rehearsal skipped: no AWS provider")


def test_a_second_up_that_changes_something_is_a_failure(tmp_path):
    made = Bench(tmp_path, changed(("create", "x")), changed(("update", "x")))
    with pytest.raises(run.Failed, match=r"second up changes.*update x"):
        run._apply(made, EXPORTS, seen(), Console())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"outputs": {"cells": {}}}, "exports no"), ({"resources": []}, "nothing was made in AWS")],
)
def test_a_stack_that_made_nothing_is_a_failure(tmp_path, wrong, words):
    made = Bench(tmp_path, changed(("create", "x")), changed(), **wrong)
    with pytest.raises(run.Failed, match=words):
        run._apply(made, EXPORTS, seen(), Console())


def test_rules_that_did_not_run_are_a_failure(tmp_path):
    made = Bench(tmp_path, changed(("create", "x")), changed())
    made.log.write_text("Resources:\n")
    with pytest.raises(run.Failed, match="policy pack did not run"):
        run._apply(made, EXPORTS, seen(), Console())


def test_a_rule_about_aws_that_was_not_asked_is_a_failure(tmp_path):
    made = Bench(tmp_path, changed(("create", "x")), changed())
    awake = [rule.name for rule in ruled.ABOUT_AWS if rule.name != "s3-private"]
    made.log.with_suffix(".events").write_text(asked(awake))
    with pytest.raises(run.Failed, match="nobody asked: s3-private"):
        run._apply(made, EXPORTS, seen(), Console())


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (changed(), "nothing changed"),
        (changed(("replace", f"{changes.NEW}-role")), "replaces or deletes"),
        (changed(("create", f"{changes.NEW}-role"), ("update", "vpc")), "also touches update vpc"),
    ],
)
def test_a_change_that_touches_nothing_or_too_much_is_a_failure(tmp_path, report, words):
    (tenant, *_) = changes.of(load_fleet(ROOT, "production"))
    harmless = dataclasses.replace(tenant, make=lambda bench: None)
    with pytest.raises(run.Failed, match=words):
        run._change(Bench(tmp_path, report), harmless, seen(), Console())


def test_a_tenant_may_join_its_cell_s_cache_and_the_schedules_of_its_peaks():
    (tenant, *_) = changes.of(load_fleet(ROOT, "production"))
    cell = next(each.cell for each in load_fleet(ROOT, "production").tenants if each.tier == "shared")
    for name, allowed in (
        (f"caches/{cell}-users", True),
        ("cost/peak-general-20271119", True),
        ("caches/eu-kaufwerk-users", False),
        ("cost/budget", False),
    ):
        assert tenant.touches(Made(op="update", urn=URN + name)) is allowed, name


def test_a_tenant_writes_a_new_version_of_its_cells_users_and_replaces_nothing_else():
    urn = "urn:pulumi:dev::storefleet::a:b:C$aws:secretsmanager/secretVersion:SecretVersion::secrets/"
    model = next(t for t in load_fleet(ROOT, "dev").tenants if t.tier == "shared")
    (tenant, *_) = changes.of(load_fleet(ROOT, "dev"))
    for cell, allowed in ((model.cell, True), ("elsewhere", False)):
        made = Made(op="replace", urn=f"{urn}cache-{cell}-value")
        assert made.type == changes.SECRET_VERSION
        assert tenant.touches(made) is allowed, "the passwords of another cell would be written anew"


def test_what_destroy_leaves_is_a_failure(tmp_path):
    with pytest.raises(run.Failed, match="destroy left 1"):
        run._destroy(Bench(tmp_path, changed()), seen(), Console())


def test_a_stack_on_eks_gets_a_tenant_and_a_pool_more():
    titles = [change.title for change in changes.of(load_fleet(ROOT, "production"))]
    assert titles == ["one tenant more", "one node pool more", "one lifecycle rule changed"]


def test_the_additions_to_moto_import_nothing_of_the_project():
    files = list((Path(__file__).parent / "simulated").glob("*.py"))
    assert len(files) > 3, "nothing would be looked at"
    for file in files:
        for package in ("cli", "components", "local", "policy", "spec"):
            assert f"from {package}" not in file.read_text(), "the two environments share no packages"
