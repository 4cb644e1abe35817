"""Files that are being removed: written down before it is decided, so that no backup relies on them any more.

A backup writes down that it has begun and then reads these lists; whoever removes files writes a list and then looks
who has begun. One of the two always sees the other, in whatever order their calls reach the store:

* the backup sees the list: it sends the file again, under a key of its own;
* the other one sees the backup: it removes no file until that has a manifest, and then none that the manifest names.

A list stays until all its files are gone, and a key that is gone never comes back; so it does not matter how long
somebody stands still between deciding and removing, or whether they are killed.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from recovery.retention.plan import UNFINISHED_KEPT
from recovery.store import keys
from recovery.trouble import NotWhole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from recovery.store.objects import Store


def announce(store: Store, tenant: str, going: Iterable[str], now: datetime) -> None:
    """Write a list of files that are to be removed; raises NotWhole where the store has not kept it."""
    body = sorted(going)
    text = json.dumps({"digest": _digest(body), "keys": body}, indent=1).encode()
    key = keys.going(tenant, keys.new_id(now))
    store.check(store.put(key, text, sha256=hashlib.sha256(text).hexdigest()))


def lists(store: Store, tenant: str) -> dict[str, frozenset[str] | None]:
    """Return every list by its key; None for one that is damaged, which may name any file."""
    found: dict[str, frozenset[str] | None] = {}
    for key in store.keys(keys.going(tenant)):
        try:
            read = json.loads(store.bytes(key))
            found[key] = frozenset(read["keys"]) if read["digest"] == _digest(read["keys"]) else None
        except NotWhole:
            continue  # its files are gone, and it went meanwhile
        except (ValueError, KeyError, TypeError):
            found[key] = None
    return found


def settle(
    store: Store, found: Mapping[str, frozenset[str] | None], existing: Iterable[str], now: datetime
) -> None:
    """Remove the lists whose files are all gone; a damaged one when nobody can be working on it any more."""
    there = set(existing)
    for key, going in found.items():
        if going is None:
            stamp = key.rpartition("/")[2].removesuffix(".json")
            if not keys.is_id(stamp) or now - keys.begun(stamp) > UNFINISHED_KEPT:
                store.remove(key)
        elif not going & there:
            store.remove(key)


def _digest(body: list[str]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()
