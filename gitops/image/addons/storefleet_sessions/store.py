"""A store of sessions in Valkey or Redis.

Odoo's own store knows how a session's key is made, checked and rotated, and that differs between its series; all of it
is inherited. What is replaced is only where a session lies: one value with its time to live, set at once, so that a
process that is killed in between leaves none that lasts for ever. Beside them stands a list of their keys with the
times at which they end, because the cache lets nobody walk through all keys: they are other tenants' as well.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KNOWN_SECONDS = 7 * 24 * 3600
"""How long somebody who signed in stays so without a click: Odoo's own week."""
ANONYMOUS_SECONDS = 3 * 3600
IDENTIFIER = 42
"""Characters of a key that Odoo keeps to know a device by; the rest is the secret."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{42}\Z")


def client(variables: Mapping[str, str]) -> Any:
    """Return a client of the cache that the chart names; what fails to answer at once is asked again."""
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry

    return redis.Redis(
        host=variables["STOREFLEET_SESSIONS_HOST"],
        port=int(variables["STOREFLEET_SESSIONS_PORT"]),
        username=variables["STOREFLEET_SESSIONS_USER"],
        password=variables["STOREFLEET_SESSIONS_PASSWORD"],
        ssl=variables["STOREFLEET_SESSIONS_TLS"] == "true",
        socket_timeout=2,
        socket_connect_timeout=2,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )


class Storage:
    """Where a session lies; everything else about it is the class's that stands behind this one."""

    session_class: type

    def __init__(self, cache: Any, prefix: str, session_class: type) -> None:
        # A folder is made nowhere: the base writes only what is replaced here.
        super().__init__("/nowhere", session_class=session_class, renew_missing=True)
        self._cache, self._prefix, self._listed = cache, f"{prefix}:session:", f"{prefix}:sessions"

    def save(self, session: Any) -> None:
        seconds = KNOWN_SECONDS if session.get("uid") else ANONYMOUS_SECONDS
        now = time.time()
        steps = self._cache.pipeline()
        steps.set(self._prefix + session.sid, json.dumps(dict(session)), ex=seconds)
        steps.zadd(self._listed, {session.sid: now + seconds})
        steps.zremrangebyscore(self._listed, "-inf", now)
        steps.expire(self._listed, KNOWN_SECONDS)
        steps.execute()

    def get(self, sid: str) -> Any:
        if not self.is_valid_key(sid):
            return self.new()
        found = self._cache.get(self._prefix + sid)
        # A key that nobody knows is never taken over from whoever sends it.
        return self.new() if found is None else self.session_class(json.loads(found), sid, False)

    def delete(self, session: Any) -> None:
        self._forget(session.sid)

    def vacuum(self, *_: Any, **__: Any) -> None:
        """Do nothing: the cache forgets by itself."""

    def get_missing_session_identifiers(self, identifiers: Iterable[str]) -> set[str]:
        return set(identifiers) - {sid[:IDENTIFIER] for sid in self._sids()}

    def delete_from_identifiers(self, identifiers: Iterable[str]) -> None:
        for identifier in identifiers:
            # It becomes part of a pattern: an asterisk would sign everybody out.
            if not _IDENTIFIER.match(identifier):
                raise ValueError("this is not the identifier of a session")
            for sid in list(self._sids(identifier)):
                self._forget(sid)

    def list(self) -> Iterable[str]:
        return self._sids()

    def _forget(self, sid: str) -> None:
        steps = self._cache.pipeline()
        steps.delete(self._prefix + sid)
        steps.zrem(self._listed, sid)
        steps.execute()

    def _sids(self, beginning: str = "") -> Iterable[str]:
        now = time.time()
        for sid, ends in self._cache.zscan_iter(self._listed, match=f"{beginning}*", count=1000):
            if ends > now:
                yield sid.decode()


def store_class(base: type) -> type:
    """Return the store for one series of Odoo, whose own store is `base`."""
    return type("CacheSessionStore", (Storage, base), {})
