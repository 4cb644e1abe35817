"""The rules of gates and alerts, run by promtool on series that were made up for each case."""

from __future__ import annotations

import re

import pytest
import yaml

from components.monitoring.check import Check
from components.monitoring.checks import BY_NAME, CHECKS, GATE_CHECK, GATE_TENANT, checks_of
from components.monitoring.figures import FIGURES
from components.monitoring.rules import rule_groups
from tests.components import samples
from tests.monitoring import promtool
from tests.monitoring.cases import (
    BACKED_UP,
    BOUNDS,
    FAILED_ONCE,
    FAILED_QUICKLY,
    SOURCES,
    WHOLE_SOURCES,
    cases,
)
from tests.monitoring.world import NOW, STEPS, Case, growing, shared, steady

unit = pytest.mark.unit
needs_promtool = pytest.mark.integration


@needs_promtool
def test_every_check_passes_at_its_bound_fails_beyond_it_and_fails_without_its_figure(program, tmp_path):
    worlds = [
        promtool.all_cases(cases()),
        *_nodes(),
        _edge_lost(),
        _tenants_lost(),
        _others(),
    ]
    done = promtool.run(program, tmp_path, worlds, groups=1)
    assert done.returncode == 0, f"a gate would open or close when it must not:\n{done.stdout}{done.stderr}"


