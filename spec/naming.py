"""How names are derived from ids: bounded to what Kubernetes takes, and unambiguous.

An id never contains two dashes in a row, so ``--`` separates: ``a-b`` and ``c`` give ``a-b--c``, while
``a`` and ``b-c`` give ``a--b-c``. A name that would be too long keeps its beginning and ends in a hash of
the whole; two long ids may then give the same name, which the checks of a fleet refuse.
"""

import hashlib
from typing import Final

NAME_LIMIT: Final = 63
"""Longest DNS label, and so the longest name of a namespace or value of a label (RFC 1123)."""

DATABASE_CLUSTER: Final = "postgres"
"""Name of the PostgreSQL cluster in each cell's namespace, and of its service account."""
POOLER: Final = "postgres-web"
"""Name of the pooler of web processes in each cell's namespace, and of its Service."""
CACHE: Final = "cache"
"""Name of the cache in each cell's namespace, and of its Service."""
MONITORING: Final = "monitoring"
"""The namespace of Prometheus, and of what it is told."""
ARGO_CD: Final = "argocd"
"""The namespace of Argo CD, and of all that it is told."""
DRILLS: Final = "drills"
"""The namespace in which backups are restored to see whether they are any: nothing else is there."""
PLATFORM_DATABASE: Final = "platform"
"""The platform's own database in each cell, and the role that owns it: heartbeats and manifests, no tenant's data."""
GUARD_ROLE: Final = "storefleet_guard"
"""The role that takes the right to connect from everybody; no tenant's id has an underscore."""
RESTORE_ROLE: Final = "storefleet_restore"
"""The role that restores a tenant: there for as long as a restore lasts, by a certificate and no password."""

SYNTHETIC: Final = "storefleet-probe"
"""What marks a synthetic order (its `client_order_ref`), its product and the user that makes it: no figure has it."""

RESERVED_TENANT_IDS: Final = frozenset(
    {"app", "default", "none", "platform", "postgres", "public", "template0", "template1"}
)
"""Ids that no tenant may have: its database, role and user of the cache bear its id, and these names are taken."""

TENANT_ID_LIMIT: Final = 63
CELL_ID_LIMIT: Final = 40
HASH_DIGITS: Final = 8

_SEPARATOR: Final = "--"
_SHORTEST_LIMIT: Final = HASH_DIGITS + len(_SEPARATOR) + 1


def bounded(name: str, limit: int = NAME_LIMIT) -> str:
    """Return ``name``, or if longer than ``limit``: its beginning, ``--`` and 8 digits of its SHA-256.

    The beginning never ends in a dash, so that the separator can be told apart from it.

    Raises:
        ValueError: ``limit`` leaves no room for a beginning and the hash.

    """
    if limit < _SHORTEST_LIMIT:
        message = f"a limit of {limit} leaves no room for a name and its hash; the least is {_SHORTEST_LIMIT}"
        raise ValueError(message)
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_DIGITS]
    beginning = name[: limit - len(_SEPARATOR) - HASH_DIGITS].rstrip("-")
    return f"{beginning}{_SEPARATOR}{digest}"


def join(*parts: str, limit: int = NAME_LIMIT) -> str:
    """Join ids to one name of at most ``limit`` characters; different ids give different names.

    Raises:
        ValueError: there is no part, or a part is empty, contains ``--`` or begins or ends with a dash;
            each would make the name ambiguous.

    """
    if not parts:
        message = "a name needs at least one part"
        raise ValueError(message)
    for part in parts:
        if not part or _SEPARATOR in part or part.startswith("-") or part.endswith("-"):
            message = f"{part!r} cannot be part of a name: single dashes only, and none at either end"
            raise ValueError(message)
    return bounded(_SEPARATOR.join(parts), limit)


def tenant_namespace(tenant_id: str) -> str:
    """Return the namespace of a tenant: ``t-<id>``, bounded to 63 characters."""
    return bounded(f"t-{tenant_id}")


def cell_namespace(cell_id: str) -> str:
    """Return the data namespace of a cell: ``cell-<id>``. A cell's id is short enough never to be cut."""
    return bounded(f"cell-{cell_id}")


def team_group(tenant_id: str) -> str:
    """Return the group whose members are a tenant's team: ``storefleet:tenant:<id>``."""
    return f"storefleet:tenant:{tenant_id}"


def database_host(cell_id: str) -> str:
    """Return the host of a cell's primary, for what needs a connection of its own: cron, bus, jobs, tasks."""
    return f"{DATABASE_CLUSTER}-rw.{cell_namespace(cell_id)}.svc"


def pooler_host(cell_id: str) -> str:
    """Return the host of a cell's pooler: web processes alone, because it pools by transaction."""
    return f"{POOLER}.{cell_namespace(cell_id)}.svc"


def cache_host(cell_id: str) -> str:
    """Return the host of a cache in a pod of the cell."""
    return f"{CACHE}.{cell_namespace(cell_id)}.svc"


def server_name(generation: int) -> str:
    """Return the name under which one life of a cell's database is archived: a recovered one never takes the old."""
    return f"{DATABASE_CLUSTER}-{generation}"
