"""What Argo CD is told: who reaches what, when nothing may move, and that nothing is ever deleted by a slip."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings

from components.delivery.notifications import notifications
from components.delivery.plan import bounded_template, plan_delivery
from components.delivery.projects import COMMON, calendar_project, calendars_in_use, emergency_windows
from components.delivery.settings import controller_settings
from components.plan import plan_environment
from components.tenancy.plan import plan_tenant
from release.windows import WINDOW_HORIZON, Exemption, application_name, sync_windows
from spec import labels
from spec.delivery import DeliverySpec
from spec.fleet import Fleet, load_fleet
from spec.naming import bounded, tenant_namespace
from spec.vocabulary import TenantState
from tests.components import samples
from tests.components.golden import as_yaml, check_golden
from tests.components.test_plans import IDS
from tests.workload.rendering import helm

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


def frozen_fleet() -> Fleet:
    """The examples, in an environment that tells Argo CD of the calendars."""
    fleet = load_fleet(ROOT, "local")
    environment = fleet.environment.model_copy(update={"delivery": DeliverySpec()})
    return replace(fleet, environment=environment)


def projects(fleet: Fleet) -> dict[str, dict]:
    found = [one for one in plan_environment(fleet).objects() if one.kind == "AppProject"]
    return {one.meta.name: dict(one.manifest) for one in found}


def windows(one: dict) -> list[dict]:
    return one["spec"].get("syncWindows", [])


@pytest.mark.golden
def test_what_argo_cd_is_told_is_on_file():
    plan = plan_delivery(samples.fleet())
    check_golden("delivery.yaml", as_yaml(plan.objects), "every tenant's delivery would be changed.")


def test_a_tenants_project_reaches_its_own_namespace_and_nothing_of_the_whole_cluster():
    fleet = samples.fleet()
    found = projects(fleet)
    for tenant in fleet.tenants:
        spec = found[tenant_namespace(tenant.id)]["spec"]
        assert [each["namespace"] for each in spec["destinations"]] == [tenant_namespace(tenant.id)]
        assert spec["clusterResourceWhitelist"] == []
        assert "sourceRepos" not in spec, "a repository of its own would be a second way in"
    others = set(found) - {tenant_namespace(tenant.id) for tenant in fleet.tenants}
    for name in others:
        assert "destinations" not in found[name]["spec"], f"every tenant would inherit where {name} may go"


def test_what_is_inherited_brings_no_walls_rights_or_secrets():
    permitted = projects(samples.fleet())[COMMON]["spec"]["namespaceResourceWhitelist"]
    kinds = {each["kind"] for each in permitted}
    assert {"Deployment", "IngressRoute"} <= kinds
    forbidden = {
        "NetworkPolicy",
        "ResourceQuota",
        "LimitRange",
        "Role",
        "RoleBinding",
        "Secret",
        "SecretStore",
        "*",
    }
    assert not kinds & forbidden


def test_nobody_may_delete_change_or_override_an_application_and_a_team_only_looks():
    fleet = samples.fleet()
    for name, one in projects(fleet).items():
        for role in one["spec"].get("roles", []):
            for policy in role["policies"]:
                _, _, resource, action, scope, effect = (part.strip() for part in policy.split(","))
                assert (resource, scope, effect) in {
                    ("applications", f"{name}/*", "allow"),
                    ("logs", f"{name}/*", "allow"),
                }
                assert action in {"get", "sync", "action/apps/Deployment/restart"}, (
                    "what runs is decided in Git"
                )
                assert role["name"] in {"operator", "release-manager"} or action == "get"
    teams = [role["groups"] for one in projects(fleet).values() for role in one["spec"].get("roles", [])]
    own = [group for groups in teams for group in groups if group.startswith("storefleet:tenant:")]
    assert len(own) == len(set(own)) == len(fleet.tenants), "a team would see another tenant"


def test_windows_stand_once_a_calendar_and_never_once_a_tenant():
    fleet = frozen_fleet()
    found = projects(fleet)
    used = calendars_in_use(fleet)
    assert len(used) > 10
    for tenant in fleet.tenants:
        assert windows(found[tenant_namespace(tenant.id)]) == []
    one_each = {tenant.calendar: tenant for tenant in fleet.tenants}
    fewer = replace(fleet, tenants=tuple(one_each.values()))
    count = sum(len(windows(one)) for one in found.values())
    assert count == sum(len(windows(one)) for one in projects(fewer).values()), (
        "windows grow with the tenants"
    )
    assert max(len(json.dumps(one)) for one in found.values()) < 100_000, (
        "the API server would refuse the object"
    )


def test_a_tenant_inherits_the_very_windows_that_its_calendar_compiles_to():
    fleet = frozen_fleet()
    found = projects(fleet)
    inherited = json.loads(controller_settings(calendars_in_use(fleet))["globalProjects"])
    at = datetime.combine(fleet.day, time(), UTC)
    for tenant in fleet.tenants:
        own = found[tenant_namespace(tenant.id)]["metadata"]["labels"]
        names = [
            each["projectName"]
            for each in inherited
            if each["labelSelector"]["matchLabels"].items() <= own.items()
        ]
        assert COMMON in names, "the tenant could be brought nothing from anywhere"
        got = [each for name in names for each in windows(found[name])]
        wanted = [each.manifest() for each in sync_windows([tenant], fleet.calendars, at)]
        assert [each | {"applications": ["*"]} for each in wanted] == got, (
            f"{tenant.id} is frozen at other times"
        )
    assert WINDOW_HORIZON.days < 366


def test_an_emergency_gives_its_tenant_windows_of_its_own_and_changes_no_other_project():
    fleet = frozen_fleet()
    tenant = next(one for one in fleet.tenants if one.calendar is not None)
    begins = datetime.combine(fleet.day, time(9), UTC)
    emergency = Exemption(
        record="voucher-crash",
        tenants=frozenset({tenant.id}),
        begins=begins,
        ends=begins + timedelta(hours=4),
    )
    before = projects(fleet)
    plan = plan_environment(fleet, exemptions=[emergency])
    after = {one.meta.name: dict(one.manifest) for one in plan.objects() if one.kind == "AppProject"}
    name = tenant_namespace(tenant.id)
    assert {each for each in after if after[each] != before[each]} == {name}
    assert labels.CALENDAR not in after[name]["metadata"]["labels"], (
        "the calendar's windows would still forbid what the emergency allows"
    )
    at = datetime.combine(fleet.day, time(), UTC)
    wanted = sync_windows([tenant], fleet.calendars, at, [emergency])
    assert windows(after[name]) == [each.manifest() for each in wanted], "the freeze is lost with the label"
    over = replace(emergency, begins=begins - timedelta(days=2), ends=begins - timedelta(days=1))
    assert emergency_windows(tenant, fleet, [over]) == ()


def test_without_freezes_no_window_is_written_and_a_tenant_without_calendar_has_none():
    fleet = load_fleet(ROOT, "local")
    assert calendars_in_use(fleet) == ()
    assert not any(windows(one) for one in projects(fleet).values())
    assert calendar_project("x" * 70) == bounded(f"calendar-{'x' * 70}")


@pytest.mark.parametrize("state", [TenantState.ARCHIVED, TenantState.PURGED])
def test_nothing_is_applied_to_a_tenant_that_has_left(state):
    from tests.components.test_states import RECORDS  # noqa: PLC0415

    tenant = samples.tenant(**RECORDS[state.value])
    (project,) = [
        one for one in plan_tenant(tenant, samples.environment()).objects if one.kind == "AppProject"
    ]
    (never,) = project.manifest["spec"]["syncWindows"]
    assert (never["kind"], never["schedule"], never["manualSync"]) == ("deny", "* * * * *", False)


def test_no_pointer_that_disappears_removes_an_application_or_an_object():
    for one in plan_delivery(samples.fleet()).objects:
        if one.kind == "ApplicationSet":
            policy = one.manifest["spec"]["syncPolicy"]
            assert policy == {"applicationsSync": "create-update", "preserveResourcesOnDeletion": True}
            assert "finalizers" not in one.manifest["spec"]["template"]["metadata"]


def test_a_cell_is_the_unit_of_generation_and_a_ring_only_a_label():
    fleet = samples.fleet()
    sets = [one for one in plan_delivery(fleet).objects if one.kind == "ApplicationSet"]
    assert len(sets) == len(fleet.environment.cells), (
        "a ring that owned Applications would delete who leaves it"
    )
    for one in sets:
        assert labels.RING in one.manifest["spec"]["template"]["metadata"]["labels"]
        assert "strategy" not in one.manifest["spec"], "RollingSync does not hold its order"


@settings(max_examples=25)
@given(IDS)
def test_names_in_the_template_are_those_of_the_plan(tmp_path_factory, tenant_id):
    folder = tmp_path_factory.mktemp("names")
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: x, version: 0.0.1}")
    context = '(dict "path" (dict "filename" .Values.file) "Template" .Template)'
    lines = [f"{key}: {{{{ tpl .Values.{key} {context} }}}}" for key in ("application", "namespace")]
    (folder / "templates" / "x.yaml").write_text("\n".join(lines))
    texts = {"application": bounded_template("odoo-"), "namespace": bounded_template("t-")}
    (folder / "values.yaml").write_text(yaml.safe_dump({**texts, "file": f"{tenant_id}.yaml"}))
    done = subprocess.run([helm(), "template", str(folder)], capture_output=True, text=True, check=True)
    assert yaml.safe_load(done.stdout) == {
        "application": application_name(tenant_id),
        "namespace": tenant_namespace(tenant_id),
    }, "Argo CD would look for a project and a namespace of another name"


def test_every_notification_has_a_template_and_goes_to_somebody():
    told = notifications()
    triggers = {name.removeprefix("trigger.") for name in told["triggers"]}
    assert triggers == {name.removeprefix("template.") for name in told["templates"]}
    (subscription,) = told["subscriptions"]
    assert set(subscription["triggers"]) == triggers
    for text in (*told["templates"].values(), *told["triggers"].values(), *told["notifiers"].values()):
        assert yaml.safe_load(text), "Argo CD would ignore it"
