"""Faults while a backup is taken, and after: none is ever reported good that cannot be restored.

After every fault the store is looked at as a restore would see it: each backup that it lists as good is read back,
opened with the private key, and compared with what the manifest says; some are restored. The faults are counted.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from minio.credentials import Credentials
from minio.credentials.providers import Provider

from recovery import catalogue
from recovery.database.server import APPLICATION
from recovery.readback import read_back
from recovery.store import keys
from recovery.store.objects import Store
from recovery.trouble import NotWhole, RecoveryFailed
from tests.recovery.conftest import QUICK, made_bench
from tests.recovery.proxy import Fault, Proxy
from tests.recovery.servers import ACCESS, SECRET

pytestmark = pytest.mark.integration

LEAST = 200
COUNTED: Counter[str] = Counter()
OUTCOMES: Counter[str] = Counter()
FALSE: list[str] = []
RESTORED: list[str] = []
ROOT = Path(__file__).parents[2]
WORK = 260_000
"""About how many bytes pass between job and store in one undisturbed backup of the shop below."""


@pytest.fixture(scope="module")
def scene(folder, postgres, gateway, identity):
    """One shop with a backup before anything breaks; what breaks may leave its remains for the next fault."""
    with made_bench(folder, postgres, gateway, identity, lock_days=1) as bench:
        shop = bench.shop("faulty", orders=30, files=6, large=(60_000,))
        bench.backup(shop)
        yield bench, shop, set(), random.Random(7)  # noqa: S311 - the same faults every time


def outcome(scene, kind, attempt):
    """Run one faulty backup, judge what the store shows afterwards, and count it."""
    bench, shop, judged, _ = scene
    COUNTED[kind] += 1
    try:
        made = attempt()
    except RecoveryFailed:
        made = None
    OUTCOMES["reported good" if made else "reported failed"] += 1
    judge(bench, shop, judged, kind)
    if made:
        assert catalogue.read(bench.store(), shop.name, made.id) == made
    return made


def judge(bench, shop, judged, kind):
    """Read back and open whatever the store now lists as good and was not judged before."""
    store = bench.store()
    for backup_id in store.folders(keys.logical(shop.name)):
        if backup_id in judged:
            continue
        try:
            found = catalogue.read(store, shop.name, backup_id)
        except NotWhole:
            continue  # no manifest: nobody takes it for a backup
        judged.add(backup_id)
        try:
            read_back(store, found, bench.identity)
        except RecoveryFailed as error:
            FALSE.append(f"{kind}: {backup_id}: {error}")


def change(shop, chance):
    """Give every try something new to send."""
    with shop.connect() as connection:
        shop.attach(connection, chance.randbytes(chance.randint(500, 30_000)))
        connection.execute("DELETE FROM ir_attachment WHERE id IN (SELECT min(id) FROM ir_attachment)")


def through(bench, fault, **more):
    """Return a backup through a proxy with a fault."""

    def attempt(shop):
        with Proxy(target=bench.gateway.port, fault=fault) as proxy:
            return bench.backup(shop, places=bench.places(bench.store(proxy.endpoint, **more)))

    return attempt


@pytest.mark.parametrize("times", [1, 99], ids=["once", "for good"])
def test_the_connection_to_the_store_drops(scene, times):
    bench, shop, _, chance = scene
    for _ in range(15):
        change(shop, chance)
        fault = Fault(cut_after=chance.randint(0, WORK), times=times)
        outcome(scene, "connection dropped", lambda fault=fault: through(bench, fault)(shop))


@pytest.mark.parametrize("times", [1, 99], ids=["once", "for good"])
def test_an_upload_or_a_part_of_it_is_refused(scene, times):
    bench, shop, _, chance = scene
    with shop.connect() as connection:
        shop.attach(
            connection, chance.randbytes(5 * 1024 * 1024 + 4000)
        )  # two parts, at the least that S3 takes
    for number in range(15):
        change(shop, chance)
        fault = Fault(refuse_put=1 + number, times=times)
        attempt = through(bench, fault, part_bytes=5 * 1024 * 1024)
        outcome(scene, "upload refused", lambda attempt=attempt: attempt(shop))
    with shop.connect() as connection:
        connection.execute("DELETE FROM ir_attachment WHERE file_size > 1000000")


def test_a_bit_flips_between_the_job_and_the_store(scene):
    bench, shop, _, chance = scene
    for _ in range(30):
        change(shop, chance)
        fault = Fault(flip_at=chance.randint(0, WORK))
        outcome(scene, "bit flipped on the way", lambda fault=fault: through(bench, fault)(shop))


def test_a_bit_flips_in_the_store_before_or_while_a_backup_uses_what_is_there(scene):
    bench, shop, _, chance = scene
    for number in range(30):
        change(shop, chance)
        stop = threading.Event()
        if number % 2:
            flip(bench, chance)
            flipper = None
        else:
            flipper = threading.Thread(target=flip_later, args=(bench, chance, stop))
            flipper.start()
        known = set(bench.store().folders(keys.logical(shop.name)))
        made = outcome_unless_flipped_later(scene, known, flipper, stop)
        if made is None:
            continue
        before = shop.everything()
        assert before


def outcome_unless_flipped_later(scene, known, flipper, stop):
    """Judge a backup whose objects may rot after it was read back: a restore must then notice, and say so."""
    bench, shop, judged, _ = scene
    COUNTED["bit flipped in the store"] += 1
    try:
        made = bench.backup(shop)
    except RecoveryFailed:
        made = None
    finally:
        stop.set()
        if flipper:
            flipper.join()
    OUTCOMES["reported good" if made else "reported failed"] += 1
    if made is None:
        judged |= known
        return None
    judged.add(made.id)
    if flipper is None:  # nothing changed after it was read back
        try:
            read_back(bench.store(), made, bench.identity)
        except RecoveryFailed as error:
            FALSE.append(f"bit flipped in the store: {made.id}: {error}")
    return made


def flip(bench, chance):
    """Flip one bit of one object where the store keeps it, past the store's own knowledge."""
    dumps = sorted(bench.objects.glob("t-faulty-*/logical/*/dump"))[-1:]
    paths = [
        *bench.objects.glob("t-faulty-*/files/*.age"),
        *(path for dump in dumps for path in dump.iterdir()),
    ]
    path = chance.choice([each for each in paths if each.stat().st_size])
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    with path.open("r+b") as file:  # in place: its attributes stay, as on a disk that rots
        file.write(data)
    return path


