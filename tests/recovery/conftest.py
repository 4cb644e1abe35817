"""One PostgreSQL and one store for all tests of recovery; each test has tenants and a bucket of its own."""

from __future__ import annotations

import itertools
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from minio.credentials.providers import StaticProvider
from pyrage import x25519
from rich.console import Console

from local.progress import Progress
from recovery.backup.run import Backup, Places
from recovery.backup.stage import Order
from recovery.restore.run import Restore
from recovery.store.objects import Patience, Store
from recovery.store.sealing import Identity, Recipients
from tests.recovery.servers import ACCESS, SECRET, Gateway, Postgres, make_gateway, make_postgres
from tests.recovery.shop import Shop, make_shop

if TYPE_CHECKING:
    from collections.abc import Generator

ROOM = 3 * 1024**3
NUMBERS = itertools.count(1)
QUICK = Patience(connect_seconds=2, read_seconds=3, tries=2, wait_seconds=0.01)


@pytest.fixture(scope="session")
def folder() -> Generator[Path]:
    # Sockets have short names, so not below pytest's own folder; in memory, so that a busy disk slows nothing.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    with TemporaryDirectory(prefix="sfr-", dir=memory if roomy else None, ignore_cleanup_errors=True) as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Generator[Postgres]:
    made = make_postgres(folder / "pg")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def gateway(folder: Path) -> Generator[Gateway]:
    made = make_gateway(folder / "s3")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity(str(x25519.Identity.generate()))


@dataclass
class Bench:
    """A cell with its filestore, a bucket, and what a job needs to work on them."""

    postgres: Postgres
    gateway: Gateway
    identity: Identity
    root: Path
    bucket: str
    objects: Path
    """The folder in which the store keeps the bucket's objects."""
    shops: dict[str, Shop] = field(default_factory=dict)

    @property
    def filestore(self) -> Path:
        return self.root / "filestore"

    @property
    def recipients(self) -> Recipients:
        return Recipients(names=(str(x25519.Identity.from_str(self.identity.text).to_public()),))

    def store(self, endpoint=None, *, bucket=None, secret=SECRET, patience=QUICK, **more) -> Store:
        return Store(
            endpoint or self.gateway.endpoint,
            bucket or self.bucket,
            patience=patience,
            credentials=StaticProvider(ACCESS, secret),
            **more,
        )

    def places(self, store=None, **more) -> Places:
        return Places(
            **{
                "server": self.postgres.server,
                "filestore": self.filestore,
                "store": store or self.store(),
                "recipients": self.recipients,
                "scratch": self.root / "scratch",
                **more,
            }
        )

    def shop(self, name: str, **more) -> Shop:
        made = make_shop(f"{name}-{next(NUMBERS)}", self.postgres.server.conninfo, self.filestore, **more)
        self.shops[made.name] = made
        return made

    def backup(self, shop: Shop, *, places=None, kept=timedelta(days=30), accept=(), **order):
        return Backup(
            places=places or self.places(),
            order=Order(tenant=shop.name, database=shop.name, **order),
            kept=kept,
            progress=quiet(),
            accept_missing=frozenset(accept),
        ).run()

    def restore(self, manifest, *, places=None):
        return Restore(
            places=places or self.places(), manifest=manifest, identity=self.identity, progress=quiet()
        ).run()


def quiet() -> Progress:
    return Progress(Console(quiet=True))


@contextmanager
def made_bench(
    folder: Path, postgres: Postgres, gateway: Gateway, identity: Identity, **more
) -> Generator[Bench]:
    number = next(NUMBERS)
    bucket = f"backups-{number}"
    objects = gateway.bucket(bucket, **more)
    root = folder / f"bench-{number}"
    root.mkdir()
    yield Bench(
        postgres=postgres, gateway=gateway, identity=identity, root=root, bucket=bucket, objects=objects
    )


@pytest.fixture
def bench(folder: Path, postgres: Postgres, gateway: Gateway, identity: Identity) -> Generator[Bench]:
    """A bucket that locks what it keeps, as in production."""
    with made_bench(folder, postgres, gateway, identity, lock_days=1) as made:
        yield made


@pytest.fixture
def plain(folder: Path, postgres: Postgres, gateway: Gateway, identity: Identity) -> Generator[Bench]:
    """A bucket without versions or locks, as in a local environment."""
    with made_bench(folder, postgres, gateway, identity) as made:
        yield made
