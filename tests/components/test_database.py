"""The database of a cell and what each tenant has of it: what must hold, whatever the tier."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cache.pod import plan_cache_pod
from components.cells.plan import plan_cell
from components.database.backups import schedule_of
from components.database.plan import parameters_of
from components.database.tenants import connection_limit, plan_tenant_database
from components.manifests import KubeObject
from components.plan import plan_environment
from spec import labels
from spec.capacity import capacity_of, load_of
from spec.databases import DATABASES, TASK_CONNECTIONS, instances_in, pool_share, poolers_in
from spec.environment import EnvironmentSpec
from spec.naming import RESERVED_TENANT_IDS, RESTORE_ROLE, cache_host, database_host, pooler_host
from spec.quantity import quantity_value
from spec.tiers import RESERVED_CONNECTIONS, RETENTION, TIERS
from spec.vocabulary import EnvironmentName, Tier
from tests.components import samples
from tests.components.test_states import RECORDS

pytestmark = pytest.mark.unit

CELL_OF = {Tier.SHARED: "shared", Tier.HYBRID: "small", Tier.DEDICATED: "own"}
STORE = {"endpoint": "https://objects.example", "bucket": "acme-backups"}


def cell_of(tier: Tier, **changes: Any) -> dict[str, KubeObject]:
    where = samples.environment(**changes)
    name = CELL_OF[tier]
    return {one.key: one for one in plan_cell(name, where.cells[name], where).objects}


def spec_of(one: KubeObject) -> Mapping[str, Any]:
    return one.manifest["spec"]


def of_tenant(state: str = "active", **changes: Any) -> dict[str, KubeObject]:
    made = samples.tenant(**RECORDS[state], **changes)
    return {one.key: one for one in plan_tenant_database(made, samples.environment())}


@pytest.mark.parametrize("tier", Tier)
def test_a_cluster_has_an_instance_in_each_zone_and_confirms_in_a_second_one(tier):
    spec = spec_of(cell_of(tier)["database"])
    assert spec["instances"] == 3
    assert spec["affinity"]["podAntiAffinityType"] == "required", "two copies would go down with one zone"
    assert spec["affinity"]["topologyKey"] == "topology.kubernetes.io/zone"
    synchronous = spec["postgresql"]["synchronous"]
    assert (synchronous["method"], synchronous["number"]) == ("any", 1)
    assert synchronous["failoverQuorum"], "a standby without the last orders could become primary"
    assert synchronous["number"] < spec["instances"], "nothing could be written"


def test_only_a_dedicated_tenant_would_rather_stop_than_lose_an_order():
    found = {t: spec_of(cell_of(t)["database"])["postgresql"]["synchronous"]["dataDurability"] for t in Tier}
    assert found == {Tier.SHARED: "preferred", Tier.HYBRID: "preferred", Tier.DEDICATED: "required"}


@pytest.mark.parametrize("tier", Tier)
def test_nothing_waits_longer_for_the_archive_than_the_tier_promises(tier):
    seconds = DATABASES[tier].archive_timeout_seconds
    assert seconds <= TIERS[tier].rpo.total_seconds(), "the promise could not be kept by an idle shop"
    assert parameters_of(samples.environment().cells[CELL_OF[tier]])["archive_timeout"] == f"{seconds}s"


@pytest.mark.parametrize("tier", Tier)
def test_a_standby_that_stays_away_cannot_fill_the_volume_of_the_log(tier):
    parameters = parameters_of(samples.environment().cells[CELL_OF[tier]])
    volume = quantity_value(DATABASES[tier].wal_storage) / 2**20
    kept = int(parameters["max_slot_wal_keep_size"].removesuffix("MB"))
    grown = int(parameters["max_wal_size"].removesuffix("MB"))
    assert kept + grown < volume, "PostgreSQL would stop with a full disk"


def test_data_and_log_have_volumes_of_their_own_and_pages_have_checksums():
    spec = spec_of(cell_of(Tier.SHARED)["database"])
    assert {"storage", "walStorage"} <= spec.keys()
    start = spec["bootstrap"]["initdb"]
    assert start["dataChecksums"] is True
    assert (start["localeProvider"], start["builtinLocale"]) == ("builtin", "C.UTF-8"), (
        "sorting would change with the image's library, and indexes with it"
    )
    assert spec["enableSuperuserAccess"] is False


def test_the_rules_of_connecting_end_with_a_refusal_and_none_names_every_database():
    rules = [rule.split() for rule in spec_of(cell_of(Tier.SHARED)["database"])["postgresql"]["pg_hba"]]
    assert rules[-1] == ["host", "all", "all", "all", "reject"], (
        "the operator's own last rule lets in everybody"
    )
    for rule in rules[:-1]:
        assert rule[0] == "hostssl", "a password would travel in the clear"
        if rule[2] == RESTORE_ROLE:  # which is there while a restore lasts
            assert rule[-1] == "cert", "a password would open every database"
        else:
            assert rule[1] in {"sameuser", "postgres"}, "a tenant would reach another's database"


def test_backups_go_by_the_plugin_and_never_by_what_the_operator_is_about_to_remove():
    cell = cell_of(Tier.SHARED)
    spec = spec_of(cell["database"])
    assert "backup" not in spec
    (plugin,) = spec["plugins"]
    assert plugin["isWALArchiver"] is True
    assert plugin["parameters"]["barmanObjectName"] == cell["object-store"].meta.name
    scheduled = spec_of(cell["scheduled-backup"])
    assert scheduled["method"] == "plugin", "its default is the method that is going away"
    assert scheduled["cluster"]["name"] == cell["database"].meta.name


def test_a_recovered_database_archives_under_a_name_of_its_own():
    cells = {**samples.CELLS, "shared": {**samples.CELLS["shared"], "generation": 2}}
    (plugin,) = spec_of(cell_of(Tier.SHARED, cells=cells)["database"])["plugins"]
    assert plugin["parameters"]["serverName"] == "postgres-2", "the archive of the old one is not empty"


@pytest.mark.parametrize("tier", Tier)
def test_where_customers_are_backups_are_kept_as_long_as_the_tier_says(tier):
    cell = cell_of(tier, name="production", object_store=STORE)
    days = RETENTION[TIERS[tier].backup_class].days
    assert spec_of(cell["object-store"])["retentionPolicy"] == f"{days}d"


def test_a_local_environment_without_a_store_has_no_backups_and_says_so():
    cell = cell_of(Tier.SHARED, object_store=None)
    assert not {"object-store", "scheduled-backup", "object-store-keys"} & cell.keys()
    assert "plugins" not in spec_of(cell["database"])
    assert "no backups here" in cell["database-out"].why


@pytest.mark.parametrize("name", ["dev", "staging", "production"])
def test_any_other_environment_without_a_store_is_refused(name):
    with pytest.raises(ValueError, match="where the backups of the databases go"):
        samples.environment(name=name, object_store=None)


def test_outside_of_production_one_instance_is_enough():
    cell = cell_of(Tier.DEDICATED, name="staging", object_store=STORE)
    spec = spec_of(cell["database"])
    assert spec["instances"] == 1
    assert spec["enablePDB"] is False, "the only instance could never be moved"
    assert "synchronous" not in spec["postgresql"], "nothing could be written"
    assert spec["primaryUpdateMethod"] == "restart"


@given(st.from_regex(r"[a-z]{1,8}(-[0-9]{1,3})?", fullmatch=True))
def test_every_cell_is_backed_up_at_night_in_six_fields(cell):
    schedule = schedule_of(cell)
    fields = schedule.split(" ")
    assert len(fields) == 6, "five fields would mean every minute of another hour"
    assert fields[0] == "0"
    assert 1 <= int(fields[2]) < 5
    assert 0 <= int(fields[1]) < 60
    assert fields[3:] == ["*", "*", "*"], "a night without a backup is a night of orders"


def test_cells_are_not_backed_up_all_at_once():
    times = {schedule_of(f"eu-{number}") for number in range(1, 41)}
    assert len(times) > 30, "all cells would read their disks and fill the network together"


@pytest.mark.parametrize("tier", Tier)
def test_the_pooler_holds_what_the_budget_counts_and_pools_by_transaction(tier):
    cell = samples.environment().cells[CELL_OF[tier]]
    spec = spec_of(cell_of(tier)["pooler"])
    held = spec["instances"] * int(spec["pgbouncer"]["parameters"]["default_pool_size"])
    usual = samples.tenant(tier=tier.value)
    assert spec["pgbouncer"]["poolMode"] == "transaction"
    assert held == cell.web_pool, "the budget would count something else than the pooler may open"
    web = usual.preset.processes.web
    assert held >= web.replicas * web.workers, "web workers would wait for each other"
    assert spec["pgbouncer"]["parameters"]["reserve_pool_size"] == "0"


@pytest.mark.parametrize("tier", Tier)
def test_the_server_never_gives_a_full_cell_more_connections_than_it_has(tier):
    cell = samples.environment().cells[CELL_OF[tier]]
    limit = connection_limit(samples.tenant(tier=tier.value), samples.environment())
    budget = load_of(samples.tenant(tier=tier.value), cell).connections
    assert limit == budget + TASK_CONNECTIONS
    assert budget * cell.max_tenants <= capacity_of(cell).connections
    parameters = parameters_of(cell)
    assert int(parameters["max_connections"]) == capacity_of(cell).connections + RESERVED_CONNECTIONS


@given(st.integers(1, 200), st.integers(1, 5))
def test_all_pods_of_the_pooler_together_hold_the_pool(pool, pods):
    assert pool <= pool_share(pool, pods) * pods < pool + pods


def test_a_tenant_whose_processes_run_away_meets_its_own_limit_and_not_its_neighbours():
    more = of_tenant(overrides={"processes": {"web": {"replicas": 3}}})
    assert spec_of(more["role"])["connectionLimit"] == spec_of(of_tenant()["role"])["connectionLimit"] + 2


def test_a_server_that_stops_does_not_wait_long_for_pools_that_never_leave():
    cluster = spec_of(cell_of(Tier.SHARED)["database"])
    assert cluster["smartShutdownTimeout"] <= 15 < cluster["stopDelay"], (
        "new connections are refused meanwhile"
    )


def test_a_role_is_named_like_its_database_and_may_make_nothing():
    objects = of_tenant()
    role, database = spec_of(objects["role"]), spec_of(objects["database"])
    assert role["name"] == database["name"] == database["owner"] == "acme", (
        "the rule sameuser would lock it out"
    )
    assert not {"superuser", "createdb", "createrole", "replication", "bypassrls"} & set(role), (
        "a right that is stated may be given; a false one is dropped by the operator, and every up would change it"
    )
    assert role["passwordSecret"]["name"] == objects["role-password"].meta.name
    assert objects["role"].meta.namespace == "cell-shared", "who may write roles is a superuser"


def test_passwords_are_references_into_the_cells_part_of_the_store():
    spec = spec_of(of_tenant()["role-password"])
    assert {entry["remoteRef"]["key"] for entry in spec["data"]} == {"storefleet/cells/shared/roles/acme"}
    for one in plan_environment(samples.fleet()).objects():
        assert one.kind != "Secret", "a password would stand in the state"


@pytest.mark.parametrize("state", ["active", "suspended", "archived"])
def test_nothing_drops_the_database_of_a_tenant_that_was_not_purged(state):
    objects = of_tenant(state)
    assert objects["database"].protect
    assert objects["role"].protect
    assert spec_of(objects["database"])["databaseReclaimPolicy"] == "retain"
    assert spec_of(objects["role"])["databaseRoleReclaimPolicy"] == "retain"


def test_a_tenant_that_leaves_connects_less_and_less():
    limits = {state: spec_of(of_tenant(state)["role"]) for state in ("active", "suspended", "archived")}
    assert limits["active"]["connectionLimit"] == 28
    assert limits["suspended"]["connectionLimit"] == TASK_CONNECTIONS, (
        "only the last backup has business there"
    )
    assert [limits[state]["login"] for state in limits] == [True, True, False]


def test_a_confirmed_purge_lifts_the_protection_and_lets_the_operator_drop():
    objects = of_tenant("purged")
    for key, field in (("database", "databaseReclaimPolicy"), ("role", "databaseRoleReclaimPolicy")):
        one = objects[key]
        assert not one.protect
        assert spec_of(one)[field] == "delete"
        confirmed = one.manifest["metadata"]["annotations"][labels.CONFIRM_DELETION]
        assert confirmed.split(" ")[0] == one.meta.name, "the cluster's guard would refuse the deletion"
    assert objects["database"].after == ("role",), "the owner would be dropped before what it owns"


def test_postgresql_reaches_the_api_server_and_the_store_and_nothing_else():
    policy = spec_of(cell_of(Tier.SHARED)["database-out"])
    assert policy["podSelector"] == {"matchLabels": {"cnpg.io/cluster": "postgres"}}, (
        "the cache would get out as well"
    )
    api, store = policy["egress"]
    assert [peer["ipBlock"]["cidr"] for peer in api["to"]] == ["10.0.0.0/8"]
    assert {port["port"] for port in api["ports"]} == {443, 6443}
    assert [port["port"] for port in store["ports"]] == [9000]
    (peer,) = store["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {labels.NAMESPACE_NAME: "storage"}


def test_a_store_outside_is_reached_without_opening_the_clusters_own_networks():
    policy = spec_of(cell_of(Tier.SHARED, object_store=STORE)["database-out"])
    (block,) = [peer["ipBlock"] for peer in policy["egress"][1]["to"]]
    assert block == {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}, (
        "pods of a database would reach tenants, or the credentials of their node"
    )


def test_images_are_pinned_by_digest_and_of_the_major_that_is_asked_for():
    cell = cell_of(Tier.SHARED)
    catalogue = spec_of(cell["catalogue"])
    images = [*catalogue["images"], *catalogue["componentImages"]]
    assert all("@sha256:" in each["image"] for each in images)
    assert spec_of(cell["database"])["imageCatalogRef"]["major"] in {
        each["major"] for each in catalogue["images"]
    }
    key = spec_of(cell["pooler"])["pgbouncer"]["imageCatalogRef"]["key"]
    assert key in {each["key"] for each in catalogue["componentImages"]}, "the pooler would find no image"


def test_a_second_region_that_stands_by_plans_no_object_that_nobody_could_define():
    dr = _dr("pilot-light")
    plan = plan_cell("shared", dr.cells["shared"], dr)
    assert not [one for one in plan.objects if one.custom], "there are no operators, so no definitions"


def test_a_second_region_that_is_switched_on_recovers_what_production_left_there():
    dr = _dr("active")
    objects = {one.key: one for one in plan_cell("shared", dr.cells["shared"], dr).objects}
    spec = spec_of(objects["database"])
    assert spec["bootstrap"]["recovery"]["source"] == spec["externalClusters"][0]["name"]
    assert "initdb" not in spec["bootstrap"], "the region would come back empty"
    found = spec_of(objects["found-store"])["configuration"]["destinationPath"]
    assert objects["found-store"].protect, "the pack refuses a rebuild in the middle of it"
    own = spec_of(objects["object-store"])["configuration"]["destinationPath"]
    assert "production" in found
    assert found != own, "it would archive into the copies that it recovers from"


def _dr(standby: str) -> EnvironmentSpec:
    from spec.fleet import load_fleet  # noqa: PLC0415
    from tests.components.stacks import ROOT  # noqa: PLC0415

    loaded = load_fleet(ROOT, "dr").environment
    assert loaded.aws is not None
    aws = loaded.aws.model_copy(update={"standby": standby})
    return loaded.model_copy(update={"aws": aws, "cells": {"shared": loaded.cells["eu-1"]}})


@pytest.mark.parametrize("tier", Tier)
def test_a_cache_refuses_rather_than_throw_a_session_away_and_writes_every_second(tier):
    cell = cell_of(tier)
    lines = cell["cache-configuration"].manifest["data"]["valkey.conf"].splitlines()
    assert {"maxmemory-policy noeviction", "appendonly yes", "appendfsync everysec"} <= set(lines)
    limit = int(quantity_value(DATABASES[tier].cache_memory))
    assert f"maxmemory {limit}" in lines
    server = spec_of(cell["cache"])["template"]["spec"]["containers"][0]
    assert quantity_value(server["resources"]["limits"]["memory"]) > limit, (
        "the kernel would end it before it is full"
    )
    claim = spec_of(cell["cache"])["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
    assert quantity_value(claim) > 2 * limit, "the log could not be rewritten"


def test_a_cache_takes_nobody_without_a_password_and_knows_no_tenant_by_itself():
    users = spec_of(cell_of(Tier.SHARED)["cache-users"])["target"]["template"]["data"]["users.acl"]
    assert users.startswith("user default off\n")
    assert "sha256sum" in users, "passwords would stand in the list"
    assert "acme" not in users


def test_the_engine_does_not_wait_for_pods():
    for one in plan_environment(samples.fleet()).objects():
        if one.kind in {"StatefulSet", "Service"}:
            assert one.manifest["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true", (
                f"{one.key} would hold every run up where nothing runs"
            )


def test_where_the_cache_is_a_service_of_aws_no_cell_runs_one():
    dr = _dr("active")
    assert plan_cache_pod("shared", dr.cells["shared"], dr) == ()


def test_hosts_are_those_that_the_plan_makes():
    cell = cell_of(Tier.SHARED)
    assert database_host("shared") == f"{cell['database'].meta.name}-rw.cell-shared.svc"
    assert pooler_host("shared") == f"{cell['pooler'].meta.name}.cell-shared.svc"
    assert cache_host("shared") == f"{cell['cache-service'].meta.name}.cell-shared.svc"


@pytest.mark.parametrize("name", sorted(RESERVED_TENANT_IDS))
def test_a_tenant_cannot_bear_a_name_that_postgresql_keeps(name):
    with pytest.raises(ValueError, match="keeps for itself"):
        samples.tenant(name)


@pytest.mark.parametrize("name", EnvironmentName)
def test_no_environment_has_more_poolers_than_the_pool_can_be_shared_among(name):
    for tier, preset in DATABASES.items():
        assert preset.web_pool % poolers_in(tier, name) == 0, (
            "the pods would hold more than the budget counts"
        )
        assert instances_in(tier, name) in {1, 3}
