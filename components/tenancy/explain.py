"""A tenant explained: what its facts ask for, what its file chose, and everything that will exist for it.

Pure, like the plan that it tells about: no engine, no cluster.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from components.cache.plan import PORT, in_pods
from components.database.plan import has_databases
from components.database.tenants import connection_limit
from components.tenancy.plan import TenantPlan, plan_tenant
from spec.capacity import capacity_of, load_of, total
from spec.databases import DATABASES, POSTGRES_MAJOR, instances_in
from spec.fleet import Fleet
from spec.naming import cache_host, database_host, pooler_host
from spec.quantity import memory_text
from spec.recommend import Recommendation, recommend
from spec.sizes import Process, ProcessSize, connection_lines
from spec.tenant import TenantSpec
from spec.tiers import RETENTION
from spec.vocabulary import TenantState


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What to tell about a tenant, as sentences and rows. `plan` is None when nothing of it is left."""

    title: str
    reasoning: tuple[str, ...]
    """Why this tier and ring: each demand, the verdict, each waiver."""
    guarantees: tuple[str, ...]
    """Where it stands, what it may use, what is kept for how long."""
    sizes: tuple[tuple[Process, ProcessSize], ...]
    plan: TenantPlan | None


def explain(tenant: TenantSpec, fleet: Fleet, today: date) -> Explanation:
    """Explain a tenant of a checked fleet, as of ``today``."""
    gone = tenant.state is TenantState.PURGED
    recommendation = recommend(tenant)
    plan = None if gone else plan_tenant(tenant, fleet.environment)
    return Explanation(
        title=f"{tenant.display_name} ({tenant.id}) in {fleet.environment.name}, {tenant.state}",
        reasoning=(
            *recommendation.reasons,
            *_verdict(tenant, recommendation),
            *(_waiver(tenant, place, today) for place in range(len(tenant.waivers))),
        ),
        guarantees=(_tombstone(tenant),) if plan is None else (*plan.reasons, *_guarantees(tenant, fleet)),
        sizes=() if gone else tuple(tenant.preset.processes.each()),
        plan=plan,
    )


def _verdict(tenant: TenantSpec, recommendation: Recommendation) -> tuple[str, str]:
    tiers, rings = (recommendation.tier, tenant.tier), (recommendation.ring, tenant.ring)
    tier = "as recommended" if len(set(tiers)) == 1 else f"where {tiers[0].value} is recommended"
    ring = "as recommended" if len(set(rings)) == 1 else f"where {int(rings[0])} is recommended"
    return (
        f"The file chooses tier {tenant.tier.value}, {tier}.",
        f"The file chooses ring {int(tenant.ring)} ({tenant.ring.name.lower()}), {ring}.",
    )


def _waiver(tenant: TenantSpec, place: int, today: date) -> str:
    waiver = tenant.waivers[place]
    left = (waiver.expires - today).days
    return (
        f"{waiver.owner} waives {waiver.rule} until {waiver.expires} ({left} days left): "
        f"{waiver.reason.rstrip('.')}."
    )


def _guarantees(tenant: TenantSpec, fleet: Fleet) -> tuple[str, ...]:
    cell = fleet.environment.cells[tenant.cell]
    preset, own = tenant.preset, load_of(tenant, cell)
    used, there = total(fleet.in_cell(tenant.cell), cell), capacity_of(cell)
    retention = RETENTION[preset.backup_class]
    place = (
        f"Cell {tenant.cell} ({cell.tier}, {cell.jurisdiction}): {used.tenants} of {there.tenants} tenants, "
        f"{memory_text(used.storage)} of {memory_text(there.storage)} storage, "
        f"{used.connections} of {there.connections} connections are taken; "
        f"{memory_text(own.storage)} and {own.connections} of them by this tenant."
    )
    backups = (
        f"Backups are kept for {retention.days} days ({preset.backup_class}). At most {_words(preset.rpo)} of "
        f"work are lost (RPO), and a restore takes at most {_words(preset.rto)} (RTO): promises, which "
        "restore drills measure."
    )
    machines = (
        f"Nodes: {preset.node_pool}. Priority: {preset.priority_class.name}. Files: {preset.storage_class}."
    )
    databases = (
        (_connections(tenant, fleet), _database(tenant, fleet)) if has_databases(fleet.environment) else ()
    )
    return place, *databases, machines, backups, f"Reached by {', '.join(tenant.domains)}."


def _connections(tenant: TenantSpec, fleet: Fleet) -> str:
    cell = fleet.environment.cells[tenant.cell]
    lines = connection_lines(tenant.preset.processes, cell.web_pool)
    sums = " + ".join(f"{line.process} {line.connections} ({line.sum})" for line in lines)
    web = tenant.preset.processes.web
    workers = web.replicas * web.workers
    shared = (
        f" Its {workers} web workers share {cell.web_pool} pooled ones: raise web_pool of the cell if they wait."
        if workers > cell.web_pool
        else ""
    )
    return (
        f"Connections: {sums} = {load_of(tenant, cell).connections}; PostgreSQL gives its role at most "
        f"{connection_limit(tenant, fleet.environment)}, two tasks included.{shared}"
    )


def _database(tenant: TenantSpec, fleet: Fleet) -> str:
    instances = instances_in(tenant.tier, fleet.environment.name)
    durability = f", durability {DATABASES[tenant.tier].durability}" if instances > 1 else ""
    cache = f", sessions at {cache_host(tenant.cell)}:{PORT}" if in_pods(fleet.environment) else ""
    return (
        f"Database {tenant.id}: {instances} instance{'s' if instances > 1 else ''} of PostgreSQL "
        f"{POSTGRES_MAJOR}{durability}; web through {pooler_host(tenant.cell)}, all others to "
        f"{database_host(tenant.cell)}{cache}."
    )


def _tombstone(tenant: TenantSpec) -> str:
    return (
        "Once the purge is applied, nothing exists for it. The file keeps its id and its domains from being "
        f"used again by accident ({', '.join(tenant.domains)})."
    )


def _words(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes % 60:
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{minutes // 60} hour{'s' if minutes > 60 else ''}"  # noqa: PLR2004 - minutes of an hour
