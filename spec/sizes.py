"""Sizes: what the processes of a tenant ask for, and the bounds that hold its namespace."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from spec.model import SpecModel
from spec.quantity import cpu_text, memory_text, quantity_value
from spec.vocabulary import Quantity

Replicas = Annotated[int, Field(strict=True, ge=1, le=50)]
Workers = Annotated[int, Field(strict=True, ge=1, le=32)]
Objects = Annotated[int, Field(strict=True, ge=1, le=1000)]


class Process(StrEnum):
    """The kinds of Odoo process that a tenant runs, each a Deployment."""

    WEB = "web"
    WEBSOCKET = "websocket"
    CRON = "cron"
    JOBS = "jobs"


class ProcessSize(SpecModel):
    """One kind of process: how many pods, and what each asks for."""

    replicas: Replicas
    """Number of pods."""
    workers: Workers
    """Odoo workers (or cron or job threads) in a pod."""
    db_maxconn: Annotated[int, Field(strict=True, ge=1, le=64)]
    """Most database connections of one worker."""
    cpu_request: Quantity
    """CPU that a pod is sure to get, in cores."""
    cpu_limit: Quantity
    """CPU above which a pod is slowed down, in cores."""
    memory_request: Quantity
    """Memory that a pod is sure to get, in bytes."""
    memory_limit: Quantity
    """Memory above which a pod is ended, in bytes."""


class Processes(SpecModel):
    """The size of each kind of process."""

    web: ProcessSize
    """Answers browsers and the API."""
    websocket: ProcessSize
    """Holds the connections of the bus: chat, notifications, point of sale."""
    cron: ProcessSize
    """Runs scheduled actions."""
    jobs: ProcessSize
    """Runs queued jobs: imports, synchronisation, documents."""

    def each(self) -> Iterator[tuple[Process, ProcessSize]]:
        """Yield every kind with its size, in the order of ``Process``."""
        yield Process.WEB, self.web
        yield Process.WEBSOCKET, self.websocket
        yield Process.CRON, self.cron
        yield Process.JOBS, self.jobs


class Quota(SpecModel):
    """The most that a tenant's namespace may hold."""

    requests_cpu: Quantity
    """Sum of the CPU requests of all pods, in cores."""
    requests_memory: Quantity
    """Sum of the memory requests of all pods, in bytes."""
    limits_cpu: Quantity
    """Sum of the CPU limits of all pods, in cores."""
    limits_memory: Quantity
    """Sum of the memory limits of all pods, in bytes."""
    storage: Quantity
    """Sum of the storage that the tenant's volumes ask for, in bytes."""
    pods: Objects
    """Number of pods that are not finished."""
    persistent_volume_claims: Objects
    """Number of volumes."""
    services: Objects
    """Number of Services."""
    config_maps: Objects
    """Number of ConfigMaps."""
    secrets: Objects
    """Number of Secrets."""

    def hard(self) -> dict[str, str]:
        """Return the quota by the names that a ResourceQuota uses for it.

        Node ports and load balancers are always 0: a tenant is reached through the platform's ingress alone.
        """
        return {
            "requests.cpu": self.requests_cpu,
            "requests.memory": self.requests_memory,
            "limits.cpu": self.limits_cpu,
            "limits.memory": self.limits_memory,
            "requests.storage": self.storage,
            "pods": str(self.pods),
            "persistentvolumeclaims": str(self.persistent_volume_claims),
            "services": str(self.services),
            "services.nodeports": "0",
            "services.loadbalancers": "0",
            "configmaps": str(self.config_maps),
            "secrets": str(self.secrets),
        }


class Compute(SpecModel):
    """An amount of CPU and memory."""

    cpu: Quantity
    """In cores."""
    memory: Quantity
    """In bytes."""


class ContainerLimits(SpecModel):
    """What the LimitRange of a tenant's namespace says about a single container."""

    default_request: Compute
    """Requests of a container that states none."""
    default: Compute
    """Limits of a container that states none."""
    min: Compute
    """The least that a container may ask for."""
    max: Compute
    """The most that a container may have as its limit."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a tenant's processes take at most: while all are being replaced and a migration or backup runs."""

    requests_cpu: Decimal
    requests_memory: Decimal
    limits_cpu: Decimal
    limits_memory: Decimal
    pods: int


TASK = Compute(cpu="1", memory="2Gi")
"""Request and limit of the largest task pod (migration, backup) that may run beside the processes."""
TASKS = 2
"""A backup may still run when a migration starts."""


def need_of(processes: Processes) -> Need:
    """Return what ``processes`` take at most: each kind with one pod more than usual, and two tasks."""
    sizes = [(size, size.replicas + 1) for _, size in processes.each()]
    task_cpu, task_memory = TASKS * quantity_value(TASK.cpu), TASKS * quantity_value(TASK.memory)
    return Need(
        requests_cpu=sum((quantity_value(s.cpu_request) * n for s, n in sizes), task_cpu),
        requests_memory=sum((quantity_value(s.memory_request) * n for s, n in sizes), task_memory),
        limits_cpu=sum((quantity_value(s.cpu_limit) * n for s, n in sizes), task_cpu),
        limits_memory=sum((quantity_value(s.memory_limit) * n for s, n in sizes), task_memory),
        pods=sum(n for _, n in sizes) + TASKS,
    )


@dataclass(frozen=True, kw_only=True)
class ConnectionLine:
    """What one kind of process takes of PostgreSQL's connections, and how the number comes about."""

    process: Process
    connections: int
    sum: str


def connection_lines(processes: Processes, web_pool: int = 0) -> tuple[ConnectionLine, ...]:
    """Return the server connections that each kind of process takes at most, with one pod more of each direct kind.

    Web goes through the transaction pooler and holds one for each worker, or what the pooler may hold for a tenant
    (``web_pool``) where that is more; the pool does not grow while pods are replaced. All others connect directly:
    ``pods x workers x db_maxconn``.
    """
    web = processes.web
    workers = web.replicas * web.workers
    pooled = (
        f"pool of {web_pool}" if web_pool > workers else f"{web.replicas} x {web.workers} through the pooler"
    )
    direct = (
        ConnectionLine(
            process=kind,
            connections=(size.replicas + 1) * size.workers * size.db_maxconn,
            sum=f"({size.replicas} + 1) x {size.workers} x {size.db_maxconn}",
        )
        for kind, size in processes.each()
        if kind is not Process.WEB
    )
    return (ConnectionLine(process=Process.WEB, connections=max(workers, web_pool), sum=pooled), *direct)


def connections_of(processes: Processes, web_pool: int = 0) -> int:
    """Return the server connections that ``processes`` take at most: the sum of ``connection_lines``."""
    return sum(line.connections for line in connection_lines(processes, web_pool))


def shortfalls(processes: Processes, quota: Quota) -> dict[str, str]:
    """Return the fields of ``quota`` that ``processes`` do not fit in, each with the least that would do."""
    need = need_of(processes)
    short: dict[str, str] = {}
    if quantity_value(quota.requests_cpu) < need.requests_cpu:
        short["requests_cpu"] = cpu_text(need.requests_cpu)
    if quantity_value(quota.requests_memory) < need.requests_memory:
        short["requests_memory"] = memory_text(need.requests_memory)
    if quantity_value(quota.limits_cpu) < need.limits_cpu:
        short["limits_cpu"] = cpu_text(need.limits_cpu)
    if quantity_value(quota.limits_memory) < need.limits_memory:
        short["limits_memory"] = memory_text(need.limits_memory)
    if quota.pods < need.pods:
        short["pods"] = str(need.pods)
    return short
