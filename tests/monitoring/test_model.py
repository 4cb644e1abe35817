"""The model of shops, scraped and judged by a real Prometheus with the generated rules."""

from __future__ import annotations

import time

import pytest
from rich.console import Console

from components.monitoring.checks import CHECKS, GATE_CHECK, GATE_LAYER, GATE_VALUE
from components.monitoring.orders import EVERY_MINUTES, MOST_AGE_SECONDS, ORDER_PROBE
from components.monitoring.rules import rule_groups
from local.progress import Progress
from local.prometheus import start_prometheus
from release.model.effects import EFFECTS, ORDINARY, effect
from release.model.exporter import QUICK, Exporter
from tests.components import samples

PATIENCE = 420
"""Seconds that a figure may take to arrive on a machine that does much else."""


def until(found, expected, what):
    deadline = time.monotonic() + PATIENCE
    while (now := found()) != expected:
        assert time.monotonic() < deadline, f"{what}: {now}"
        time.sleep(QUICK.interval)


@pytest.mark.integration
def test_a_release_with_a_slow_queue_closes_the_gate_of_its_tenant_alone_and_opens_it_when_taken_back(
    tmp_path,
):
    fleet = samples.fleet()
    tenants = {tenant.id for tenant in fleet.tenants}
    rules = rule_groups("local", CHECKS, QUICK)
    with (
        Exporter(fleet) as model,
        start_prometheus(
            tmp_path, rules, model.targets(), interval=QUICK.interval, progress=Progress(Console())
        ) as prometheus,
    ):
        for tenant in tenants:
            model.release(tenant, "18.0.1", ORDINARY)

        def ask(expression, label="tenant"):
            return {labels[label] for labels, _ in prometheus.query(expression)}

        def green():
            return ask(f"count by (tenant) ({GATE_LAYER} == 1) == 3")

        until(green, tenants, "tenants that do well are not all green")
        assert {labels["check"] for labels, _ in prometheus.query(f"{GATE_VALUE}")} == {
            check.name for check in CHECKS
        }
        model.release("acme", "18.0.2", effect("slow-queue"))
        until(lambda: ask(f"{GATE_CHECK} == 0", "check"), {"queue_latency"}, "the queue's delay is not seen")
        assert ask(f"{GATE_LAYER} == 0") == {"acme"}, "a neighbour would be held for what it did not do"
        model.release("acme", "18.0.1", ORDINARY)
        until(green, tenants, "the release was taken back, and the gate stays closed")
        model.release("bolt", "18.0.3", effect("blind"))
        until(lambda: tenants - green(), {"bolt"}, "a tenant whose figures are lost passes")
        assert not prometheus.query(f'{GATE_VALUE}{{tenant="bolt",check="queue_latency"}}')


@pytest.mark.unit
def test_every_page_of_the_model_says_that_it_is_one():
    model = Exporter(samples.fleet(), clock=lambda: 0.0)
    with model:
        jobs = model.targets()
    paths = {static["labels"]["__metrics_path__"] for job in jobs for static in job["static_configs"]}
    assert len(paths) == 6 + 2 * 3, "six targets for all, and two in each of the three cells with tenants"
    for path in paths:
        page = model.page(path)
        assert page is not None, path
        assert page.startswith("# A model:"), f"{path} could be taken for a measurement"
    assert model.page("/nowhere") is None


@pytest.mark.unit
def test_counters_of_the_model_grow_with_time_and_never_fall_when_a_release_comes():
    now = [1000.0]
    model = Exporter(samples.fleet(), clock=lambda: now[0])

    def counted():
        lines = (model.page("/edge") or "").splitlines()
        return [
            float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("traefik_service_requests")
        ]

    before = counted()
    for name in EFFECTS:
        now[0] += 30
        model.release("acme", name, effect(name))
        now[0] += 30
        after = counted()
        assert all(new >= old for old, new in zip(before, after, strict=False)), f"{name}: a counter fell"
        before = after if len(after) == 8 else before
    assert sum(before) > 0


@pytest.mark.unit
def test_a_shop_that_takes_no_orders_takes_no_synthetic_one_either_and_its_neighbour_does():
    now = [1_000_000.0]
    model = Exporter(samples.fleet(), clock=lambda: now[0])
    model.release("acme", "18.0.2", effect("refused"))
    now[0] += MOST_AGE_SECONDS

    def age(tenant):
        own = f'namespace="t-{tenant}",cronjob="{ORDER_PROBE}"'
        (line,) = [each for each in (model.page("/backups") or "").splitlines() if own in each]
        return now[0] - float(line.rsplit(" ", 1)[1])

    assert age("acme") >= MOST_AGE_SECONDS
    assert 0 <= age("bolt") < EVERY_MINUTES * 60


@pytest.mark.unit
def test_an_effect_that_does_not_exist_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"slow-que is no effect; there are .* did you mean slow-queue"):
        effect("slow-que")
