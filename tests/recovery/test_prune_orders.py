"""Every order in which a backup and a prune can use a store between them, on a store in memory; also with a death."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from recovery import catalogue
from recovery.backup import run
from recovery.backup.run import Backup, Places
from recovery.backup.stage import Order, Staged
from recovery.manifest import Attachment, Facts, File, Manifest
from recovery.readback import read_back
from recovery.retention.going import lists
from recovery.retention.plan import LONGEST, UNFINISHED_KEPT
from recovery.retention.run import apply, planned
from recovery.store import keys
from recovery.store.objects import Stored
from recovery.store.sealing import Identity, Recipients
from recovery.trouble import NotWhole, RecoveryFailed
from tests.recovery.conftest import quiet
from tests.recovery.turns import Actor, Turns, one_by_one

pytestmark = pytest.mark.unit

TENANT = "corner"
LONG_AGO = datetime.now(UTC) - timedelta(days=60)
KEY = Identity(str(x25519.Identity.generate()))
PUBLIC = Recipients(names=(str(x25519.Identity.from_str(KEY.text).to_public()),))
EXPIRED, NEVER, BOTH = b"of an expired backup", b"not yet in the store", b"of an expired and a kept backup"


class Memory:
    """A bucket as one without versions and locks is: what was written last is what everybody sees."""

    bucket, endpoint = "memory", "memory"

    def __init__(self, there):
        self.there = there

    def put(self, key, source, *, sha256, until=None):
        del until
        self.there[key] = (source if isinstance(source, bytes) else source.read_bytes(), sha256)
        return Stored(key=key, sha256=sha256, size=len(self.there[key][0]))

    def find(self, key, version=None):
        del version
        if key not in self.there:
            return None
        data, sha256 = self.there[key]
        return Stored(key=key, sha256=sha256, size=len(data))

    def keys(self, prefix):
        return sorted(key for key in self.there if key.startswith(prefix))

    def folders(self, prefix):
        return sorted({key[len(prefix) :].split("/")[0] for key in self.keys(prefix)})

    def read(self, key, version=None):
        del version
        if key not in self.there:
            raise NotWhole(f"{key} is not in the store")
        yield self.there[key][0]

    def bytes(self, key, version=None):
        return b"".join(self.read(key, version))

    def check(self, wanted):
        if hashlib.sha256(self.bytes(wanted.key)).hexdigest() != wanted.sha256:
            raise NotWhole(f"{wanted.key} is not what was stored")

    def keep(self, stored, until):
        del until
        return stored

    def remove(self, key):
        self.there.pop(key, None)


class MemoryInTurns(Turns, Memory):
    """The same, one call at a time."""


def name_of(data):
    return f"aa/{hashlib.sha1(data, usedforsecurity=False).hexdigest()}"


def facts(moment):
    return Facts(snapshot_at=moment, postgres=160004, odoo="18.0", tables=(), unfinished_modules=0)


@cache
def history():
    """Return a bucket with an expired backup and a kept one."""
    store = Memory({})
    for days, contents in ((1, [EXPIRED, BOTH]), (400, [BOTH])):
        moment = LONG_AGO + timedelta(days=len(store.folders(keys.logical(TENANT))))
        backup_id = keys.new_id(moment, lambda: "000000")
        files = []
        for data in contents:
            sealed, sha256 = io.BytesIO(), hashlib.sha256(data).hexdigest()
            kept = PUBLIC.seal(io.BytesIO(data), sealed)
            store.put(keys.file(TENANT, sha256, backup_id), sealed.getvalue(), sha256=kept.sha256)
            files.append(
                File(
                    name=name_of(data),
                    sha256=sha256,
                    size=len(data),
                    stored_sha256=kept.sha256,
                    stored_size=kept.size,
                    sent_by=backup_id,
                )
            )
        made = Manifest(
            id=backup_id,
            tenant=TENANT,
            database=TENANT,
            kind="backup",
            release=None,
            image=None,
            facts=facts(moment),
            recipients=PUBLIC.names,
            dump=(),
            files=tuple(files),
            finished_at=moment,
            expires_at=moment + timedelta(days=days),
        )
        store.put(keys.manifest(TENANT, backup_id), made.text(), sha256="0" * 64)
    return dict(store.there)


class Scene:
    """A tenant with three files, and a bucket of its own."""

    def __init__(self, root, number):
        self.there, self.root, self.number = dict(history()), root, number
        self.backups = 0
        for data in (EXPIRED, NEVER, BOTH):
            path = root / "filestore" / TENANT / name_of(data)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def backup(self, *, kept=timedelta(days=30)):
        self.backups += 1
        scratch = self.root / f"scratch-{self.number}-{self.backups}"

        def work(store):
            return Backup(
                places=Places(
                    server=None,
                    filestore=self.root / "filestore",
                    store=store,
                    recipients=PUBLIC,
                    scratch=scratch,
                ),
                order=Order(tenant=TENANT, database=TENANT),
                kept=kept,
                progress=quiet(),
            ).run()

        return Actor(MemoryInTurns(self.there), work)

    def prune(self):
        def work(store):
            return apply(store, TENANT, planned(store, TENANT), quiet())

        return Actor(MemoryInTurns(self.there), work)

    def judge(self, *reported):
        store, good = Memory(self.there), set()
        for each in catalogue.listed(store, TENANT):
            if each.manifest:
                read_back(store, each.manifest, KEY)
                good.add(each.id)
        assert {each.id for each in reported if each} <= good, "what was reported good is none"
        assert good, "the tenant is left without any backup"


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """Backups of a database that is not there: its dump is empty, and only the files count."""
    numbers = iter(range(10**6))

    def staged(_folder, backup_id, order, _server, **_):
        return Staged(
            id=backup_id,
            order=order,
            facts=facts(datetime.now(UTC)),
            recipients=PUBLIC.names,
            dump=(),
            attachments=tuple(
                Attachment(name=name_of(data), sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest())
                for data in (EXPIRED, NEVER, BOTH)
            ),
        )

    monkeypatch.setattr(run, "stage", staged)
    for module in ("backup.files", "backup.run"):
        monkeypatch.setattr(f"recovery.{module}.side_by_side", one_by_one)
    return lambda: Scene(tmp_path, next(numbers))


def lengths(scene):
    """Return how many calls an undisturbed backup makes, and an undisturbed prune."""
    made, pruned = scene().backup(), scene().prune()
    made.finish()
    pruned.finish()
    assert any(call == "remove" and "/files/" in key for call, key in pruned.calls), (
        "nothing would be removed"
    )
    return len(made.calls), len(pruned.calls)


@pytest.mark.parametrize("death", [None, "of the backup", "of the prune"])
def test_no_order_of_a_backup_and_a_prune_damages_a_recovery_point(scene, death):
    of_backup, of_prune = lengths(scene)
    for first, second in product(range(0, of_backup + 1, 2 if death else 1), range(of_prune + 1)):
        for begins in ("backup", "prune"):
            here = scene()
            taken, pruned = here.backup(), here.prune()
            if begins == "backup":
                taken.steps(first)
                pruned.steps(second)
            else:
                pruned.steps(second)
                taken.steps(first)
            if death == "of the backup":
                taken.kill()
            elif death == "of the prune":
                pruned.kill()
            for each in (taken, pruned) if begins == "backup" else (pruned, taken):
                each.finish()
            here.judge(taken.made)
            assert taken.made or death == "of the backup", f"the backup failed: {taken.failed}"
            if (first + second) % 7 == 0:  # whatever is left, the next night is none the worse for it
                again = here.backup()
                assert again.finish() is not None, again.failed
                here.prune().finish()
                here.judge(taken.made, again.made)


@settings(max_examples=60, deadline=None)
@given(order=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 8)), max_size=60), dies=st.integers(-1, 59))
def test_two_backups_and_two_prunes_in_any_order_damage_nothing(scene_of_examples, order, dies):
    here = scene_of_examples()
    actors = [here.backup(), here.backup(kept=timedelta(days=-1)), here.prune(), here.prune()]
    for number, (who, steps) in enumerate(order):
        actors[who].steps(steps)
        if number == dies:
            actors[who].kill()
    for each in actors:
        each.finish()
    here.judge(actors[0].made)
    later = here.backup()
    assert later.finish(), later.failed
    here.prune().finish()
    here.judge(actors[0].made, later.made)


@pytest.fixture(scope="module")
def scene_of_examples(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield scene.__wrapped__(tmp_path_factory.mktemp("orders"), patch)


def test_a_backup_sends_again_what_is_being_removed_and_a_later_one_uses_that(scene):
    here = scene()
    pruned = here.prune()
    while not (pruned.next[0] == "remove" and "/files/" in pruned.next[1]):
        pruned.step()
    made = here.backup().finish()
    (again,) = [file for file in made.files if file.name == name_of(EXPIRED)]
    assert again.sent_by == made.id, "it relies on an object that is about to go"
    (kept,) = [file for file in made.files if file.name == name_of(BOTH)]
    assert kept.sent_by != made.id, "what stays was sent again for nothing"
    pruned.finish()
    assert {file.sent_by for file in here.backup().finish().files} == {made.id, kept.sent_by}
    here.prune().finish()
    assert lists(Memory(here.there), TENANT) == {}, "lists of what is gone pile up"


def test_files_stay_while_a_backup_runs_and_go_when_it_was_given_up(scene, monkeypatch):
    here = scene()
    running = here.backup()
    running.steps(6)
    held = here.prune().finish()
    assert "has no good manifest" in held.held
    running.kill()

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + UNFINISHED_KEPT + timedelta(minutes=1)

    monkeypatch.setattr("recovery.retention.run.datetime", Later)
    assert here.prune().finish().objects > 0
    assert lists(Memory(here.there), TENANT) == {}


def test_a_backup_that_took_longer_than_anybody_waits_for_is_none(scene, monkeypatch):
    here = scene()
    monkeypatch.setattr(run.keys, "new_id", lambda _: keys_before(LONGEST + timedelta(minutes=1)))
    taken = here.backup()
    assert taken.finish() is None
    assert "is given up" in str(taken.failed)
    here.judge()


def keys_before(age):
    return f"{(datetime.now(UTC) - age).strftime('%Y%m%dT%H%M%SZ')}-abcdef"


def test_a_damaged_list_makes_backups_send_everything_and_goes_when_nobody_can_be_at_work_on_it(
    scene, monkeypatch
):
    here = scene()
    store = Memory(here.there)
    store.put(keys.going(TENANT, keys.new_id(datetime.now(UTC))), b'{"keys": [], "digest": "x"}', sha256="0")
    made = here.backup().finish()
    assert {file.sent_by for file in made.files} == {made.id}
    here.prune().finish()
    assert len(lists(store, TENANT)) == 1

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + UNFINISHED_KEPT + timedelta(minutes=1)

    monkeypatch.setattr("recovery.retention.run.datetime", Later)
    here.prune().finish()
    assert lists(store, TENANT) == {}


def test_a_file_that_only_an_earlier_backup_has_is_copied_out_of_the_way_of_a_prune(scene):
    here = scene()
    store = Memory(here.there)
    (newest,) = [each.manifest for each in catalogue.listed(store, TENANT) if each.manifest][-1:]
    (file,) = newest.files
    from recovery.retention.going import announce  # noqa: PLC0415

    announce(store, TENANT, [keys.file(TENANT, file.sha256, file.sent_by)], datetime.now(UTC))
    (here.root / "filestore" / TENANT / name_of(BOTH)).unlink()
    made = here.backup().finish()
    assert made.from_earlier == (file.name,)
    (copied,) = [each for each in made.files if each.name == file.name]
    assert copied.sent_by == made.id
    here.judge(made)


def test_what_can_be_read_nowhere_is_named_as_lost_and_can_be_accepted(scene, monkeypatch):
    here = scene()
    store = Memory(here.there)
    (newest,) = [each.manifest for each in catalogue.listed(store, TENANT) if each.manifest][-1:]
    store.remove(keys.file(TENANT, newest.files[0].sha256, newest.files[0].sent_by))
    (here.root / "filestore" / TENANT / name_of(BOTH)).unlink()
    monkeypatch.setattr(run, "still_needed", lambda _server, _database, names: set(names))
    taken = here.backup()
    with pytest.raises(RecoveryFailed, match="--accept-missing"):
        raise taken.failed if taken.finish() is None else AssertionError


def test_manifests_of_before_keys_named_their_sender_keep_their_digest():
    old = Manifest.model_validate_json(
        '{"id":"x","tenant":"corner","database":"corner","kind":"backup","release":null,"image":null,"facts":'
        '{"snapshot_at":"2026-11-01T00:00:00Z","postgres":160004,"odoo":null,"tables":[],"unfinished_modules":0},'
        '"recipients":[],"dump":[],"files":[{"name":"a","sha256":"'
        + "0" * 64
        + '","size":1,"stored_sha256":"'
        + "0" * 64
        + '","stored_size":1}],"finished_at":"2026-11-01T00:00:00Z","expires_at":"2026-11-02T00:00:00Z"}'
    )
    assert b"sent_by" not in old.text()
    assert old.digest == "sha256:ea4c378e5d7863edc21d8a2d7492e245f7854cefcaa9dd02fe3889905ea1ad4b"
