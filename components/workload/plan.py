"""What runs for one tenant, and why: its file, its tier and its environment as the values of the chart."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

from components.cache.plan import cache_entry
from components.labelling import node_labels, tenant_labels
from components.secrets.plan import TENANT_PREFIX
from components.secrets.store import STORE
from components.workload.edge import edge_values
from components.workload.processes import most_web_pods, process_values, scaling_of
from components.workload.values import (
    CacheValues,
    DatabaseValues,
    ExternalValues,
    FilesValues,
    MigrationValues,
    ProcessValues,
    RehearsalValues,
    ReleaseValues,
    SecretValues,
    Toleration,
    WorkloadValues,
)
from spec import labels
from spec.environment import EnvironmentSpec
from spec.naming import cache_host, database_host, pooler_host, tenant_namespace
from spec.quantity import memory_text, quantity_value
from spec.sizes import Process, ProcessSize
from spec.tenant import TenantSpec
from spec.tiers import NodePool
from spec.vocabulary import TenantState

Phase: TypeAlias = Literal["serve", "maintenance", "migrate"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a release does with a tenant at the moment; at rest it only serves."""

    phase: Phase = "serve"
    migration: MigrationValues | None = None
    rehearsal: RehearsalValues | None = None


AT_REST: Final = Step()


@dataclass(frozen=True, kw_only=True)
class WorkloadPlan:
    """The values of one tenant's chart, and why they are so."""

    tenant: str
    values: WorkloadValues
    reasons: tuple[str, ...]


def plan_workload(
    tenant: TenantSpec,
    environment: EnvironmentSpec,
    release: ReleaseValues,
    *,
    today: date,
    step: Step = AT_REST,
) -> WorkloadPlan | None:
    """Plan what runs for a tenant; None once it is archived, when nothing does.

    Expects a tenant that has passed the fleet's checks, with the domains that it has in this environment. No other
    tenant's file is looked at. A season of a single year is judged by `today`.

    Raises:
        ValidationError: the step does not hang together, such as a migration without a checkpoint.

    """
    if tenant.state not in {TenantState.ACTIVE, TenantState.SUSPENDED}:
        return None
    closed = tenant.state is TenantState.SUSPENDED
    sizes = tenant.preset.processes
    aws = environment.aws

    def process(kind: Process, size: ProcessSize) -> ProcessValues:
        hours = None if aws is None else aws.hours
        scaling = scaling_of(kind, tenant, hours, scaled=aws is not None, today=today)
        return process_values(kind, size, scaling)

    values = WorkloadValues(
        tenant=tenant.id,
        environment=environment.name,
        namespace=tenant_namespace(tenant.id),
        labels=tenant_labels(tenant, environment.name),
        phase="closed" if closed else step.phase,
        release=release,
        priority_class=tenant.preset.priority_class.name,
        node_selector=node_labels(tenant),
        tolerations=_tolerations(tenant),
        database=DatabaseValues(
            name=tenant.id, primary=database_host(tenant.cell), pooler=pooler_host(tenant.cell)
        ),
        cache=_cache(tenant, environment),
        files=FilesValues(storage_class=tenant.preset.storage_class, size=_files_size(tenant)),
        secrets=_secrets(tenant, environment),
        web=process(Process.WEB, sizes.web),
        websocket=process(Process.WEBSOCKET, sizes.websocket),
        cron=process(Process.CRON, sizes.cron),
        jobs=process(Process.JOBS, sizes.jobs),
        edge=edge_values(tenant, environment, most_web_pods(tenant)),
        migration=None if closed else step.migration,
        rehearsal=None if closed else step.rehearsal,
    )
    return WorkloadPlan(tenant=tenant.id, values=values, reasons=tuple(_reasons(environment, values)))


def _tolerations(tenant: TenantSpec) -> tuple[Toleration, ...]:
    if tenant.preset.node_pool is not NodePool.DEDICATED:
        return ()
    return (Toleration(key=labels.POOL, value=NodePool.DEDICATED.value),)


def _cache(tenant: TenantSpec, environment: EnvironmentSpec) -> CacheValues | None:
    if environment.aws is None:
        return None
    managed = environment.aws.cache == "elasticache"
    return CacheValues(host=None if managed else cache_host(tenant.cell), tls=managed)


def _secrets(tenant: TenantSpec, environment: EnvironmentSpec) -> SecretValues:
    if environment.aws is None:
        return SecretValues()
    key = f"{TENANT_PREFIX}{tenant.id}/odoo"
    host = cache_entry(tenant.id) if environment.aws.cache == "elasticache" else None
    return SecretValues(external=ExternalValues(store=STORE, key=key, cache_key=host))


def _files_size(tenant: TenantSpec) -> str:
    """Return half of what the tenant may store: a rehearsal or a restore needs the other half."""
    return memory_text(quantity_value(tenant.preset.quota.storage) / 2)


def _reasons(environment: EnvironmentSpec, values: WorkloadValues) -> Iterator[str]:
    web = values.web
    yield (
        f"{web.replicas} web pods of {web.odoo.workers} workers reach the database through the pooler; websocket, cron "
        "and jobs reach it directly, because they LISTEN."
    )
    if values.phase == "closed":
        yield "The state is suspended: no process runs, and the shop's names answer 503."
    if environment.aws is None:
        yield "Nothing scales here, and sessions stay in the pods: visitors keep to one pod."
        return
    if environment.aws.hours is not None:
        yield "The environment sleeps outside its hours: every process goes to none, and comes back by the clock."
        return
    for kind, process in (("web", web), ("job", values.jobs)):
        scaling = None if process is None else process.scaling
        if process is None or scaling is None:
            continue
        if scaling.windows:
            seasons = ", ".join(window.name for window in scaling.windows)
            yield (
                f"An ordinary day has {scaling.min} {kind} pods. Up to {process.replicas} stand ready on the evening "
                f"before: {seasons}."
            )
        if scaling.max > process.replicas:
            yield f"Beyond that, load alone brings {kind} pods up to {scaling.max}, which the quota bears."
