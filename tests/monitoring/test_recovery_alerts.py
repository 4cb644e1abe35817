"""The alerts about backups and drills, run by promtool: good, old, never, failed, mended, and nothing known at all."""

from __future__ import annotations

import pytest

from components.recovery.alerts import BACKUP_HOURS, DRILL_HOURS, rule_groups
from components.recovery.jobs import BACKUP, DRILL
from spec.naming import DRILLS
from tests.monitoring import promtool

pytestmark = pytest.mark.integration

STEPS = 30
NOW = STEPS * 60
HOUR = 3600


def cronjob(namespace, name, *, created=0.0, good=None):
    """Return what kube-state-metrics says of a CronJob: when it was made, and when it was last good."""
    labels = f'{{namespace="{namespace}",cronjob="{name}"}}'
    found = {f"kube_cronjob_info{labels}": 1.0, f"kube_cronjob_created{labels}": created}
    return found if good is None else found | {f"kube_cronjob_status_last_successful_time{labels}": good}


def failed(namespace, name, began):
    job = f'namespace="{namespace}",job_name="{name}-1"'
    return {
        f"kube_job_created{{{job}}}": began,
        f'kube_job_owner{{{job},owner_kind="CronJob",owner_name="{name}"}}': 1.0,
        f'kube_job_failed{{{job},condition="true"}}': 1.0,
    }


KNOWN = {
    **cronjob("t-good", BACKUP, good=NOW - HOUR),
    **cronjob("t-at-the-bound", BACKUP, good=NOW - BACKUP_HOURS * HOUR),
    **cronjob("t-old", BACKUP, good=NOW - BACKUP_HOURS * HOUR - 600),
    **cronjob("t-never", BACKUP, created=NOW - BACKUP_HOURS * HOUR - 600),
    **cronjob("t-new", BACKUP, created=NOW - HOUR),
    **cronjob("t-failed", BACKUP, good=NOW - 5 * HOUR),
    **failed("t-failed", BACKUP, NOW - 2 * HOUR),
    **cronjob("t-mended", BACKUP, good=NOW - HOUR),
    **failed("t-mended", BACKUP, NOW - 2 * HOUR),
    **cronjob(DRILLS, f"{DRILL}-good", good=NOW - 3 * 24 * HOUR),
    **cronjob(DRILLS, f"{DRILL}-old", good=NOW - DRILL_HOURS * HOUR - 600),
    **cronjob(DRILLS, f"{DRILL}-failed", created=NOW - HOUR),
    **failed(DRILLS, f"{DRILL}-failed", NOW - HOUR),
}
FIRING = {
    ("StorefleetBackupOld", "t-old", BACKUP),
    ("StorefleetBackupOld", "t-never", BACKUP),
    ("StorefleetBackupFailed", "t-failed", BACKUP),
    ("StorefleetDrillOld", DRILLS, f"{DRILL}-old"),
    ("StorefleetDrillFailed", DRILLS, f"{DRILL}-failed"),
}
UNWATCHED = {("StorefleetRecoveryUnwatched", "", BACKUP), ("StorefleetRecoveryUnwatched", DRILLS, "")}


def _labels(alert, namespace, cronjob):
    named = {"alertname": alert, "cronjob": cronjob, "namespace": namespace}
    return "{" + ",".join(f'{key}="{value}"' for key, value in named.items() if value) + "}"


def firing(program, folder, series, expected, groups=None):
    """Run promtool on series that stay as they are, and compare which alerts fire at the end."""
    asked = {
        "expr": 'count by (alertname, namespace, cronjob) (ALERTS{alertstate="firing"})',
        "eval_time": f"{NOW}s",
        "exp_samples": [{"labels": _labels(*each), "value": 1} for each in sorted(expected)],
    }
    world = {
        "interval": "1m",
        "input_series": [{"series": one, "values": f"{value:.0f}x{STEPS}"} for one, value in series.items()],
        "promql_expr_test": [asked],
    }
    tests = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [world]}
    return promtool.tried(program, folder, groups or rule_groups(), tests)


def test_whoever_has_no_good_backup_or_drill_is_named_and_nobody_else(program, tmp_path):
    done = firing(program, tmp_path, KNOWN, FIRING)
    assert done.returncode == 0, (
        f"a lost backup goes unnoticed, or a good one wakes somebody:\n{done.stdout}{done.stderr}"
    )


def test_nothing_known_of_the_jobs_is_an_alert_and_not_silence(program, tmp_path):
    done = firing(program, tmp_path, {"up": 1.0}, UNWATCHED)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_is_gone_is_noticed(program, tmp_path):
    (group,) = rule_groups()
    kept = [each for each in group["rules"] if each.get("alert") != "StorefleetBackupOld"]
    done = firing(program, tmp_path, KNOWN, FIRING, groups=[{**group, "rules": kept}])
    assert done.returncode != 0, "the cases above would hold whatever the alerts said"
