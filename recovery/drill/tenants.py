"""Which tenants a cell has, by what their own backups say: nothing in the cluster has to list them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from recovery.store import keys
from recovery.trouble import NotWhole, RecoveryFailed
from spec.model import SpecModel
from spec.naming import tenant_namespace

if TYPE_CHECKING:
    from recovery.store.objects import Store

_PREFIX: Final = keys.EVERYBODY


class Home(SpecModel):
    """The cell that a tenant was in when it was last backed up."""

    tenant: str
    cell: str


def settle(store: Store, tenant: str, cell: str) -> None:
    """Write down in which cell a tenant is; what says so already is left alone."""
    key = keys.cell(tenant_namespace(tenant))
    content = Home(tenant=tenant, cell=cell).model_dump_json().encode()
    try:
        if store.bytes(key) == content:
            return
    except NotWhole:
        pass
    store.put(key, content, sha256=hashlib.sha256(content).hexdigest())


def tenants_of(store: Store, cell: str) -> list[str]:
    """Return the tenants of a cell that have backups, in the order of their ids.

    Raises:
        RecoveryFailed: there is none, so that there is nothing to drill; or a record is not one.

    """
    found: list[str] = []
    for name in store.folders(_PREFIX):
        key = keys.cell(f"{_PREFIX}{name}")
        try:
            home = Home.model_validate_json(store.bytes(key))
        except NotWhole:
            continue  # its first night is still to come, or it was backed up by hand alone
        except ValidationError as error:
            raise RecoveryFailed(f"{key} does not say whose it is: {error.error_count()} errors") from None
        if tenant_namespace(home.tenant) != f"{_PREFIX}{name}":
            raise RecoveryFailed(f"{key} says that it is of {home.tenant}: it was moved there")
        # One that was purged leaves its record. One whose manifests are all damaged is drilled, and fails.
        if home.cell == cell and store.folders(keys.logical(home.tenant)):
            found.append(home.tenant)
    if not found:
        raise RecoveryFailed(
            f"no backup in the store is of a tenant of cell {cell}: there is nothing to drill"
        )
    return sorted(found)
