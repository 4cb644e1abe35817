"""Backup and restore of one tenant against the plain tools on the same data: python -m bench.recovery [result.json].

Plain backup: pg_dump in directory format and the same copy of the files, object by object, through the same store,
unsealed and not read back. Plain restore: pg_restore and the files back. Both use as many jobs.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg
from pyrage import x25519

from recovery.restore.run import Restore
from recovery.store.sealing import Identity
from recovery.together import WORKERS
from tests.recovery.conftest import made_bench, quiet
from tests.recovery.servers import make_gateway, make_postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.recovery.conftest import Bench
    from tests.recovery.shop import Shop

T = TypeVar("T")
ORDERS, FILES, FILE_BYTES, JOBS, ROUNDS = 10_000, 200, 60_000, 2, 3
SIZES = {"small": 1, "ten times that": 10}


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Run some work and return its result and seconds."""
    gc.collect()
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


def plain_backup(bench: Bench, shop: Shop, folder: Path) -> int:
    """Dump and copy as a script of a few lines would."""
    dump = [bench.postgres.bin / "pg_dump", "-Fd", f"-j{JOBS}", "-f", folder / "dump"]
    subprocess.run([*dump, f"--dbname={shop.conninfo} dbname={shop.name}"], check=True)  # noqa: S603
    client = bench.gateway.client()
    paths = [path for root in (folder / "dump", shop.folder) for path in root.rglob("*") if path.is_file()]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda path: client.fput_object("plain", f"{shop.name}/{path.name}", str(path)), paths))
    return sum(path.stat().st_size for path in paths)


def plain_restore(bench: Bench, shop: Shop, folder: Path) -> None:
    """Fetch and load the same way."""
    client, back = bench.gateway.client(), folder / "back"
    names = [each.object_name for each in client.list_objects("plain", recursive=True)]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda name: client.fget_object("plain", name, str(back / Path(name).name)), names))
    with psycopg.connect(f"{shop.conninfo} dbname=postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS plain_restored")
        connection.execute("CREATE DATABASE plain_restored TEMPLATE template0")
    dump = folder / "loaded"
    dump.mkdir()
    for path in back.iterdir():
        if path.name == "toc.dat" or path.name.endswith(".gz"):
            path.rename(dump / path.name)
    load = [bench.postgres.bin / "pg_restore", f"-j{JOBS}", "--exit-on-error"]
    target = f"--dbname={shop.conninfo} dbname=plain_restored"
    subprocess.run([*load, target, dump], check=True)  # noqa: S603


def measure(times: int) -> dict[str, object]:
    """Measure everything once, with so many times the data, and return the result."""
    orders, files = ORDERS * times, FILES * times
    memory = Path("/dev/shm")  # noqa: S108 - so that a busy disk is not what is measured
    with tempfile.TemporaryDirectory(prefix="sfb-", dir=memory if memory.is_dir() else None) as root:
        folder = Path(root)
        folder.chmod(0o755)
        postgres = make_postgres(folder / "pg")
        gateway = make_gateway(folder / "s3")
        try:
            key = Identity(str(x25519.Identity.generate()))
            with made_bench(folder, postgres, gateway, key, lock_days=1) as bench:
                shop = bench.shop("bench", orders=orders, files=files, size=FILE_BYTES)
                gateway.bucket("plain")
                with shop.connect() as connection:
                    (database,) = connection.execute("SELECT pg_database_size(current_database())").fetchone()
                spent: dict[str, list[float]] = defaultdict(list)
                size, made = 0, None
                for number in range(ROUNDS):  # in turns, so that a busy moment meets both
                    place = folder / f"plain-{number}"
                    place.mkdir()
                    size, seconds = timed(lambda place=place: plain_backup(bench, shop, place))
                    spent["plain"].append(seconds)
                    made, seconds = timed(lambda: bench.backup(shop))
                    spent["first" if number == 0 else "next"].append(seconds)
                    _, seconds = timed(lambda place=place: plain_restore(bench, shop, place))
                    spent["plain back"].append(seconds)
                    shutil.rmtree(shop.folder)
                    restore = Restore(places=bench.places(), manifest=made, identity=key, progress=quiet())
                    done, seconds = timed(restore.run)
                    spent["back"].append(seconds)
                    assert len(shop.files()) == len(made.files)  # noqa: S101 - a benchmark of nothing measures nothing
                best = {name: min(each) for name, each in spent.items()}
                return {
                    "load_average": [round(each, 2) for each in os.getloadavg()],
                    "postgres": made.facts.postgres,
                    "data": {
                        "database_bytes": database,
                        "files": len(made.files),
                        "orders": orders,
                        "file_bytes": FILE_BYTES,
                    },
                    "rounds": {name: [round(one, 2) for one in each] for name, each in spent.items()},
                    "ratios_of_the_best": {
                        "size_to_plain": round(made.stored_size / size, 3),
                        "first_backup_to_plain": round(best["first"] / best["plain"], 2),
                        "next_backup_to_plain": round(best["next"] / best["plain"], 2),
                        "restore_to_plain": round(best["back"] / best["plain back"], 2),
                    },
                    "last_restore": done.seconds,
                }
        finally:
            gateway.stop()
            postgres.stop()


if __name__ == "__main__":
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, data in memory",
    }
    found = json.dumps({**facts, **{size: measure(times) for size, times in SIZES.items()}}, indent=1)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(found + "\n", encoding="utf-8")
    print(found)  # noqa: T201