def flip_later(bench, chance, stop):
    if not stop.wait(chance.random() * 0.5):
        flip(bench, chance)


def test_what_rots_in_the_store_after_a_backup_is_noticed_before_anything_of_it_is_used(scene):
    bench, _, _, chance = scene
    for _ in range(15):
        COUNTED["bit flipped after the backup"] += 1
        shop = bench.shop("rotten", orders=5, files=2)
        made = bench.backup(shop)
        before = shop.everything()
        # That a backup has begun is a word to prunes that run beside it: nothing is restored from it.
        whole = (bench.objects / f"t-{shop.name}").rglob("*")
        path = chance.choice([path for path in whole if path.is_file() and path.name != "begun.json"])
        data = bytearray(path.read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with path.open("r+b") as file:
            file.write(data)
        try:
            read = catalogue.read(bench.store(), shop.name, made.id)
            read_back(bench.store(), read, bench.identity)
        except NotWhole:
            pass
        else:
            FALSE.append(f"bit flipped after the backup: {path.name} went unnoticed")
        assert shop.everything() == before
        drop_shop(shop)


def drop_shop(shop):
    with psycopg.connect(f"{shop.conninfo} dbname=postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{shop.name}" WITH (FORCE)')


def test_a_manifest_that_is_removed_or_damaged_makes_a_backup_none(scene):
    bench, shop, _, chance = scene
    store = bench.store()
    for number in range(12):
        change(shop, chance)
        made = bench.backup(shop)
        key = keys.manifest(shop.name, made.id)
        COUNTED["manifest removed or damaged"] += 1
        if number % 3 == 0:
            store.remove(key)
        else:
            text = bytearray(store.bytes(key))
            if number % 3 == 1:
                text = text[: chance.randrange(len(text))]
            else:
                text[chance.randrange(len(text))] ^= 1
            store.put(key, bytes(text), sha256="0" * 64)
        newest = catalogue.newest(store, shop.name)
        if newest is not None and newest.id == made.id:
            FALSE.append(f"manifest removed or damaged: {made.id} still counts")


@pytest.mark.parametrize("way", ["dies", "is killed", "writes half and says nothing", "loses its session"])
def test_pg_dump_does_not_do_its_work(scene, way, tmp_path):
    bench, shop, _, chance = scene
    for _ in range(7):
        change(shop, chance)
        programs = tmp_path / f"bin-{chance.random()}"
        server = replace(
            bench.postgres.server, program_folder=lying(programs, bench.postgres.bin, way, chance)
        )
        made = outcome(
            scene,
            "pg_dump failed",
            lambda server=server: bench.backup(shop, places=bench.places(server=server)),
        )
        if way in {"dies", "is killed"}:
            assert made is None, "pg_dump failed and the backup did not"


def lying(programs, real, way, chance):
    """Return a folder of client programs whose pg_dump misbehaves."""
    programs.mkdir()
    for each in ("pg_restore", "psql"):
        (programs / each).symlink_to(real / each)
    script = programs / "pg_dump"
    version = f'case "$*" in *--version*) exec {real}/pg_dump --version;; esac\n'
    folder = 'for a in "$@"; do case "$a" in --file=*) f=${a#--file=};; esac; done\n'
    wait = f"{chance.random() * 0.2:.3f}"
    body = {
        "dies": f'{real}/pg_dump "$@"\nexit 3\n',
        "is killed": f'{real}/pg_dump "$@" & p=$!\nsleep {wait}\nkill -9 $p $$\n',
        "writes half and says nothing": (
            f'{real}/pg_dump "$@" || exit $?\nn=$(ls -S "$f"/*.gz | head -{1 + chance.randrange(4)} | tail -1)\n'
            'truncate -s $(($(stat -c %s "$n") / 2)) "$n"\nexit 0\n'
        ),
        "loses its session": (
            f'{real}/pg_dump "$@" & p=$!\nsleep {wait}\n'
            f"{real}/psql -h {programs.parent} -c 'SELECT 1' >/dev/null 2>&1\nkill -TERM $p 2>/dev/null\nwait $p\n"
        ),
    }[way]
    script.write_text(f"#!/bin/sh\n{version}{folder}{body}")
    script.chmod(0o755)
    return programs


def test_the_server_ends_the_sessions_of_the_job(scene):
    bench, shop, _, chance = scene
    for _ in range(10):
        change(shop, chance)
        timer = threading.Timer(chance.random() * 0.6, end_sessions, [shop])
        timer.start()
        outcome(scene, "sessions ended", lambda: bench.backup(shop))
        timer.join()


def end_sessions(shop):
    with psycopg.connect(f"{shop.conninfo} dbname=postgres", autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ANY(%s) AND datname = %s",
            [[APPLICATION, "pg_dump"], shop.name],
        )


class Expiring(Provider):
    """Credentials that are not valid any more after some requests."""

    def __init__(self, requests: int) -> None:
        self._left = requests

    def retrieve(self) -> Credentials:
        self._left -= 1
        return Credentials(ACCESS, SECRET if self._left >= 0 else "of-yesterday")


def test_credentials_expire_while_a_backup_is_taken(scene):
    bench, shop, _, chance = scene
    for _ in range(20):
        change(shop, chance)
        provider = Expiring(chance.randint(0, 60))
        store = Store(bench.gateway.endpoint, bench.bucket, patience=QUICK, credentials=provider)
        outcome(
            scene, "credentials expired", lambda store=store: bench.backup(shop, places=bench.places(store))
        )


@contextmanager
def small_disk(place, kilobytes):
    """Mount a disk of a size, or skip where only root may."""
    place.mkdir()
    said = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if said.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_the_scratch_volume_is_full(scene):
    bench, shop, _, chance = scene
    for number in range(20):
        change(shop, chance)
        with small_disk(bench.root / f"disk-{number}", chance.choice([4, 16, 32, 64, 96, 128, 192])) as disk:
            places = bench.places(scratch=disk / "scratch")
            outcome(scene, "disk full", lambda places=places: bench.backup(shop, places=places))


@pytest.fixture
def jobs():
    """Something that begins jobs, with everything imported already: what is killed is the work, not the start."""
    command = [sys.executable, "-m", "tests.recovery.job"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
        process.stdin.close()


def test_the_job_is_killed_and_the_next_one_goes_on(scene, jobs):
    bench, shop, _, chance = scene
    result = bench.root / "killed"
    for number in range(25):
        change(shop, chance)
        result.unlink(missing_ok=True)
        facts = {
            "endpoint": bench.gateway.endpoint,
            "bucket": bench.bucket,
            "keys": [ACCESS, SECRET],
            "conninfo": shop.conninfo,
            "programs": str(bench.postgres.bin),
            "filestore": str(bench.filestore),
            "recipients": list(bench.recipients.names),
            "scratch": str(bench.root / "scratch"),
            "tenant": shop.name,
            "result": str(result),
        }
        outcome(scene, "killed", lambda facts=facts: killed(bench, shop, jobs, facts, chance))
        if number % 5 == 4:
            assert outcome(scene, "run again", lambda: bench.backup(shop)), "the next run did not recover"
    COUNTED.pop("run again")


def killed(bench, shop, jobs, facts, chance):
    """Begin a job and kill it after some time."""
    jobs.stdin.write(json.dumps(facts) + "\n")
    jobs.stdin.flush()
    child = int(jobs.stdout.readline())
    time.sleep(chance.random() * 1.5)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    assert jobs.stdout.readline() == "ended\n"
    result = Path(facts["result"])
    if not result.exists() or not result.read_text():
        raise RecoveryFailed("killed")
    return catalogue.read(bench.store(), shop.name, result.read_text())


def test_what_survived_all_that_can_be_restored(scene):
    bench, shop, _, _ = scene
    with shop.connect(autocommit=True) as connection:
        shop.collect(connection)  # what no attachment names is in no backup
    before = shop.everything()
    made = bench.backup(shop)
    with shop.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    shutil.rmtree(shop.folder)
    bench.restore(made)
    assert shop.everything() == before
    RESTORED.append(made.id)


def test_at_least_200_faults_were_injected_and_none_made_a_false_success(capsys, request):
    total = sum(COUNTED.values())
    with capsys.disabled():
        print(f"\nfaults injected: {total}")  # noqa: T201
        for kind, number in COUNTED.most_common():
            print(f"  {kind}: {number}")  # noqa: T201
        for kind, number in OUTCOMES.most_common():
            print(f"  {kind}: {number}")  # noqa: T201
        print(f"false successes: {len(FALSE)}")  # noqa: T201
    assert not FALSE, "\n".join(FALSE)
    whole = len([each for each in request.session.items if each.path == request.path]) >= 17
    assert total >= LEAST or not whole, f"only {total} faults were injected"
