"""The checks between files: what is right in each by itself may still be wrong together."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date

from spec.aws_checks import check_aws
from spec.capacity import capacity_of, load_of, total
from spec.environment import CONNECTION_LIMIT, CellSpec, EnvironmentSpec
from spec.naming import tenant_namespace
from spec.offboarding import purge_day
from spec.problems import Problem, closest, either, shown, suggestion
from spec.quantity import memory_text
from spec.residency import chosen
from spec.sizes import connection_lines
from spec.tenant import TenantSpec
from spec.tiers import RESERVED_CONNECTIONS, TIERS
from spec.vocabulary import TenantState
from spec.waivers import check_waivers


def check_files(tenants: Sequence[TenantSpec], today: date) -> list[Problem]:
    """Return what is wrong in any environment, as of ``today``.

    Between files: host names, derived names, catalogues. In each: facts against choices, waivers, dates.
    """
    problems = [*_shared_domains(tenants), *_colliding_names(tenants), *_foreign_catalogues(tenants)]
    for tenant in tenants:
        problems += check_waivers(tenant, today)
        problems += _records_of_the_future(tenant, today)
    return problems


def check_environment(
    environment: EnvironmentSpec, tenants: Sequence[TenantSpec], ids: Collection[str]
) -> list[Problem]:
    """Return what is wrong between an environment and the tenants that it chooses.

    Args:
        environment: the environment.
        tenants: the tenants whose files are right by themselves.
        ids: the ids of all tenant files, whether right or not.

    """
    problems = list(_unknown_tenants(environment, ids))
    wanted = ids if environment.tenants == "all" else chosen(environment, tenants)
    # What was purged needs no cell, and its cell may be gone as well.
    residents = [
        tenant for tenant in tenants if tenant.id in wanted and tenant.state is not TenantState.PURGED
    ]
    for tenant in residents:
        problems += _placement(environment, tenant)
        problems += _integrations(environment, tenant)
    problems += check_aws(environment, residents)
    return problems + list(_full_cells(environment, residents))


def file_of(tenant: TenantSpec) -> str:
    """Return the path of a tenant's file, relative to the project."""
    return f"tenants/{tenant.id}.yaml"


def _shared_domains(tenants: Sequence[TenantSpec]) -> Iterator[Problem]:
    owners: dict[str, TenantSpec] = {}
    for tenant in _tombstones_first(tenants):
        for place, name in enumerate(tenant.domains):
            owner = owners.setdefault(name, tenant)
            if owner is not tenant and owner.state is TenantState.PURGED:
                message = f"belonged to {owner.id}, which was purged ({file_of(owner)})"
                fix = "choose another; if old links and certificates may lead here, remove the purged one's file"
            elif owner is not tenant:
                message = f"already belongs to {owner.id} ({file_of(owner)})"
                fix = "remove it here, or from the other"
            elif tenant.domains.index(name) != place:
                message, fix = "stands twice", "remove this line"
            else:
                continue
            yield Problem(
                file=file_of(tenant),
                field=f"domains[{place}]",
                value=shown(name),
                message=message,
                allowed="a host name that no other tenant has",
                fix=fix,
            )


def _colliding_names(tenants: Sequence[TenantSpec]) -> Iterator[Problem]:
    holders: dict[str, TenantSpec] = {}
    for tenant in _tombstones_first(tenants):
        namespace = tenant_namespace(tenant.id)
        holder = holders.setdefault(namespace, tenant)
        if holder is not tenant:
            yield Problem(
                file=file_of(tenant),
                value=shown(tenant.id),
                message=f"gets the same namespace as {file_of(holder)}: {namespace}",
                allowed="an id whose shortened name is its own; up to 61 characters nothing is shortened",
                fix="choose a shorter id and rename the file",
            )


def _foreign_catalogues(tenants: Sequence[TenantSpec]) -> Iterator[Problem]:
    owners: dict[str, TenantSpec] = {}
    for tenant in tenants:
        if tenant.catalogue is None:
            continue
        owner = owners.setdefault(tenant.catalogue, tenant)
        if owner.group != tenant.group:
            yield Problem(
                file=file_of(tenant),
                field="catalogue",
                value=shown(tenant.catalogue),
                message=f"is the catalogue of another group, {owner.group} ({file_of(owner)})",
                allowed=f"a catalogue of the group {tenant.group}, or none",
            )


def _unknown_tenants(environment: EnvironmentSpec, known: Collection[str]) -> Iterator[Problem]:
    if isinstance(environment.tenants, str):
        return
    for place, wanted in enumerate(environment.tenants):
        if wanted not in known:
            yield Problem(
                file=f"stacks/Pulumi.{environment.name}.yaml",
                field=f"tenants[{place}]",
                value=shown(wanted),
                message="there is no tenant file of this name",
                fix=suggestion(wanted, known, f"add tenants/{wanted}.yaml or remove the line"),
            )


