"""Sessions, through the very store that Odoo is given: `storefleet_sessions`, where the configuration says so."""

from __future__ import annotations

import importlib
import re
import secrets
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .settings import Settings

MODULE = "storefleet_sessions"
_KEY = re.compile(r"[A-Za-z0-9_-]{84}\Z")


class Session(dict[str, Any]):
    """What a visitor's session holds, under the key that is in his cookie."""

    def __init__(self, data: Mapping[str, Any], sid: str, new: bool = False) -> None:
        super().__init__(data)
        self.sid, self.new = sid, new


class Keys:
    """The part of Odoo's own store that others inherit: how a key is made and checked. It keeps them in memory."""

    def __init__(self, _path: str, session_class: type, renew_missing: bool = True) -> None:
        self.session_class, self.renew_missing = session_class, renew_missing
        self._held: dict[str, Session] = {}

    def is_valid_key(self, key: str) -> bool:
        return _KEY.match(key) is not None

    def new(self) -> Session:
        return Session({}, secrets.token_urlsafe(63), new=True)

    def save(self, session: Session) -> None:
        self._held[session.sid] = Session(session, session.sid)

    def get(self, sid: str) -> Session:
        return self._held.get(sid) or self.new()

    def delete(self, session: Session) -> None:
        self._held.pop(session.sid, None)


def store(settings: Settings, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - the module's own class
    """Return the store that the configuration asks for: the cache's, or one that ends with this process."""
    if MODULE not in settings.modules:
        return Keys("", Session)
    for folder in settings.addons:
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    module: Any = importlib.import_module(f"{MODULE}.store")
    kind = module.store_class(Keys)
    return kind(module.client(environment), environment["STOREFLEET_SESSIONS_PREFIX"], Session)
