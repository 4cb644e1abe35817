"""The tier table: every default that follows from a tenant's tier, and nowhere else.

Where the figures come from:

* Workers: Odoo's deployment guide, one worker for some six users, ``workers = 2 x CPU + 1``.
* Memory request of a pod: from the same guide workers x (0.8 x 150 MB + 0.2 x 1 GB), here as workers x
  320 MiB, rounded up to 128 MiB.
* Memory limit of a pod: workers x 640 MiB for workers that are about to be recycled, and 256 MiB for the
  parent process. It must stay above the sum of the workers' soft limits: otherwise the kernel ends the pod
  before Odoo recycles the worker.
* Quota: what the processes take while every kind is being replaced and a migration and a backup run
  (``sizes.need_of``), with some room above.
* Connections: ``db_maxconn`` is per Odoo process. Three a process is what was observed of prefork workers
  (README of the ``bus_alt_connection`` module); the websocket process holds one more for the bus. Odoo's own
  default of 64 would take 64 x the processes. Web reaches the database through the transaction pooler, where
  a worker holds a server connection only inside a transaction: one a worker. Everything else is direct,
  because it needs LISTEN. Counted with one pod more of each kind, as while it is being replaced
  (``sizes.connections_of``): 24 for a shared tenant, so 40 of them take 960 of 1,000.
* Connections kept back: 40, for the operator, monitoring, and 15 tasks (migration, backup) of two each.
* Storage of a cell: 150 GiB of databases is what a shared cell restores within its RTO; one tenant's share of
  it is an allowance that this project chose, with a fifth of the cell left for growth.
* Orders on the busiest day: chosen by this project, not measured; to be replaced when a load test has run.
* Tenants of a cell: 40 is what the connection budget and the restore time of one PostgreSQL cluster bear.
* RPO: how long a segment of the write-ahead log may wait before it is archived. RTO: the targets that
  restore drills are measured against; they are promises, not measurements.

How the tiers differ: a shared tenant's database stands in a cell of up to 40, its pods on the general nodes.
A hybrid tenant has larger processes and its database in a cell of at most 8, none of them shared tenants;
its pods stay on the general nodes. A dedicated tenant has a cell and nodes of its own.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from spec.model import SpecModel
from spec.sizes import Compute, ContainerLimits, Processes, ProcessSize, Quota
from spec.vocabulary import Quantity, Tier


class DatabasePlacement(StrEnum):
    """Where the database of a tenant stands."""

    CELL_SHARED = "cell-shared"
    OWN_CELL = "own-cell"


class NodePool(StrEnum):
    """The pools of nodes; the value of the label ``storefleet.dev/pool`` on a node."""

    GENERAL = "general"
    DEDICATED = "dedicated"


class BackupClass(StrEnum):
    """How long the backups of a tenant are kept: see ``RETENTION``."""

    STANDARD = "standard"
    EXTENDED = "extended"


RETENTION: Final[Mapping[BackupClass, timedelta]] = MappingProxyType(
    {BackupClass.STANDARD: timedelta(days=30), BackupClass.EXTENDED: timedelta(days=35)}
)
"""By class: how long a backup is kept, and so the least time between a tenant's last backup and its purge."""

RESERVED_CONNECTIONS: Final = 40
"""Connections of a cell that no tenant's processes may count on."""


class PriorityClass(SpecModel):
    """A class of scheduling priority: who waits when nodes are short."""

    name: str
    value: int


class TierPreset(SpecModel):
    """Everything that a tier decides for a tenant that overrides nothing."""

    summary: str
    """What the tenant gets, in one sentence."""
    processes: Processes
    quota: Quota
    container_limits: ContainerLimits
    database: DatabasePlacement
    max_tenants: int
    """Most tenants in a cell of this tier."""
    max_connections: int
    """Server connections of a cell of this tier: PostgreSQL's ``max_connections``."""
    cell_storage: Quantity
    """Volume of a cell's databases, in bytes."""
    database_storage: Quantity
    """What a tenant's database may grow to, in bytes: its share of the cell's volume."""
    peak_orders_per_day: int | None
    """Orders on the busiest day that the processes are sized for; None where they are sized one by one."""
    node_pool: NodePool
    priority_class: PriorityClass
    storage_class: str
    """StorageClass of the volume with the tenant's files."""
    backup_class: BackupClass
    rpo: timedelta
    """Most that may be lost of what was written."""
    rto: timedelta
    """Longest that a restore may take."""


_CONTAINER_MIN: Final = Compute(cpu="10m", memory="32Mi")
_CONTAINER_DEFAULT_REQUEST: Final = Compute(cpu="50m", memory="128Mi")
_CONTAINER_DEFAULT: Final = Compute(cpu="500m", memory="512Mi")


_CONNECTIONS: Final = 3
_BUS_CONNECTIONS: Final = 4


def _size(
    replicas: int,
    workers: int,
    cpu: tuple[str, str],
    memory: tuple[str, str],
    db_maxconn: int = _CONNECTIONS,
) -> ProcessSize:
    return ProcessSize(
        replicas=replicas,
        workers=workers,
        db_maxconn=db_maxconn,
        cpu_request=cpu[0],
        cpu_limit=cpu[1],
        memory_request=memory[0],
        memory_limit=memory[1],
    )


