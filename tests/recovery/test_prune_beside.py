"""What is pruned while a backup is taken: against the real store, at every moment and at random ones."""

from __future__ import annotations

import hashlib
import io
import random

import pytest

from recovery import catalogue
from recovery.readback import read_back
from recovery.retention.run import apply, planned
from recovery.store import keys
from recovery.trouble import NotWhole
from tests.recovery.conftest import QUICK, quiet
from tests.recovery.servers import ACCESS, SECRET
from tests.recovery.turns import Actor, TurnsOfStore, one_by_one

pytestmark = pytest.mark.integration

ROUNDS = 15
LONG_AGO = "20200101T000000Z-000000"


@pytest.fixture
def scene(plain, monkeypatch):
    """A shop with a backup, in a bucket without versions and locks."""
    for module in ("backup.files", "backup.run"):
        monkeypatch.setattr(f"recovery.{module}.side_by_side", one_by_one)
    shop = plain.shop("raced", orders=5, files=2)
    plain.backup(shop)
    return plain, shop, random.Random(3)  # noqa: S311 - the same moments every time


def store_of(bench):
    from minio.credentials.providers import StaticProvider  # noqa: PLC0415

    return TurnsOfStore(
        bench.gateway.endpoint, bench.bucket, patience=QUICK, credentials=StaticProvider(ACCESS, SECRET)
    )


def going(bench, shop, chance):
    """Attach a file that the store has, and that no backup needs: what a prune is about to remove."""
    data = chance.randbytes(800)
    sealed = io.BytesIO()
    bench.recipients.seal(io.BytesIO(data), sealed)
    key = keys.file(shop.name, hashlib.sha256(data).hexdigest(), LONG_AGO)
    bench.store().put(key, sealed.getvalue(), sha256=hashlib.sha256(sealed.getvalue()).hexdigest())
    with shop.connect() as connection:
        shop.attach(connection, data)
    return key


def backup(bench, shop):
    return Actor(store_of(bench), lambda store: bench.backup(shop, places=bench.places(store)))


def prune(bench, shop):
    return Actor(store_of(bench), lambda store: apply(store, shop.name, planned(store, shop.name), quiet()))


def judge(bench, shop, said):
    """Read back whatever the store lists as good, reported or not."""
    store, good = bench.store(), set()
    for each in catalogue.listed(store, shop.name):
        if each.manifest is not None:
            try:
                read_back(store, each.manifest, bench.identity)
            except NotWhole as error:
                pytest.fail(f"{each.id} is listed as good and cannot be restored: {error}\n{said}")
            good.add(each.id)
    return good


def moments(actor, *, but):
    """Return the numbers of an actor's calls, but of those between others of no interest."""
    calls = [but in key for _, key in actor.calls]
    return [number for number, dull in enumerate(calls) if not (dull and calls[number - 1])]


def test_a_prune_at_any_moment_of_a_backup_takes_nothing_that_it_needs(scene):
    bench, shop, chance = scene
    going(bench, shop, chance)
    whole = backup(bench, shop)
    whole.finish()
    seen = moments(whole, but="/dump/")
    assert len(seen) > 10
    for number in seen:
        key = going(bench, shop, chance)
        taken = backup(bench, shop)
        taken.steps(number)
        at = taken.next
        prune(bench, shop).finish()
        made = taken.finish()
        assert made is not None, f"the backup failed because of a prune before {at}: {taken.failed}"
        assert made.id in judge(bench, shop, f"pruned before {at}; {key}")


def test_a_backup_at_any_moment_of_a_prune_loses_nothing(scene):
    bench, shop, chance = scene
    going(bench, shop, chance)
    whole = prune(bench, shop)
    whole.finish()
    for number in range(len(whole.calls) + 1):
        going(bench, shop, chance)
        pruned = prune(bench, shop)
        pruned.steps(number)
        at = pruned.next
        made = backup(bench, shop).finish()
        pruned.finish()
        assert made is not None
        assert made.id in judge(bench, shop, f"taken before {at} of a prune")


def test_backups_and_prunes_in_any_order_and_killed_anywhere_damage_nothing(scene):
    bench, shop, chance = scene
    for _ in range(ROUNDS):
        going(bench, shop, chance)
        actors = [backup(bench, shop), prune(bench, shop), prune(bench, shop)]
        while running := [each for each in actors if not each.over]:
            each = chance.choice(running)
            each.steps(chance.choice([1, 2, 5, 20, 60]))
            if chance.random() < 0.02:
                each.kill()
        for each in actors:
            assert each.broken is None, each.broken
        good = judge(bench, shop, [each.calls[-3:] for each in actors])
        if actors[0].made:
            assert actors[0].made.id in good
