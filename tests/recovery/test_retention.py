"""What a recovery point needs outlives it: in the plan of retention, under the bucket's lifecycle, and under locks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.storage.lifecycle import backup_lock, recovery_window, tidying
from components.storage.plan import Store as Kind
from components.storage.plan import plan_storage
from recovery.catalogue import Listed
from recovery.manifest import Facts, File, Manifest, Part
from recovery.retention.plan import UNFINISHED_KEPT, needs, plan_retention
from recovery.store import keys
from spec.fleet import load_fleet
from spec.tiers import RETENTION
from spec.vocabulary import EnvironmentName

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 1, tzinfo=UTC)
TENANT = "corner"


@cache
def environment_of(name):
    return load_fleet(ROOT, name).environment


def made(moment, contents, kept, number):
    backup_id = keys.new_id(moment, lambda: f"{number:06x}")
    return Manifest(
        id=backup_id,
        tenant=TENANT,
        database=TENANT,
        kind="backup",
        release=None,
        image=None,
        facts=Facts(snapshot_at=moment, postgres=160004, odoo="18.0", tables=(), unfinished_modules=0),
        recipients=("age1",),
        dump=(Part(name="toc.dat", sha256="0" * 64, size=1, stored_sha256="0" * 64, stored_size=1),),
        files=tuple(
            File(name=f"{c:02x}/{c:040x}", sha256=f"{c:064x}", size=1, stored_sha256="0" * 64, stored_size=1)
            for c in sorted(contents)
        ),
        finished_at=moment,
        expires_at=moment + kept,
    )


@dataclass
class Bucket:
    """A store as S3 is one: versions, a lock on each, and the lifecycle that the plan of buckets writes."""

    noncurrent: timedelta
    locks: bool = True
    current: dict[str, int] = field(default_factory=dict)
    versions: dict[tuple[str, int], tuple[datetime, datetime | None]] = field(default_factory=dict)
    """By key and version: until when it is locked, and since when it is not the current one."""

    def put(self, key, now, until):
        number = 1 + max((v for k, v in self.versions if k == key), default=0)
        if key in self.current:
            locked, _ = self.versions[key, self.current[key]]
            self.versions[key, self.current[key]] = (locked, now)
        self.current[key] = number
        self.versions[key, number] = (until if self.locks else now, None)

    def keep(self, key, until):
        number = self.current[key]
        locked, since = self.versions[key, number]
        if self.locks:
            self.versions[key, number] = (max(locked, until), since)

    def remove(self, key, now):
        number = self.current.pop(key)
        locked, _ = self.versions[key, number]
        self.versions[key, number] = (locked, now)

    def expire(self, now):
        for each, (locked, since) in list(self.versions.items()):
            if since is not None and now - since > self.noncurrent and locked <= now:
                del self.versions[each]

    def readable(self, key):
        return any(k == key for k, _ in self.versions)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("backup"), st.frozensets(st.integers(0, 12), max_size=8), st.sampled_from([30, 35])
        ),
        st.tuples(st.just("unfinished"), st.frozensets(st.integers(0, 12), max_size=4), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 25), st.just(0)),
        st.tuples(st.just("prune"), st.just(0), st.just(0)),
        st.tuples(st.just("slip"), st.integers(0, 12), st.just(0)),  # somebody deletes a file by hand
    ),
    max_size=40,
)


@dataclass
class History:
    """What backups, prunings, slips and time do to a bucket, one hour a step."""

    bucket: Bucket
    now: datetime = START
    backups: dict[str, Manifest | None] = field(default_factory=dict)

    def backup(self, number, contents, days):
        manifest = made(self.now, contents, timedelta(days=days), number)
        for key in sorted(needs(manifest)):
            if key in self.bucket.current:
                self.bucket.keep(key, manifest.expires_at)
            else:
                self.bucket.put(key, self.now, manifest.expires_at)
        self.backups[manifest.id] = manifest

    def unfinished(self, number, contents, _):
        for each in contents:
            key = keys.file(TENANT, f"{each:064x}", None)
            if key not in self.bucket.current:
                self.bucket.put(key, self.now, self.now + timedelta(days=30))
        self.backups[keys.new_id(self.now, lambda: f"{number:06x}")] = None

    def wait(self, _, days, __):
        self.now += timedelta(days=days)

    def slip(self, _, content, __):
        key = keys.file(TENANT, f"{content:064x}", None)
        if key in self.bucket.current:
            self.bucket.remove(key, self.now)

    def prune(self, *_):
        listed = [
            Listed(id=one, manifest=self.backups[one], reason="is not in the store")
            for one in sorted(self.backups)
        ]
        plan = plan_retention(TENANT, listed, self.bucket.current, self.now)
        for key in plan.remove:
            self.bucket.remove(key, self.now)
        self.backups = {reason.id: self.backups[reason.id] for reason in plan.reasons if reason.keeps}

    def lost(self):
        counting = [each for each in self.backups.values() if each is not None and each.expires_at > self.now]
        return [(each.id, key) for each in counting for key in needs(each) if not self.bucket.readable(key)]


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, name=st.sampled_from([EnvironmentName.PRODUCTION, EnvironmentName.STAGING]))
def test_no_object_that_a_recovery_point_needs_goes_before_the_recovery_point_does(steps, name):
    environment = environment_of(name)
    (plan,) = [
        each for each in plan_storage(environment, environment.aws).buckets if each.store is Kind.BACKUPS
    ]
    assert plan.lock is not None
    (rule,) = plan.rules
    assert rule.expire_days is None, "the bucket itself would remove current backups by age"
    history = History(bucket=Bucket(noncurrent=timedelta(days=rule.noncurrent_days)))
    for number, (step, what, days) in enumerate(steps):
        history.now += timedelta(hours=1)
        getattr(history, step)(number, what, days)
        history.bucket.expire(history.now)
        assert not history.lost(), (
            f"after {step}, these went before the backup that needs them: {history.lost()}"
        )


def test_the_model_notices_a_lifecycle_that_is_too_short():
    history = History(bucket=Bucket(noncurrent=timedelta(days=1), locks=False))
    history.backup(0, {1}, 30)
    history.slip(1, 1, 0)
    history.now += timedelta(days=3)
    history.bucket.expire(history.now)
    assert history.lost(), "the property would hold whatever the lifecycle says"


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_a_plan_alone_never_removes_what_a_kept_backup_needs_nor_the_newest_one(steps):
    now, backups, existing = START, [], set()
    for number, (step, what, days) in enumerate(steps):
        now += timedelta(hours=1)
        if step == "backup":
            manifest = made(now, what, timedelta(days=days), number)
            backups.append(Listed(id=manifest.id, manifest=manifest))
            existing |= needs(manifest)
        elif step == "wait":
            now += timedelta(days=what)
    plan = plan_retention(TENANT, backups, existing, now)
    kept = {reason.id for reason in plan.reasons if reason.keeps}
    for each in backups:
        if each.id in kept:
            assert not needs(each.manifest) & set(plan.remove)
        else:
            assert keys.manifest(TENANT, each.id) in plan.remove
    if backups:
        assert backups[-1].id in kept, "the tenant would be left without any backup"
    assert len(set(plan.remove)) == len(plan.remove)


def test_the_manifest_goes_first_so_that_half_of_a_backup_is_none():
    old = made(START, {1}, timedelta(days=1), 1)
    new = made(START + timedelta(days=3), {2}, timedelta(days=30), 2)
    listed = [Listed(id=one.id, manifest=one) for one in (old, new)]
    plan = plan_retention(TENANT, listed, needs(old) | needs(new), START + timedelta(days=4))
    assert plan.remove[0] == keys.manifest(TENANT, old.id)
    assert set(plan.remove) == needs(old)


def test_no_file_is_removed_while_a_manifest_cannot_be_read():
    old = made(START, {1}, timedelta(days=1), 1)
    new = made(START + timedelta(days=3), {2}, timedelta(days=30), 2)
    broken = Listed(
        id=keys.new_id(START, lambda: "abcdef"), manifest=None, reason="was changed after it was written"
    )
    listed = [broken, *(Listed(id=one.id, manifest=one) for one in (old, new))]
    plan = plan_retention(TENANT, listed, needs(old) | needs(new), START + timedelta(days=40))
    assert broken.id in plan.held
    assert not [key for key in plan.remove if key.startswith(keys.files(TENANT))]


def test_what_was_never_finished_goes_after_two_days_and_not_before():
    unfinished = Listed(id=keys.new_id(START, lambda: "abcdef"), manifest=None, reason="is not in the store")
    there = [f"{keys.logical(TENANT)}{unfinished.id}/dump/toc.dat.age", keys.file(TENANT, "1" * 64, None)]
    early = plan_retention(TENANT, [unfinished], there, START + UNFINISHED_KEPT - timedelta(seconds=1))
    late = plan_retention(TENANT, [unfinished], there, START + UNFINISHED_KEPT)
    assert early.remove == ()
    assert set(late.remove) == set(there)


@pytest.mark.parametrize("name", [name for name in EnvironmentName if name is not EnvironmentName.LOCAL])
def test_the_lock_and_the_lifecycle_cover_every_class_of_backup(name):
    environment = environment_of(name)
    longest = max(kept.days for kept in RETENTION.values())
    if name in {EnvironmentName.PRODUCTION, EnvironmentName.DR}:
        assert backup_lock(environment).days >= longest
        assert recovery_window(environment) >= longest
    assert tidying(environment).noncurrent_days > recovery_window(environment)


@given(
    st.integers(0, 3_000_000_000_000_000),
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)),
)
def test_ids_of_backups_sort_by_the_time_at_which_they_began(microseconds, later):
    first = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert keys.is_id(keys.new_id(first))
    assert keys.new_id(first) < keys.new_id(first + later), (
        "a prune would keep the older of two as the newest"
    )
