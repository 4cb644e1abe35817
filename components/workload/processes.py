"""The sizes of a tenant's processes as Odoo and Kubernetes want them, and between which numbers they scale.

The arithmetic, whose figures and sources are in the tier table (`spec.tiers`):

* soft limit of a worker = (memory limit of the pod - 256 MiB for the parent) / workers. So all workers together reach
  their limits, and are recycled one by one, before the kernel would end the pod.
* hard limit = 5/4 of it, the proportion of Odoo's own defaults (2048 and 2560 MiB).
* the tier's number of pods is for the busiest day. Web and jobs have fewer on others, and all of them before a season.
* web scales beyond it, up to what the quota bears while pods are replaced. Its server connections do not grow with
  it: the pooler holds one for each of the tier's workers, and more workers wait for a moment.
* jobs scale down from the tier's number and never above it, because each of their connections is a server connection
  that the cell's budget has to bear. Websocket and cron do not scale: one holds what is connected, the other waits.
"""

from datetime import date
from typing import Final

from components.workload.peaks import least_pods, office_window, peak_windows
from components.workload.values import PARENT_BYTES, OdooLimits, ProcessValues, Resources, Scaling
from spec.aws import OfficeHours
from spec.quantity import quantity_value
from spec.sizes import TASK, Process, ProcessSize, shortfalls
from spec.tenant import TenantSpec

CPU_PERCENT: Final = 70
"""A pod that starts takes half a minute to load its modules; 30 % is the room to wait for it. Chosen, not measured."""
SURGE: Final = 2
"""Most web pods, as a multiple of the tier's number: room for a day that nobody foresaw. Chosen, not measured."""
_TIMES: Final[dict[Process, tuple[int, int]]] = {
    Process.WEB: (60, 120),
    Process.WEBSOCKET: (60, 120),
    Process.CRON: (1800, 3600),
    Process.JOBS: (900, 1800),
}
"""Seconds of CPU and of the clock after which Odoo ends a request or a task: its own default for what people wait
for. Accounting and imports run longer, and nobody waits."""


def process_values(kind: Process, size: ProcessSize, scaling: Scaling | None) -> ProcessValues:
    """Return one kind of process with its limits; `scaling` is None where the number of pods never changes."""
    soft = (int(quantity_value(size.memory_limit)) - PARENT_BYTES) // size.workers
    cpu, real = _TIMES[kind]
    return ProcessValues(
        replicas=size.replicas,
        odoo=OdooLimits(
            workers=size.workers,
            db_maxconn=size.db_maxconn,
            memory_soft=soft,
            memory_hard=soft * 5 // 4,
            time_cpu=cpu,
            time_real=real,
        ),
        resources=Resources(
            cpu_request=size.cpu_request,
            cpu_limit=size.cpu_limit,
            memory_request=size.memory_request,
            memory_limit=size.memory_limit,
        ),
        scaling=scaling,
    )


def task_resources() -> Resources:
    """Return what a migration or rehearsal may take; the quota keeps room for two of them."""
    return Resources(
        cpu_request=TASK.cpu, cpu_limit=TASK.cpu, memory_request=TASK.memory, memory_limit=TASK.memory
    )


def most_web_pods(tenant: TenantSpec) -> int:
    """Return how many web pods there may be: twice the tier's, as far as the quota bears it during a rollout."""
    preset = tenant.preset
    size = count = preset.processes.web.replicas
    while count < SURGE * size:
        larger = preset.processes.web.model_copy(update={"replicas": count + 1})
        if shortfalls(preset.processes.model_copy(update={"web": larger}), preset.quota):
            break
        count += 1
    return count


def scaling_of(
    kind: Process, tenant: TenantSpec, hours: OfficeHours | None, *, scaled: bool, today: date
) -> Scaling | None:
    """Return between which numbers one kind of process scales, or None.

    Args:
        kind: of process.
        tenant: whose.
        hours: of an environment that sleeps; None for one that never does.
        scaled: whether there is something that scales, which the embedded environment does not have.
        today: the day by which a season of a single year is judged.

    """
    size = dict(tenant.preset.processes.each())[kind].replicas
    if not scaled:
        return None
    if hours is not None:
        return Scaling(min=0, max=size, windows=(office_window(hours, size),))
    if kind not in {Process.WEB, Process.JOBS}:
        return None
    most = most_web_pods(tenant) if kind is Process.WEB else size
    least = least_pods(tenant, size)
    if least == most:
        return None
    return Scaling(min=least, max=most, cpu_percent=CPU_PERCENT, windows=peak_windows(tenant, size, today))
