"""The table of databases: what a cell's tier decides about its PostgreSQL, its pooler, its backups and its cache.

Where the figures come from:

* Instances: three where customers are, one in each zone: a primary that is lost leaves two copies. One elsewhere.
* Durability: ``preferred`` waits for one standby while there is one, and goes on without; ``required`` stops taking
  orders rather than take one that only one machine knows. A dedicated tenant chooses the second by its tier.
* Archive timeout: the tier's RPO, because a segment that is not full leaves for the object store when it is so old.
* Memory and cores of an instance: chosen by this project, so that a node of four cores and 32 GiB bears one
  instance of each of three shared or hybrid cells. A quarter of the memory is ``shared_buffers`` (PostgreSQL's
  manual, 19.4), half is ``effective_cache_size``.
* Volume of the write-ahead log: what a standby that stays away may hold back (``SLOT_KEEP_SHARE`` of it) and what
  waits while the object store does not answer. It cannot be taken away again, only grown.
* Pool: server connections that the web pooler may hold for each tenant, one for each of the tier's web workers.
  Odoo keeps one inside a request, and nearly every request is a transaction.
* Memory of the cache: a session is some 5 kB, so 256 MiB hold 50,000; chosen, not measured.

No figure was measured under load. Replace them when a restore drill and a load test have run.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from spec.model import SpecModel
from spec.vocabulary import EnvironmentName, Quantity, Tier

POSTGRES_MAJOR: Final = 17
"""Major version of every cell: the builtin locale needs it, and Odoo 18 to 20 run on it."""

SEVERAL_INSTANCES: Final = frozenset({EnvironmentName.LOCAL, EnvironmentName.PRODUCTION, EnvironmentName.DR})
"""Environments with all instances of the table. The local one costs nothing and shows what production gets."""

SLOT_KEEP_SHARE: Final = 0.5
"""Share of the log's volume that a standby may hold back before it is given up and cloned anew."""

TASK_CONNECTIONS: Final = 4
"""Connections of a tenant's tasks: a backup and a migration of two each, from those that a cell keeps back."""


class DatabasePreset(SpecModel):
    """What a tier decides about the databases of its cells."""

    instances: int
    """Copies of the cluster, each in a zone of its own."""
    durability: Literal["preferred", "required"]
    """Whether the cell goes on without a standby that confirms what is written."""
    archive_timeout_seconds: int
    """After how many seconds a segment that is not full is archived."""
    cpu: Quantity
    """What an instance is sure to get, in cores."""
    memory: Quantity
    """What an instance gets and no more, in bytes."""
    wal_storage: Quantity
    """Volume of the write-ahead log, in bytes."""
    poolers: int
    """Pods of the web pooler."""
    web_pool: int
    """Server connections that the web pooler may hold for each tenant, over all its pods."""
    cache_memory: Quantity
    """What the cache in a pod of the cell may hold, in bytes."""


DATABASES: Final[Mapping[Tier, DatabasePreset]] = MappingProxyType(
    {
        Tier.SHARED: DatabasePreset(
            instances=3,
            durability="preferred",
            archive_timeout_seconds=300,
            cpu="1",
            memory="8Gi",
            wal_storage="30Gi",
            poolers=2,
            web_pool=4,
            cache_memory="512Mi",
        ),
        Tier.HYBRID: DatabasePreset(
            instances=3,
            durability="preferred",
            archive_timeout_seconds=300,
            cpu="1",
            memory="8Gi",
            wal_storage="40Gi",
            poolers=2,
            web_pool=12,
            cache_memory="256Mi",
        ),
        Tier.DEDICATED: DatabasePreset(
            instances=3,
            durability="required",
            archive_timeout_seconds=60,
            cpu="2",
            memory="16Gi",
            wal_storage="100Gi",
            poolers=3,
            web_pool=36,
            cache_memory="512Mi",
        ),
    }
)


def instances_in(tier: Tier, environment: EnvironmentName) -> int:
    """Return how many instances a cell of a tier has in an environment."""
    return DATABASES[tier].instances if environment in SEVERAL_INSTANCES else 1


def poolers_in(tier: Tier, environment: EnvironmentName) -> int:
    """Return how many pods the web pooler of a cell has in an environment."""
    return DATABASES[tier].poolers if environment in SEVERAL_INSTANCES else 1


def pool_share(web_pool: int, poolers: int) -> int:
    """Return the server connections for each tenant of one pod of the pooler, so that all hold ``web_pool``."""
    return math.ceil(web_pool / poolers)
