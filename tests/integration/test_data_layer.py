"""The data layer against the real API server, with the operators' own definitions: every form that a plan can take."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from components.cells.plan import plan_cell
from components.plan import plan_environment
from components.recovery.jobs import drill_name
from local.kube import ApiError
from recovery.moment.beside import objects_beside
from recovery.moment.plan import Base, plan_moment
from spec.fleet import Fleet, current_day, load_fleet
from spec.lifecycle import Applied
from spec.naming import DATABASE_CLUSTER, DRILLS
from spec.vocabulary import TenantState
from tests.components import samples
from tests.components.test_states import BACKUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from components.manifests import KubeObject
    from spec.environment import EnvironmentSpec
    from tests.integration.project import Project

pytestmark = pytest.mark.integration

CELL = "cell-eu-1"
CUSTOM = "/apis/postgresql.cnpg.io/v1"
OUTSIDE = {"endpoint": "https://objects.example", "bucket": "acme-backups"}


def _fleets(project: Project) -> Iterator[tuple[str, Fleet]]:
    local = samples.fleet()
    yield "every tier in the local environment", local
    yield "a store outside", Fleet(samples.environment(object_store=OUTSIDE), local.tenants)
    yield "no store at all", Fleet(samples.environment(object_store=None), local.tenants)
    yield "one instance", Fleet(samples.environment(name="staging", object_store=OUTSIDE), local.tenants)
    leaving = [
        samples.tenant("ash", state="suspended"),
        samples.tenant("beech", state="archived", final_backup=BACKUP),
        samples.tenant("cedar", state="purged", final_backup=BACKUP, purge=f"cedar {current_day()}"),
    ]
    yield "tenants that leave", Fleet(samples.environment(), tuple(leaving))
    for stack in ("production", "dev"):
        yield stack, load_fleet(project.root, stack)
    dr = load_fleet(project.root, "dr")
    yield "a second region that is switched on", Fleet(_switched_on(dr.environment), dr.tenants)


def _switched_on(dr: EnvironmentSpec) -> EnvironmentSpec:
    assert dr.aws is not None
    return dr.model_copy(update={"aws": dr.aws.model_copy(update={"standby": "active"})})


def _tried(one: KubeObject) -> dict[str, Any]:
    """Return a planned object under another name in a namespace that is there: nothing of it is compared."""
    manifest = deepcopy(dict(one.manifest))
    name = f"tried-{one.meta.name}"[:63].rstrip("-")
    manifest["metadata"] = {**manifest["metadata"], "name": name, "namespace": CELL}
    return manifest


@pytest.mark.parametrize("place", range(8))
def test_the_api_server_takes_every_object_that_operators_define(project: Project, place: int):
    title, fleet = list(_fleets(project))[place]
    purged = {"cedar": Applied(state=TenantState.ARCHIVED, cell="shared")}
    seen: set[str] = set()
    for one in plan_environment(fleet, purged).objects():
        if one.custom or one.kind in {"CronJob", "StatefulSet"}:
            project.api.apply(_tried(one), manager="tried", dry_run=True, strict=True)
            seen.add(one.kind)
    assert {"Cluster", "Database", "DatabaseRole", "ImageCatalog", "Pooler", "PodMonitor"} <= seen, (
        f"{title}: the server was asked about next to nothing"
    )
    if fleet.environment.recovery is not None:
        assert "PrometheusRule" in seen, f"{title}: nobody would be told of a backup that failed"


def _cluster(
    change: Callable[[dict[str, Any]], object],
) -> Callable[[dict[str, dict[str, Any]]], dict[str, Any]]:
    def changed(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
        change(objects["database"]["spec"])
        return objects["database"]

    return changed


def _of(key: str, **fields: Any) -> Callable[[dict[str, dict[str, Any]]], dict[str, Any]]:
    def changed(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
        objects[key]["spec"] |= fields
        return objects[key]

    return changed


def _server_name(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    objects["object-store"]["spec"]["configuration"]["serverName"] = "postgres-1"
    return objects["object-store"]


def _same_major_twice(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    objects["catalogue"]["spec"]["images"] *= 2
    return objects["catalogue"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_cluster(lambda spec: spec.update(walStorag={"size": "1Gi"})), "walStorag"),
        (
            _cluster(lambda spec: spec["bootstrap"]["initdb"].pop("localeProvider")),
            "builtinLocale is only available",
        ),
        (_cluster(lambda spec: spec["imageCatalogRef"].update(kind="ConfigMap")), "Only image catalogs"),
        (_cluster(lambda spec: spec.update(imageName="postgres")), "mutually exclusive"),
        (_cluster(lambda spec: spec["postgresql"]["synchronous"].update(number=0)), "greater than zero"),
        (
            _cluster(lambda spec: spec["postgresql"]["synchronous"].update(dataDurability="never")),
            "Unsupported value",
        ),
        (_server_name, "use the 'serverName' plugin parameter"),
        (_of("object-store", retentionPolicy="30 days"), "should match"),
        (_same_major_twice, "unique major versions"),
        (_of("connect-guard-role", name="pg_monitor"), "reserved by PostgreSQL"),
        (_of("connect-guard-role", ensure="absent"), "not supported for DatabaseRole"),
        (_of("scheduled-backup", method="pg_dump"), "Unsupported value"),
        (_of("pooler", type="all"), "Unsupported value"),
    ],
)
def test_the_api_server_refuses_what_would_not_work(
    project: Project, change: Callable[[dict[str, dict[str, Any]]], dict[str, Any]], said: str
):
    planned = plan_environment(samples.fleet()).cells
    objects = {
        one.key: _tried(one) for one in next(each for each in planned if each.cell == "shared").objects
    }
    with pytest.raises(ApiError, match=said):
        project.api.apply(change(objects), manager="tried", dry_run=True, strict=True)


def test_every_cell_has_its_database_and_every_tenant_its_own(project: Project):
    fleet = load_fleet(project.root, "local")
    clusters = {each["metadata"]["namespace"] for each in project.api.items(f"{CUSTOM}/clusters")}
    assert clusters == {f"cell-{cell}" for cell in fleet.environment.cells}
    owners = {
        each["spec"]["owner"]: each["spec"]["name"] for each in project.api.items(f"{CUSTOM}/databases")
    }
    assert owners == {tenant.id: tenant.id for tenant in fleet.tenants}


def test_the_api_server_takes_what_recovers_a_cell_beside_itself(project: Project):
    fleet = load_fleet(project.root, "local")
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    base, target = Base(id="20261120T000000", finished_at=noon), noon + timedelta(minutes=3)
    for cell_id, cell in fleet.environment.cells.items():
        beat = target + timedelta(minutes=1)
        plan = plan_moment(cell_id, target, [base], [beat], window=timedelta(days=30))
        planned = plan_cell(cell_id, cell, fleet.environment).objects
        for one in objects_beside(plan, planned, cell):
            project.api.apply(dict(one), manager="tried", dry_run=True, strict=True)


def test_every_tenant_is_backed_up_and_every_cell_is_drilled_and_beats(project: Project):
    fleet = load_fleet(project.root, "local")
    jobs = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in project.api.items("/apis/batch/v1/cronjobs")
    }
    cells = {tenant.cell for tenant in fleet.tenants}
    assert {name for namespace, name in jobs if namespace == DRILLS} == {drill_name(cell) for cell in cells}
    assert {namespace for namespace, name in jobs if name == "backup"} == {
        f"t-{tenant.id}" for tenant in fleet.tenants
    }
    assert {namespace for namespace, name in jobs if name == "heartbeat"} == {
        f"cell-{cell}" for cell in fleet.environment.cells
    }


def test_the_pods_of_recovery_are_let_in_where_they_run(project: Project):
    """By the quota, the limits, the Pod Security standard and the admission policies of their namespace."""
    seen = 0
    for job in project.api.items("/apis/batch/v1/cronjobs"):
        template = job["spec"]["jobTemplate"]["spec"]["template"]
        metadata = {
            "name": "tried",
            "namespace": job["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        project.api.apply(pod, manager="tried", dry_run=True)
        seen += 1
    assert seen > 20


def test_no_secret_was_written_by_the_program(project: Project):
    written = [
        each["metadata"]["name"]
        for each in project.api.items("/api/v1/secrets")
        if "storefleet.dev/environment" in each["metadata"].get("labels", {})
    ]
    assert written == [], "passwords are the secret store's: here nothing could bring them"


@pytest.mark.parametrize(
    "path",
    [
        f"{CUSTOM}/namespaces/{CELL}/databases/t-solvane-lyon",
        f"{CUSTOM}/namespaces/{CELL}/clusters/{DATABASE_CLUSTER}",
        f"/apis/barmancloud.cnpg.io/v1/namespaces/{CELL}/objectstores/backups",
    ],
)
def test_nobody_deletes_data_by_hand_without_confirming_it(project: Project, path: str):
    with pytest.raises(ApiError, match="its deletion is not confirmed for today"):
        project.api.delete(path)
    assert project.api.get(path), "it is gone all the same"
