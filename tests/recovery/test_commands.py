"""The commands of backup and recovery, in process: a backup and back, and every mistake in one clear message."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.main import app
from recovery.drill.tenants import settle, tenants_of
from recovery.store import keys
from recovery.trouble import RecoveryFailed
from spec.naming import tenant_namespace
from spec.tiers import RETENTION, TIERS
from spec.vocabulary import Tier
from tests.recovery.servers import ACCESS, SECRET

RUN = CliRunner()
TENANT = "solvane-ghent"


def run(*arguments, code=0, **variables):
    done = RUN.invoke(app, list(arguments), env=variables or None)
    assert done.exit_code == code, done.output + repr(done.exception)
    return " ".join(done.output.split())


@pytest.fixture
def variables(bench, tmp_path, monkeypatch):
    shop = bench.shop("of-commands")
    key = tmp_path / "key"
    public = run("backup", "keygen", str(key))
    evidence = f"evidence-{bench.bucket}"
    bench.gateway.bucket(evidence)
    for name, value in {
        "STOREFLEET_STORE": bench.gateway.endpoint,
        "STOREFLEET_BACKUPS": bench.bucket,
        "STOREFLEET_EVIDENCE": evidence,
        "STOREFLEET_DATABASE": bench.postgres.server.conninfo,
        "STOREFLEET_FILESTORE": str(bench.filestore),
        "STOREFLEET_RECIPIENTS": public,
        "STOREFLEET_IDENTITY": str(key),
        "STOREFLEET_SCRATCH": str(tmp_path / "scratch"),
        "STOREFLEET_METRICS": str(tmp_path / "metrics"),
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    return bench, shop, tmp_path, evidence


@pytest.mark.integration
def test_a_tenant_is_backed_up_drilled_ruined_and_restored_by_commands(variables):
    bench, shop, folder, evidence = variables
    before = shop.everything()
    where = ["--database", shop.name]
    assert "would dump" in run("backup", "take", TENANT, *where, "--dry-run")
    assert "is good" in run("backup", "take", TENANT, *where)
    assert "is good" in run("checkpoint", "take", TENANT, "--release", "2026.11.2", *where)
    assert "read back and opened" in run("checkpoint", "verify", TENANT, "--release", "2026.11.2")
    assert "read back and opened" in run("backup", "verify", TENANT)
    listed = run("backup", "list", TENANT)
    assert "checkpoint of 2026.11.2" in listed
    assert listed.count("good") == 2
    assert "Drill passed" in run("drill", "run", TENANT)
    with shop.connect() as connection:
        connection.execute("DROP TABLE sale_order_line CASCADE")
    asked = ["restore", "run", TENANT, "--from", "2026.11.2"]
    assert "would load" in run(*asked, "--dry-run")
    refused = run(*asked, code=2)
    assert "--confirm" in refused
    restored = run(*asked, "--confirm", TENANT)
    assert "Restored" in restored
    assert shop.everything() == before
    store = bench.store(bucket=evidence)
    assert [key.split("/")[1] for key in store.keys("t-solvane-ghent/")] == ["drills", "restores"]
    assert (folder / "metrics" / f"storefleet-drill-{TENANT}-good.prom").exists()
    assert "0 objects to remove" in run("backup", "prune", TENANT, "--dry-run")


@pytest.mark.integration
def test_a_night_takes_a_backup_and_removes_what_has_expired_and_nothing_else(variables, monkeypatch):
    _, shop, _, _ = variables
    monkeypatch.setattr("cli.recovery_backup.tenant_id", lambda _: shop.name)
    monkeypatch.setenv("STOREFLEET_CELL", "eu-9")
    assert "0 objects had expired" in run("backup", "nightly", shop.name)
    first = run("backup", "list", shop.name).split()[1].rstrip(":")
    kept = RETENTION[TIERS[Tier.DEDICATED].backup_class]

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + kept + timedelta(days=1)

    monkeypatch.setattr("recovery.retention.run.datetime", Later)
    said = run("backup", "nightly", shop.name)
    assert "is good" in said
    assert "objects had expired and were removed" in said
    assert "0 objects had expired" not in said, "the bucket would grow for ever"
    listed = run("backup", "list", shop.name)
    assert f"good {first}" not in listed
    assert listed.count("good") == 1, "the backup of tonight went as well"


@pytest.mark.integration
def test_a_drill_finds_the_tenants_of_its_cell_by_what_their_nights_left(variables, monkeypatch):
    _, shop, _, _ = variables
    for module in ("recovery_backup", "recovery"):
        monkeypatch.setattr(f"cli.{module}.tenant_id", lambda name: name)
    assert "there is nothing to drill" in run("drill", "weekly", "eu-9", code=1)
    run("backup", "nightly", shop.name, STOREFLEET_CELL="eu-9")
    run("backup", "nightly", shop.name, STOREFLEET_CELL="eu-9")
    assert "Drill passed" in run("drill", "weekly", "eu-9")
    assert "there is nothing to drill" in run("drill", "weekly", "eu-1", code=1), (
        "it is drilled where it is not"
    )


@pytest.mark.integration
def test_a_record_that_was_moved_to_another_tenant_stops_the_drill(variables):
    bench, shop, _, _ = variables
    store = bench.store()
    settle(store, shop.name, "eu-9")
    content = store.bytes(keys.cell(tenant_namespace(shop.name)))
    store.put(keys.cell("t-other"), content, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(RecoveryFailed, match="it was moved there"):
        tenants_of(store, "eu-9")


@pytest.mark.integration
def test_what_cannot_be_removed_makes_a_good_backup_no_bad_one(variables, monkeypatch):
    _, shop, _, _ = variables
    monkeypatch.setattr("cli.recovery_backup.tenant_id", lambda _: shop.name)

    def refuse(*_):
        raise RecoveryFailed("access denied")

    monkeypatch.setattr("cli.recovery_backup.apply", refuse)
    said = run("backup", "nightly", shop.name)
    assert "is good" in said
    assert "stays for another day: access denied" in said


@pytest.mark.integration
def test_a_backup_that_fails_ends_with_1_says_why_and_is_measured(variables):
    _, shop, folder, _ = variables
    next(path for path in shop.folder.rglob("*") if path.is_file()).unlink()
    said = run("backup", "take", TENANT, "--database", shop.name, code=1)
    assert "Failed: 1 files" in said
    assert "--accept-missing" in said
    assert not (folder / "metrics" / f"storefleet-backup-{TENANT}-good.prom").exists()
    assert (
        'last_run_passed{cell="",tenant="solvane-ghent"} 0'
        in (folder / "metrics" / f"storefleet-backup-{TENANT}.prom").read_text()
    )


@pytest.mark.integration
def test_a_restore_from_nothing_names_what_there_is(variables):
    _, shop, _, _ = variables
    run("checkpoint", "take", TENANT, "--release", "2026.11.2", "--database", shop.name)
    said = run("restore", "run", TENANT, "--from", "2026.11.3", "--confirm", TENANT, code=2)
    assert "did you mean 2026.11.2?" in said


@pytest.mark.unit
@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["backup", "list", "solvane-gent"], {}, "did you mean solvane-ghent?"),
        (["backup", "list", "Solvane"], {}, "write solvane"),
        (["backup", "list", TENANT], {}, "STOREFLEET_STORE: is not set"),
        (["backup", "list", TENANT], {"STOREFLEET_STORE": "s3.example"}, "write https://s3.example"),
        (
            ["backup", "list", TENANT],
            {"STOREFLEET_STORE": "https://s3.example", "STOREFLEET_BACKUPS": "Back_ups"},
            "is no name of a bucket",
        ),
        (["backup", "take", TENANT], {"STOREFLEET_DATABASE": "host=x password=hunter2"}, "PGPASSWORD"),
        (
            ["backup", "take", TENANT],
            {"STOREFLEET_DATABASE": "host=x", "STOREFLEET_FILESTORE": "/nowhere"},
            "STOREFLEET_FILESTORE: is no folder",
        ),
        (["checkpoint", "take", TENANT, "--release", "../../x"], {}, "is no name of a release"),
        (["drill", "turn", "a", "Wrong_id"], {}, "TENANT: is not an id"),
    ],
)
def test_a_mistake_ends_with_2_and_says_what_to_do(arguments, variables, expected, monkeypatch):
    for name in ("STORE", "BACKUPS", "DATABASE", "FILESTORE", "RECIPIENTS", "IDENTITY"):
        monkeypatch.delenv(f"STOREFLEET_{name}", raising=False)
    said = run(*arguments, code=2, **variables)
    assert expected in said
    assert "hunter2" not in said
    assert "Traceback" not in said


@pytest.mark.unit
def test_a_private_key_is_never_overwritten(tmp_path):
    key = tmp_path / "key"
    public = run("backup", "keygen", str(key))
    assert public.startswith("age1")
    assert key.stat().st_mode & 0o777 == 0o600
    text = key.read_text()
    assert "is there already" in run("backup", "keygen", str(key), code=2)
    assert key.read_text() == text