_SHARED: Final = TierPreset(
    summary="own namespace, processes and database; the PostgreSQL cluster and the nodes are shared",
    processes=Processes(
        web=_size(2, 2, ("250m", "1"), ("640Mi", "1536Mi")),
        websocket=_size(1, 1, ("100m", "500m"), ("384Mi", "896Mi"), _BUS_CONNECTIONS),
        cron=_size(1, 1, ("100m", "1"), ("384Mi", "896Mi")),
        jobs=_size(1, 1, ("100m", "1"), ("384Mi", "896Mi")),
    ),
    quota=Quota(
        requests_cpu="4",
        requests_memory="9Gi",
        limits_cpu="12",
        limits_memory="16Gi",
        storage="30Gi",
        pods=16,
        persistent_volume_claims=2,
        services=8,
        config_maps=20,
        secrets=20,
    ),
    container_limits=ContainerLimits(
        default_request=_CONTAINER_DEFAULT_REQUEST,
        default=_CONTAINER_DEFAULT,
        min=_CONTAINER_MIN,
        max=Compute(cpu="2", memory="3Gi"),
    ),
    database=DatabasePlacement.CELL_SHARED,
    max_tenants=40,
    max_connections=1000,
    cell_storage="150Gi",
    database_storage="3Gi",
    peak_orders_per_day=20_000,
    node_pool=NodePool.GENERAL,
    priority_class=PriorityClass(name="storefleet-shared", value=1000),
    storage_class="storefleet-files",
    backup_class=BackupClass.STANDARD,
    rpo=timedelta(minutes=5),
    rto=timedelta(hours=4),
)

_HYBRID: Final = TierPreset(
    summary="larger processes, and a database in a small cell without shared tenants; the nodes are shared",
    processes=Processes(
        web=_size(3, 4, ("1", "2"), ("1280Mi", "2816Mi")),
        websocket=_size(2, 1, ("100m", "500m"), ("384Mi", "896Mi"), _BUS_CONNECTIONS),
        cron=_size(1, 2, ("250m", "1"), ("640Mi", "1536Mi")),
        jobs=_size(2, 2, ("250m", "1"), ("640Mi", "1536Mi")),
    ),
    quota=Quota(
        requests_cpu="10",
        requests_memory="16Gi",
        limits_cpu="24",
        limits_memory="32Gi",
        storage="120Gi",
        pods=24,
        persistent_volume_claims=4,
        services=12,
        config_maps=30,
        secrets=30,
    ),
    container_limits=ContainerLimits(
        default_request=_CONTAINER_DEFAULT_REQUEST,
        default=_CONTAINER_DEFAULT,
        min=_CONTAINER_MIN,
        max=Compute(cpu="4", memory="6Gi"),
    ),
    database=DatabasePlacement.CELL_SHARED,
    max_tenants=8,
    max_connections=500,
    cell_storage="200Gi",
    database_storage="20Gi",
    peak_orders_per_day=100_000,
    node_pool=NodePool.GENERAL,
    priority_class=PriorityClass(name="storefleet-hybrid", value=2000),
    storage_class="storefleet-files",
    backup_class=BackupClass.STANDARD,
    rpo=timedelta(minutes=5),
    rto=timedelta(hours=2),
)

_DEDICATED: Final = TierPreset(
    summary="processes, PostgreSQL cluster and nodes of its own",
    processes=Processes(
        web=_size(6, 6, ("2", "4"), ("1920Mi", "4096Mi")),
        websocket=_size(3, 1, ("250m", "1"), ("384Mi", "896Mi"), _BUS_CONNECTIONS),
        cron=_size(2, 2, ("500m", "2"), ("640Mi", "1536Mi")),
        jobs=_size(4, 4, ("1", "2"), ("1280Mi", "2816Mi")),
    ),
    quota=Quota(
        requests_cpu="32",
        requests_memory="36Gi",
        limits_cpu="64",
        limits_memory="72Gi",
        storage="500Gi",
        pods=48,
        persistent_volume_claims=8,
        services=20,
        config_maps=50,
        secrets=50,
    ),
    container_limits=ContainerLimits(
        default_request=_CONTAINER_DEFAULT_REQUEST,
        default=_CONTAINER_DEFAULT,
        min=_CONTAINER_MIN,
        max=Compute(cpu="8", memory="16Gi"),
    ),
    database=DatabasePlacement.OWN_CELL,
    max_tenants=1,
    max_connections=250,
    cell_storage="500Gi",
    database_storage="400Gi",
    peak_orders_per_day=None,
    node_pool=NodePool.DEDICATED,
    priority_class=PriorityClass(name="storefleet-dedicated", value=3000),
    storage_class="storefleet-files-fast",
    backup_class=BackupClass.EXTENDED,
    rpo=timedelta(seconds=60),
    rto=timedelta(hours=1),
)

TIERS: Final[Mapping[Tier, TierPreset]] = MappingProxyType(
    {Tier.SHARED: _SHARED, Tier.HYBRID: _HYBRID, Tier.DEDICATED: _DEDICATED}
)
