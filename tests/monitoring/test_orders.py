"""The job of the synthetic order: where it runs, with what rights, and when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from croniter import croniter

from components.monitoring.orders import (
    EVERY_MINUTES,
    MOST_AGE_SECONDS,
    ORDER_PROBE,
    has_order_probes,
    plan_order_probe,
)
from components.network import namespace_peer
from components.secrets.plan import PROBE_PASSWORD, plan_secrets
from components.tenancy.plan import SERVICE_ACCOUNT
from components.tenancy.walls import plan_walls
from local.state import ROOT
from probes import order
from spec import labels
from spec.fleet import load_fleet
from spec.vocabulary import TenantState
from tests.components import aws_samples, samples

pytestmark = pytest.mark.unit

WITH_IMAGE = samples.environment(recovery=samples.RECOVERY)


def jobs(tenant, environment=WITH_IMAGE):
    return list(plan_order_probe(tenant, environment))


def pod_of(job):
    return job.manifest["spec"]["jobTemplate"]["spec"]["template"]


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "production"])
def test_every_open_shop_of_a_stack_costs_one_object_more(stack):
    fleet = load_fleet(ROOT, stack)
    assert has_order_probes(fleet.environment)
    for tenant in fleet.tenants:
        found = [one.kind for one in jobs(tenant, fleet.environment)]
        assert found == (["CronJob"] if tenant.state is TenantState.ACTIVE else [])


def test_no_order_is_placed_in_a_shop_that_is_closed_or_without_an_image_or_where_nothing_runs():
    assert jobs(samples.tenant(state="suspended")) == []
    assert jobs(samples.tenant(), samples.environment()) == []
    assert not has_order_probes(samples.environment())
    dr = load_fleet(ROOT, "dr")
    assert [job for tenant in dr.tenants for job in jobs(tenant, dr.environment)] == []


def test_it_runs_as_nobody_in_the_tenants_namespace_and_reaches_odoo_by_the_way_that_is_open():
    tenant = samples.tenant()
    (job,) = jobs(tenant)
    assert job.meta.namespace == "t-acme"
    pod = pod_of(job)["spec"]
    assert "serviceAccountName" not in pod, f"{SERVICE_ACCOUNT} and backup have roles in AWS"
    assert pod["automountServiceAccountToken"] is False
    assert "volumes" not in pod
    (container,) = pod["containers"]
    assert "@sha256:" in container["image"]
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert values["STOREFLEET_SHOP"] == "http://odoo.t-acme.svc:8069"
    (allow,) = [one for one in plan_walls(tenant, WITH_IMAGE) if one.meta.name == "allow"]
    assert {"to": [namespace_peer("t-acme")]} in allow.manifest["spec"]["egress"]
    assert {"from": [namespace_peer("t-acme")]} in allow.manifest["spec"]["ingress"]


def test_its_pods_have_a_label_of_their_own_so_that_the_backups_way_out_is_not_open_to_them():
    (job,) = jobs(samples.tenant())
    assert pod_of(job)["metadata"]["labels"][labels.JOB] == ORDER_PROBE


def test_every_setting_of_the_program_is_there_and_the_password_comes_from_a_secret_that_the_platform_fills():
    (job,) = jobs(samples.tenant())
    (container,) = pod_of(job)["spec"]["containers"]
    assert container["command"] == ["python", "-m", order.__name__]
    told = {each["name"]: each for each in container["env"]}
    program = (ROOT / "probes" / "order.py").read_text()
    assert all(f'"{name}"' in program for name in told), "the program would never look at it"
    source = told["STOREFLEET_PROBE_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert source == {"name": "odoo", "key": PROBE_PASSWORD}
    environment = aws_samples.environment()
    entries = plan_secrets(environment, environment.aws, [samples.tenant()]).secrets
    (entry,) = [each for each in entries if each.name.endswith("acme/odoo")]
    assert PROBE_PASSWORD in entry.fields


def test_the_minutes_of_tenants_differ_and_orders_are_often_enough_that_two_may_be_lost():
    found = {jobs(samples.tenant(f"shop-{number}"))[0].manifest["spec"]["schedule"] for number in range(60)}
    assert len(found) > EVERY_MINUTES / 2, "the shops of a cell would all take an order at once"
    for schedule in found:
        times = croniter(schedule, 0)
        moments = [times.get_next(float) for _ in range(50)]
        gaps = {later - earlier for earlier, later in pairwise(moments)}
        assert gaps == {EVERY_MINUTES * 60.0}
    assert MOST_AGE_SECONDS == 2 * EVERY_MINUTES * 60 + 300


def test_an_environment_that_is_off_at_night_gets_no_orders_then():
    hours = {"time_zone": "Europe/Paris", "opens": "07:30", "closes": "19:00", "days": ["mon", "fri"]}
    environment = aws_samples.environment(hours=hours)
    (job,) = jobs(samples.tenant(), environment)
    spec = job.manifest["spec"]
    assert spec["timeZone"] == "Europe/Paris"
    assert spec["schedule"].endswith(f"/{EVERY_MINUTES} 8-18 * * MON,FRI")


def test_one_that_hangs_ends_and_one_that_fails_is_not_tried_until_it_passes():
    (job,) = jobs(samples.tenant())
    spec = job.manifest["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    one = spec["jobTemplate"]["spec"]
    assert one["backoffLimit"] == 0
    assert one["activeDeadlineSeconds"] < EVERY_MINUTES * 60