def _placement(environment: EnvironmentSpec, tenant: TenantSpec) -> Iterator[Problem]:
    cell = environment.cells.get(tenant.cell)
    fitting = [
        name
        for name, each in environment.cells.items()
        if each.tier is tenant.tier and each.jurisdiction is tenant.residency
    ]
    allowed = (
        f"a {tenant.tier} cell in {tenant.residency}: {either(fitting) if fitting else 'there is none yet'}"
    )
    stack = f"stacks/Pulumi.{environment.name}.yaml"

    def problem(message: str, fix: str) -> Problem:
        return Problem(
            file=file_of(tenant),
            field="cell",
            value=shown(tenant.cell),
            message=message,
            allowed=allowed,
            fix=fix,
        )

    if cell is None:
        nearest = closest(tenant.cell, fitting or environment.cells)
        fix = f"did you mean {nearest}?" if nearest else f"choose a cell of {stack}, or add this one there"
        yield problem(f"the environment {environment.name} has no cell of this name", fix)
        return
    if cell.tier is not tenant.tier:
        fix = f"choose another cell, or tier: {cell.tier}"
        yield problem(f"holds {cell.tier} tenants, and this one is {tenant.tier}", fix)
    if cell.jurisdiction is not tenant.residency:
        message = f"keeps its data in {cell.jurisdiction}, and this tenant's must stay in {tenant.residency}"
        yield problem(message, "choose another cell, or correct residency")


def _integrations(environment: EnvironmentSpec, tenant: TenantSpec) -> Iterator[Problem]:
    for place, name in enumerate(tenant.integrations):
        if name not in environment.peers:
            stack = f"stacks/Pulumi.{environment.name}.yaml"
            known = either(sorted(environment.peers)) if environment.peers else "none yet"
            yield Problem(
                file=file_of(tenant),
                field=f"integrations[{place}]",
                value=shown(name),
                message=f"the environment {environment.name} has no peer of this name",
                allowed=known,
                fix=suggestion(name, environment.peers, f"add it under peers in {stack}"),
            )


def _full_cells(environment: EnvironmentSpec, residents: Sequence[TenantSpec]) -> Iterator[Problem]:
    by_cell: dict[str, list[TenantSpec]] = {}
    for tenant in residents:
        by_cell.setdefault(tenant.cell, []).append(tenant)
    for name, cell in environment.cells.items():
        members = by_cell.get(name, [])
        yield from _too_many(name, cell, members)
        yield from _too_large(environment, name, cell, members)


def _too_many(name: str, cell: CellSpec, members: Sequence[TenantSpec]) -> Iterator[Problem]:
    most = TIERS[cell.tier].max_tenants
    raise_it = f", raise max_tenants of {name} (at most {most})" if cell.max_tenants < most else ""
    for tenant in members[cell.max_tenants :]:
        yield Problem(
            file=file_of(tenant),
            field="cell",
            value=shown(name),
            message=f"is full: it holds {cell.max_tenants} and {len(members)} tenants ask for it",
            allowed=f"at most {cell.max_tenants} tenants in {name}",
            fix=f"choose another {cell.tier} cell in {cell.jurisdiction}{raise_it}, or add a cell",
        )


def _too_large(
    environment: EnvironmentSpec, name: str, cell: CellSpec, members: Sequence[TenantSpec]
) -> Iterator[Problem]:
    # Their number is a problem of its own: here it must not hide the others, or be told twice.
    capacity = replace(capacity_of(cell), tenants=len(members))
    needed = total(members, cell)
    beyond = needed.beyond(capacity)
    if not beyond:
        return
    by_storage = needed.storage > capacity.storage
    loads = {each.id: load_of(each, cell) for each in members}
    largest = sorted(
        members,
        key=lambda each: (-(loads[each.id].storage if by_storage else loads[each.id].connections), each.id),
    )
    shares = ", ".join(
        f"{each.id} {memory_text(loads[each.id].storage) if by_storage else _sum_of(each, cell)}"
        for each in largest[:3]
    )
    number = "1 tenant" if len(members) == 1 else f"{len(members)} tenants"
    enough = needed.connections + RESERVED_CONNECTIONS
    remedy = (
        "lower overrides.database_storage of the largest, raise storage of the cell"
        if by_storage
        else f"lower the largest overrides, raise max_connections (at most {CONNECTION_LIMIT})"
    )
    yield Problem(
        file=f"stacks/Pulumi.{environment.name}.yaml",
        field=f"cells.{name}",
        message=f"cannot hold its {number}: it would need {', and '.join(beyond)}",
        value=f"the largest: {shares}",
        allowed=f"storage of {memory_text(needed.storage)} or more"
        if by_storage
        else f"max_connections of {enough} or more, or fewer processes",
        fix=f"{remedy}, or place the newest tenant in another cell",
    )


def _sum_of(tenant: TenantSpec, cell: CellSpec) -> str:
    lines = connection_lines(tenant.preset.processes, cell.web_pool)
    parts = " + ".join(f"{line.process} {line.connections}" for line in lines)
    return f"{sum(line.connections for line in lines)} ({parts})"


def _tombstones_first(tenants: Sequence[TenantSpec]) -> list[TenantSpec]:
    # Whoever comes later is told: what was purged keeps its names until somebody removes its file.
    return sorted(tenants, key=lambda tenant: tenant.state is not TenantState.PURGED)


def _records_of_the_future(tenant: TenantSpec, today: date) -> Iterator[Problem]:
    dated = {
        "final_backup.at": tenant.final_backup.at if tenant.final_backup else None,
        "purge": purge_day(tenant.purge) if tenant.purge else None,
    }
    for field, day in dated.items():
        if day is not None and day > today:
            yield Problem(
                file=file_of(tenant),
                field=field,
                value=shown(str(day)),
                message="is a day to come: what has not happened is not on record",
                allowed=f"{today} (today in UTC) or earlier",
            )
