"""Several who use one store, one call at a time, in an order that a test chooses; any of them may be killed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from recovery.store.objects import Store
from recovery.trouble import RecoveryFailed

PATIENCE = 120


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Turns:
    """Makes a store wait before each call until its owner is let on."""

    _actor = None

    def _turn(self, call, key):
        if self._actor is not None:
            self._actor.wait(call, key)

    def put(self, key, *arguments, **more):
        self._turn("put", key)
        return super().put(key, *arguments, **more)

    def find(self, key, version=None):
        self._turn("find", key)
        return super().find(key, version)

    def keys(self, prefix):
        self._turn("keys", prefix)
        return super().keys(prefix)

    def folders(self, prefix):
        self._turn("folders", prefix)
        return super().folders(prefix)

    def read(self, key, version=None):
        self._turn("read", key)
        yield from super().read(key, version)

    def keep(self, stored, until):
        self._turn("keep", stored.key)
        return super().keep(stored, until)

    def remove(self, key):
        self._turn("remove", key)
        super().remove(key)


class TurnsOfStore(Turns, Store):
    """The store of the project, one call at a time."""


@dataclass
class Actor:
    """One who works on a store of its own, in a thread that stands still between two calls."""

    store: Turns
    work: object
    made: object = None
    failed: RecoveryFailed | None = None
    broken: BaseException | None = None
    over: bool = False
    next: tuple[str, str] | None = None
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self):
        self.store._actor = self
        self._go, self._stands, self._dead = threading.Semaphore(0), threading.Semaphore(0), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._await()

    def wait(self, call, key):
        """Stand still before a call; what a killed one says to itself is heard by nobody."""
        self.next = (call, key)
        self._stands.release()
        assert self._go.acquire(timeout=PATIENCE)
        if self._dead:
            raise Killed
        self.calls.append((call, key))

    def step(self):
        """Let it do one call, and whatever follows up to the next one."""
        if not self.over:
            self._go.release()
            self._await()

    def steps(self, number):
        for _ in range(number):
            self.step()

    def finish(self):
        while not self.over:
            self.step()
        if self.broken:
            raise self.broken
        return self.made

    def kill(self):
        self._dead = True
        while not self.over:
            self.step()

    def _await(self):
        assert self._stands.acquire(timeout=PATIENCE), f"it hangs after {self.calls[-3:]}"

    def _run(self):
        try:
            self.made = self.work(self.store)
        except RecoveryFailed as error:
            self.failed = error
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self.broken = error
        finally:
            self.over, self.next = True, None
            self._stands.release()


def one_by_one(work, items):
    """Do what `side_by_side` does, in order."""
    for item in items:
        work(item)