@needs_promtool
def test_alerts_name_whom_they_are_about_and_how_much_it_matters(program, tmp_path):
    done = promtool.run(program, tmp_path, [_alarms(), _silence()])
    assert done.returncode == 0, f"somebody is woken for nothing, or not at all:\n{done.stdout}{done.stderr}"


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_rules_at_productions_pace(program, tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": rule_groups("production", CHECKS)}))
    done = promtool.check(program, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_with_another_bound_is_noticed(program, tmp_path, monkeypatch):
    check = BY_NAME["queue_latency"]
    loose = [Check(**{**vars(one), "threshold": 301}) if one == check else one for one in CHECKS]
    monkeypatch.setattr(promtool, "CHECKS", tuple(loose))
    bad = [case for case in cases() if case.name == "queue-latency-bad"]
    done = promtool.run(program, tmp_path, [promtool.all_cases(bad)], groups=1)
    assert done.returncode != 0, "the cases above would hold whatever the rules said"


@unit
def test_every_check_is_tried_beyond_its_bound_and_without_its_figure():
    apart = {"nodes_ready"}
    assert set(BOUNDS) == set(BY_NAME) - apart, (
        "a check without a bad case could never fail, and nobody would see"
    )
    gone = {check for checks in (SOURCES | WHOLE_SOURCES).values() for check in checks}
    assert gone == set(BY_NAME) - apart, "a check might pass when its figure is missing"


@unit
def test_the_number_of_rules_does_not_know_how_many_tenants_there_are():
    text = yaml.safe_dump(rule_groups("local", CHECKS))
    assert not re.search(r"solvane|kaufwerk|acme", text), "a tenant more would be rules more"
    assert sum(len(group["rules"]) for group in rule_groups("local", CHECKS)) < 150


@unit
def test_every_check_has_a_figure_and_says_what_its_bound_comes_from():
    assert set(FIGURES) == set(BY_NAME)
    assert len(BY_NAME) == len(CHECKS), "two checks have one name: their gates could not be told apart"
    for check in CHECKS:
        assert len(check.source) > 15, check.name
        assert not check.means.endswith("."), f"{check.name}: it is put into sentences"
        assert check.passes(check.threshold), f"{check.name}: its threshold is a good figure"
        assert not check.passes(float("nan")), f"{check.name}: what is not a number is not good"


@unit
def test_an_environment_is_asked_only_what_it_can_answer():
    everywhere = {check.name for check in checks_of(samples.environment(recovery=samples.RECOVERY))}
    assert everywhere == set(BY_NAME)
    unprobed = {check.name for check in checks_of(samples.environment())}
    assert everywhere - unprobed == {"synthetic_order"}, "nobody places one without an image to run"
    without = {check.name for check in checks_of(samples.environment(object_store=None))}
    assert unprobed - without == {"wal_archive_age", "base_backup_age", "tenant_backup_age"}, (
        "a local environment without a store has no backups, and its gates would never open"
    )


def _nodes():
    """Nodes are everybody's: nine of ten are enough, eight are not, and none known is none ready."""
    found = []
    for ready, failing, unmeasured in (
        (9, (), ()),
        (8, ("nodes_ready",), ()),
        (0, ("nodes_ready",), ("nodes_ready",)),
    ):
        case = Case("acme", failing=failing, unmeasured=unmeasured)
        series = {
            one: steady(int(number < ready)) if "kube_node" in one else values
            for number, (one, values) in enumerate(sorted(shared().items()))
            if ready or "kube_node" not in one
        }
        found.append(promtool.world(f"{ready} nodes", series | case.series(), promtool.of_case(case)))
    return found


def _edge_lost():
    case = Case("acme", failing=("telemetry",), unmeasured=("telemetry",))
    series = {one: values for one, values in shared().items() if "edge" not in one}
    return promtool.world("no ingress controller", series | case.series(), promtool.of_case(case))


def _tenants_lost():
    """Without the namespaces' labels nobody knows any tenant, so no gate has a series that could pass."""
    case = Case("acme", {"kube_namespace_labels*": "lost"})
    asked = [promtool.ask(series, []) for series in (GATE_TENANT, GATE_CHECK, "gate:layer")]
    return promtool.world("no tenants", shared() | case.series(), asked)


def _others():
    """Whoever is suspended, or of another environment, has no gate."""
    suspended = Case("asleep", labels={"label_storefleet_dev_state": "suspended"})
    elsewhere = Case("elsewhere", labels={"label_storefleet_dev_environment": "dev"})
    open_one = Case("acme")
    series = shared() | suspended.series() | elsewhere.series() | open_one.series()
    asked = [
        promtool.ask(GATE_TENANT, [(f'{GATE_TENANT}{{tenant="acme"}}', 1)]),
        promtool.ask(f"count by (tenant) ({GATE_CHECK})", [('{tenant="acme"}', len(CHECKS))]),
    ]
    return promtool.world("others", series, asked)


FIRING = (
    "count by (alertname, tenant, cell, check, objective, severity, criticality) "
    '(ALERTS{alertstate="firing"})'
)


def _alarms():
    shouting = {"label_storefleet_dev_criticality": "critical"}
    broken = Case(
        "broken",
        {FAILED_ONCE: growing(1), FAILED_QUICKLY: growing(1)},
        labels=shouting,
    )
    slow = Case("old-backup", {BACKED_UP: steady(NOW - 27 * 3600)})
    blind = Case("blind", {"probe_success*": ""})
    brief = Case("brief", {"cnpg_storefleet_odoo_modules*": f"0+0x{STEPS - 5} 1+0x4"})
    fine = Case("fine")
    full = {
        'cnpg_pg_settings_setting{name="max_connections",cell="eu-1",pod="postgres-1"}': steady(100),
        'cnpg_backends_total{cell="eu-1",pod="postgres-1",datname="a"}': steady(50),
        'cnpg_backends_total{cell="eu-1",pod="postgres-1",datname="b"}': steady(41),
        'kubelet_volume_stats_available_bytes{namespace="cell-eu-1",persistentvolumeclaim="postgres-1"}': steady(
            14
        ),
        'kubelet_volume_stats_capacity_bytes{namespace="cell-eu-1",persistentvolumeclaim="postgres-1"}': steady(
            100
        ),
    }
    series = shared() | full
    for case in (broken, slow, blind, brief, fine):
        series |= case.series()

    def firing(name, severity, *, count=1, **more):
        labels = {"alertname": name, "severity": severity, **more}
        return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}", count

    of = {"tenant": "broken", "cell": "broken", "criticality": "critical"}
    standard = {"criticality": "standard"}
    late = {"tenant": "old-backup", "cell": "old-backup"}
    asked = [
        promtool.ask(
            FIRING,
            [
                firing("StorefleetCheckFails", "page", check="http_errors", **of),
                firing("StorefleetBudgetBurns", "page", objective="availability", count=2, **of),
                firing("StorefleetCheckFails", "ticket", check="tenant_backup_age", **late, **standard),
                firing("StorefleetNotMeasured", "page", tenant="blind", cell="blind", **standard),
                firing("StorefleetConnectionsRunOut", "page", cell="eu-1", criticality="high"),
            ],
        )
    ]
    return promtool.world("alarms", series, asked)


def _silence():
    """With no tenant known, the one alert that can still fire does."""
    labels = '{alertname="StorefleetKnowsNoTenant",severity="page",criticality="critical"}'
    asked = [promtool.ask(FIRING, [(labels, 1)])]
    return promtool.world("no tenants", shared(), asked)
