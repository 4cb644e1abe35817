"""What the plans of the AWS side decide: residency, how long things are kept, names, and who reaches what."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.backup.plan import BACKUP, plan_backup
from components.cache.plan import GROUP_LIMIT, plan_caches, service_id
from components.edge.plan import ACM_LIMIT, BALANCER_LIMIT, plan_edge
from components.files.plan import PATH_LIMIT, plan_files
from components.keys.plan import KeyPurpose, plan_keys
from components.registry.plan import plan_registry
from components.secrets.plan import NAME_LIMIT, plan_secrets
from components.storage.lifecycle import recovery_window
from components.storage.plan import Store, plan_storage
from policy.rules.secret_source import SourceSettings
from spec.problems import SpecError
from spec.regions import REGIONS, regions_of
from spec.tiers import RETENTION, TIERS
from spec.vocabulary import TenantState
from tests.aws import samples
from tests.components import samples as small

pytestmark = pytest.mark.unit

PRODUCTION = samples.environment()
AWS = samples.aws_of(PRODUCTION)
TENANTS = samples.tenants()

# Every environment that the regions allow: each region alone, and each with every other of its law.
PLACES = [
    (region, far)
    for region, spec in sorted(REGIONS.items())
    for far in (None, *(each for each in regions_of(spec.jurisdiction) if each != region))
]
IDS = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,12}){0,4}", fullmatch=True).filter(
    lambda text: len(text) <= 40
)


def environment_in(region, far, name="production"):
    law = REGIONS[region].jurisdiction.value
    standby = None if far is None else "standby.storefleet.example"
    return samples.environment(name, law=law, region=region, dr_region=far, standby_host=standby)


@pytest.mark.parametrize(("region", "far"), PLACES)
def test_nothing_is_kept_or_copied_outside_its_jurisdiction(region, far):
    environment = environment_in(region, far)
    aws, law = samples.aws_of(environment), REGIONS[region].jurisdiction
    storage = plan_storage(environment, aws)
    backup, secrets = plan_backup(environment, aws), plan_secrets(environment, aws, TENANTS)
    vaults = [vault for vault in (backup.vault, backup.far_vault) if vault]
    systems = plan_files(environment, aws, TENANTS).systems
    places = {bucket.region for bucket in (*storage.buckets, *storage.far_buckets)}
    places |= {vault.region for vault in vaults}
    places |= {system.far_region for system in systems if system.far_region}
    places |= {found for found in (plan_registry(environment, aws).far_region, secrets.far_region) if found}
    assert region in places
    for place in places:
        assert REGIONS[place].jurisdiction is law, f"data under the law of {law} would be in {place}"
    holders = [*storage.buckets, *storage.far_buckets, *vaults, *systems, *secrets.secrets]
    for holder in holders:
        assert holder.tags["storefleet.dev/residency"] == law.value, (
            "no rule could tell where its data must stay"
        )


@pytest.mark.parametrize("region", [region for region, far in PLACES if far is None])
def test_without_a_second_region_nothing_is_copied_at_all(region):
    environment = environment_in(region, None)
    aws = samples.aws_of(environment)
    storage, keys = plan_storage(environment, aws), plan_keys(environment, aws)
    assert (storage.copies, storage.far_buckets, storage.rights) == ((), (), "")
    assert (keys.far_keys, keys.replicas) == ((), ())
    assert plan_backup(environment, aws).far_vault is None
    assert not any(key.multi_region for key in keys.keys), (
        "a key that may leave its region can never be made to stay"
    )


def test_a_second_region_under_another_law_is_refused_even_past_the_spec():
    elsewhere = AWS.model_copy(update={"dr_region": "eu-west-2"})
    with pytest.raises(ValueError, match="eu-west-2 is not under the law of eu: nothing is copied there"):
        plan_storage(PRODUCTION, elsewhere)


@pytest.mark.parametrize("name", ["dev", "staging", "production"])
def test_no_version_goes_before_the_databases_can_no_longer_need_it(name):
    environment = samples.environment(name)
    storage = plan_storage(environment, samples.aws_of(environment))
    window = recovery_window(environment)
    for bucket in (*storage.buckets, *storage.far_buckets):
        kept = [rule.noncurrent_days for rule in bucket.rules if rule.noncurrent_days is not None]
        assert kept, f"{bucket.name} would keep every version for ever, and be paid for it"
        assert min(kept) >= window, (
            f"a database could be wound back to a day whose files are gone from {bucket.name}"
        )
        assert any(rule.abort_days for rule in bucket.rules), (
            f"{bucket.name} would pay for unfinished uploads"
        )


def test_the_recovery_window_is_the_longest_that_any_tier_is_promised():
    assert recovery_window(PRODUCTION) == max(kept.days for kept in RETENTION.values())


def test_current_backups_and_files_never_expire():
    storage = plan_storage(PRODUCTION, AWS)
    for bucket in storage.buckets:
        if bucket.store in {Store.BACKUPS, Store.FILES, Store.STATIC}:
            expiring = [rule.key for rule in bucket.rules if rule.expire_days is not None]
            assert expiring == [], (
                f"{bucket.name} would lose what a tenant still needs, such as its last backup"
            )


def test_copies_keep_what_their_sources_keep():
    storage = plan_storage(PRODUCTION, AWS)
    sources = {bucket.store: bucket for bucket in storage.buckets}
    assert {bucket.store for bucket in storage.far_buckets} == {copy.store for copy in storage.copies}
    for bucket in storage.far_buckets:
        assert bucket.rules == sources[bucket.store].rules, "the copy would forget, or grow without end"
        assert bucket.lock == sources[bucket.store].lock, "the copy could be deleted where the source cannot"


def test_backups_and_evidence_are_locked_for_as_long_as_they_are_needed():
    locks = {bucket.store: bucket.lock for bucket in plan_storage(PRODUCTION, AWS).buckets}
    assert locks[Store.BACKUPS].days == recovery_window(PRODUCTION), (
        "a backup could be deleted while it is needed"
    )
    assert locks[Store.BACKUPS].mode == locks[Store.EVIDENCE].mode == "COMPLIANCE"
    assert [store for store, lock in locks.items() if lock is None] == [Store.FILES, Store.LOGS, Store.STATIC]
    evidence = next(b for b in plan_storage(PRODUCTION, AWS).buckets if b.store is Store.EVIDENCE)
    (expiry,) = [rule.expire_days for rule in evidence.rules if rule.expire_days is not None]
    assert expiry > evidence.lock.days, "evidence would be marked as deleted while it is locked"


def test_backups_of_aws_are_kept_as_long_as_the_tiers_promise():
    plan = plan_backup(PRODUCTION, AWS)
    days = {schedule.tag_value: schedule.days for schedule in plan.schedules}
    for system, cell in (
        (each, PRODUCTION.cells[each.cell]) for each in plan_files(PRODUCTION, AWS, TENANTS).systems
    ):
        kept = days[system.tags[BACKUP]]
        promised = RETENTION[TIERS[cell.tier].backup_class].days
        assert kept == promised, f"files of cell {system.cell} are kept {kept} days, its databases {promised}"
    for vault in (plan.vault, plan.far_vault):
        assert vault.min_days <= min(days.values()), "the lock would refuse our own backups as too short"
        assert vault.max_days >= max(days.values()), "the lock would refuse our own backups as too long"


@given(tenant_id=IDS, cell=IDS)
def test_names_are_ones_that_each_service_takes(tenant_id, cell):
    cells = {cell: {"tier": "shared", "jurisdiction": "eu"}}
    environment = type(PRODUCTION).model_validate(
        {
            "name": "production",
            "cluster": {"source": "eks"},
            "cells": cells,
            "aws": samples.AWS,
            "recovery": small.RECOVERY,
        }
    )
    aws = samples.aws_of(environment)
    tenant = small.tenant("acme").model_copy(update={"id": tenant_id, "cell": cell})
    storage = plan_storage(environment, aws)
    for bucket in (*storage.buckets, *storage.far_buckets):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket.name), bucket.name
    for planned in plan_caches(environment, aws, [tenant]).caches:
        for name in (planned.name, *(user.id for user in planned.users)):
            assert len(name) <= GROUP_LIMIT, name
            assert re.fullmatch(r"[a-z]([a-z0-9]|-(?!-))*[a-z0-9]", name), f"ElastiCache refuses {name}"
    for system in plan_files(environment, aws, [tenant]).systems:
        assert len(system.name) <= 64, "EFS refuses the token"
        assert all(len(point.path) <= PATH_LIMIT for point in system.points)
    for secret in plan_secrets(environment, aws, [tenant]).secrets:
        assert re.fullmatch(r"[A-Za-z0-9/_+=.@-]+", secret.name), secret.name
        assert len(secret.name) <= NAME_LIMIT
    for name in (plan_edge(environment, aws, []).name, plan_edge(environment, aws, []).targets):
        assert re.fullmatch(rf"[a-z0-9-]{{1,{BALANCER_LIMIT}}}", name), name
    for repository in plan_registry(environment, aws).repositories:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+)*", repository.name), repository.name


@given(st.lists(IDS, min_size=2, max_size=8, unique=True))
def test_different_names_stay_different_when_they_are_cut(names):
    assert len({service_id(f"storefleet-production-{name}") for name in names}) == len(names), (
        "two tenants would share a user of the cache"
    )


@given(st.lists(IDS, min_size=2, max_size=6, unique=True))
def test_no_tenant_reaches_another_ones_keys_in_the_cache(names):
    tenants = [small.tenant("acme").model_copy(update={"id": name}) for name in names]
    (cache,) = plan_caches(PRODUCTION, AWS, tenants).caches
    patterns = {user.tenant: re.findall(r"[~&](\S+)\*", user.access) for user in cache.users}
    for tenant, found in patterns.items():
        assert found == [f"{tenant}:", f"{tenant}:"]
        others = [other for other in names if other != tenant and f"{other}:session".startswith(found[0])]
        assert others == [], f"{tenant} would read the sessions of {others}"
    for user in cache.users:
        assert "-scan" in user.access.split(" "), (
            "SCAN is held to no pattern: it would list everybody's sessions"
        )


def test_secrets_stand_where_the_rule_about_their_readers_expects_them():
    settings = SourceSettings()
    for secret in plan_secrets(PRODUCTION, AWS, TENANTS).secrets:
        kind, _, owner = secret.key.partition("-")
        if kind == "tenant":
            assert secret.name.startswith(settings.tenant_prefix.replace("{tenant}", owner)), secret.name
        elif kind == "role":
            cell = secret.tags["storefleet.dev/cell"]
            assert secret.name.startswith(settings.cell_prefix.replace("{cell}", cell)), secret.name


def test_the_second_region_makes_no_secret_and_no_image_of_its_own():
    second = samples.second()
    aws = samples.aws_of(second)
    assert plan_secrets(second, aws, TENANTS).secrets == (), (
        "a restored role would have another password than its data"
    )
    registry = plan_registry(second, aws)
    assert registry.repositories == ()
    assert registry.address.endswith("eu-west-1.amazonaws.com/storefleet-production")
    found = plan_storage(second, aws).found
    written = {copy.store: copy.target for copy in plan_storage(PRODUCTION, AWS).copies}
    assert dict(found) == written, "the second region would look for the copies under other names"


def test_a_purged_tenant_has_nothing_left():
    gone = TENANTS[0].model_copy(update={"state": TenantState.PURGED})
    everybody = (gone, *TENANTS[1:])
    texts = (
        str(plan_secrets(PRODUCTION, AWS, everybody)),
        str([system.points for system in plan_files(PRODUCTION, AWS, everybody).systems]),
        str(plan_caches(PRODUCTION, AWS, everybody)),
        str(plan_edge(PRODUCTION, AWS, everybody).records),
    )
    for text in texts:
        assert "'acme'" not in text, "something of a tenant would stay after its data were erased"


def test_names_fail_over_to_the_second_region_as_pairs():
    records = plan_edge(PRODUCTION, AWS, TENANTS).records
    pairs = {}
    for record in records:
        if record.failover:
            pairs.setdefault(record.name, {})[record.failover] = record.leads_to
    assert pairs["www.acme.example"] == {
        "PRIMARY": "ingress.storefleet.example",
        "SECONDARY": "standby.storefleet.example",
    }
    assert all(set(pair) == {"PRIMARY", "SECONDARY"} for pair in pairs.values()), (
        "Route 53 refuses half a pair"
    )
    apex = next(record for record in records if record.name == "acme.example")
    assert (apex.leads_to, apex.failover) == (None, None), "the top of a zone cannot be a CNAME"


def test_names_in_zones_elsewhere_are_told_to_their_owner_and_written_nowhere():
    plan = plan_edge(PRODUCTION, AWS, TENANTS)
    assert [step.name for step in plan.steps] == ["www.dune.example"]
    assert "www.dune.example" not in {record.name for record in plan.records}
    assert {zone.name: zone.id for zone in plan.zones} == {
        "acme.example": None,
        "bolt.example": "Z0123456789ABC",
        "storefleet.example": None,
    }


def test_the_second_region_writes_no_name_of_a_tenant():
    second = samples.second()
    names = [record.name for record in plan_edge(second, samples.aws_of(second), TENANTS).records]
    assert names == ["standby.storefleet.example"], "both regions would fight over the tenants' records"


def test_more_certificates_than_a_balancer_takes_are_refused_with_the_way_out():
    many = [
        small.tenant("acme", domains=[f"shop-{number}.storefleet.example"]).model_copy(
            update={"id": f"shop-{number}"}
        )
        for number in range(ACM_LIMIT + 1)
    ]
    assert len(plan_edge(PRODUCTION, AWS, many[1:], certificates="acm").certificates) == ACM_LIMIT + 1
    with pytest.raises(SpecError, match=r"26 tenants need a certificate of ACM.*\n.*let cert-manager"):
        plan_edge(PRODUCTION, AWS, many, certificates="acm")


def test_each_key_lets_in_only_the_services_that_it_is_for():
    services = {}
    for key in plan_keys(PRODUCTION, AWS).keys:
        for statement in json.loads(key.policy)["Statement"]:
            for principal in [statement["Principal"].get("Service", [])]:
                names = [principal] if isinstance(principal, str) else principal
                services.setdefault(key.purpose, []).extend(names)
                assert not names or "Condition" in statement, (
                    "any account's use of the service would be let in"
                )
    assert services[KeyPurpose.LOGS] == ["logs.eu-central-1.amazonaws.com", "cloudtrail.amazonaws.com"]
    assert services[KeyPurpose.EVIDENCE] == services[KeyPurpose.SECRETS] == []


def test_objects_may_be_kept_in_a_store_that_is_already_there():
    assert plan_storage(PRODUCTION, AWS.model_copy(update={"object_storage": "given"})) is None
