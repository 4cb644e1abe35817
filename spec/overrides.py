"""Overrides: where a tenant departs from the sizes of its tier, and the check that the result still fits."""

from typing import Any

from spec.model import SpecModel
from spec.problems import refusal
from spec.quantity import quantity_value
from spec.sizes import Objects, Process, Processes, ProcessSize, Replicas, Workers, shortfalls
from spec.tiers import TierPreset
from spec.vocabulary import Quantity


class ProcessOverride(SpecModel):
    """What to change about one kind of process; what is left out stays as the tier has it."""

    replicas: Replicas | None = None
    """Number of pods."""
    workers: Workers | None = None
    """Odoo workers (or cron or job threads) in a pod."""
    cpu_request: Quantity | None = None
    """CPU that a pod is sure to get, in cores."""
    cpu_limit: Quantity | None = None
    """CPU above which a pod is slowed down, in cores."""
    memory_request: Quantity | None = None
    """Memory that a pod is sure to get, in bytes."""
    memory_limit: Quantity | None = None
    """Memory above which a pod is ended, in bytes."""


class ProcessOverrides(SpecModel):
    """What to change about the processes."""

    web: ProcessOverride | None = None
    """Answers browsers and the API."""
    websocket: ProcessOverride | None = None
    """Holds the connections of the bus."""
    cron: ProcessOverride | None = None
    """Runs scheduled actions."""
    jobs: ProcessOverride | None = None
    """Runs queued jobs."""


class QuotaOverride(SpecModel):
    """What to change about the quota of the namespace."""

    requests_cpu: Quantity | None = None
    """Sum of the CPU requests of all pods, in cores."""
    requests_memory: Quantity | None = None
    """Sum of the memory requests of all pods, in bytes."""
    limits_cpu: Quantity | None = None
    """Sum of the CPU limits of all pods, in cores."""
    limits_memory: Quantity | None = None
    """Sum of the memory limits of all pods, in bytes."""
    storage: Quantity | None = None
    """Sum of the storage that the tenant's volumes ask for, in bytes."""
    pods: Objects | None = None
    """Number of pods that are not finished."""


class Overrides(SpecModel):
    """Departures from the tier's sizes. Everything else follows from the tier."""

    processes: ProcessOverrides | None = None
    """Sizes of processes."""
    quota: QuotaOverride | None = None
    """Bounds of the namespace."""
    database_storage: Quantity | None = None
    """What the database may grow to, in bytes: its share of the cell's volume."""


def overridden(preset: TierPreset, overrides: Overrides) -> TierPreset:
    """Return ``preset`` with what ``overrides`` states in place of the tier's own sizes."""
    processes, quota = preset.processes, preset.quota
    changes = overrides.processes
    if changes is not None:
        sizes = {
            kind.value: size.model_copy(update=_stated(getattr(changes, kind.value)))
            for kind, size in processes.each()
        }
        processes = Processes.model_validate(sizes)
    if overrides.quota is not None:
        quota = quota.model_copy(update=_stated(overrides.quota))
    storage = overrides.database_storage or preset.database_storage
    if not overrides.model_fields_set:
        return preset
    changed = {"processes": processes, "quota": quota, "database_storage": storage}
    return preset.model_copy(update=changed)


def refuse_misfits(preset: TierPreset) -> None:
    """Refuse sizes that the cluster would never start: the message is about the tenant's overrides.

    Raises:
        PydanticCustomError: a pod asks for more than its limit or than one container may have, or the
            processes do not fit in the quota while they are being replaced.

    """
    for kind, size in preset.processes.each():
        _refuse_size(kind, size, preset)
    short = shortfalls(preset.processes, preset.quota)
    if short:
        least = ", ".join(f"{field}: {quantity}" for field, quantity in short.items())
        message = "the processes do not fit in the quota while they are being replaced"
        raise refusal(message, at=("overrides",), fix=f"state under overrides.quota at least {least}")


def _refuse_size(kind: Process, size: ProcessSize, preset: TierPreset) -> None:
    most = preset.container_limits.max
    for resource, limit in (("cpu", most.cpu), ("memory", most.memory)):
        requested, limited = getattr(size, f"{resource}_request"), getattr(size, f"{resource}_limit")
        place = ("overrides", "processes", kind.value)
        if quantity_value(requested) > quantity_value(limited):
            message = f"a pod asks for {resource} of {requested}, above its limit of {limited}"
            raise refusal(
                message, at=place, fix=f"state {resource}_limit too, or a smaller {resource}_request"
            )
        if quantity_value(limited) > quantity_value(limit):
            message = f"a pod with a {resource} limit of {limited} would not be started"
            allowed = f"{resource}_limit of at most {limit} in this tier"
            raise refusal(message, at=place, allowed=allowed, fix="use more replicas, or another tier")


def _stated(override: SpecModel | None) -> dict[str, Any]:
    return {} if override is None else override.model_dump(exclude_none=True)
