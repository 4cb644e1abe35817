"""A fleet: an environment and its tenants, checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from spec.calendar_files import NO_CALENDARS, Calendars, check_references, read_calendars
from spec.environment import EnvironmentSpec
from spec.fleet_checks import check_environment, check_files
from spec.folders import files_in
from spec.loader import load_environment, load_tenant, located
from spec.problems import Problem, SpecError, printable, suggestion
from spec.residency import chosen, served
from spec.tenant import TenantSpec

TENANTS_FOLDER: Final = "tenants"
STACKS_FOLDER: Final = "stacks"


@dataclass(frozen=True)
class Fleet:
    """An environment and the tenants that live in it, in the order of their ids."""

    environment: EnvironmentSpec
    tenants: tuple[TenantSpec, ...]
    left_out: tuple[TenantSpec, ...] = ()
    """Tenants that have a file and are not among those that the environment chooses."""
    calendars: Calendars = field(default_factory=lambda: NO_CALENDARS)
    """The calendars by their ids, whether or not a tenant refers to them."""
    root: Path = Path("/")
    """The project that it was read from."""
    day: date = date(2026, 1, 1)
    """The day by which its files were judged, and from which calendars are written out."""

    @cached_property
    def ids_chosen(self) -> frozenset[str]:
        """The ids of the tenants that live here."""
        return frozenset(self._by_id)

    @cached_property
    def _by_id(self) -> Mapping[str, TenantSpec]:
        return {tenant.id: tenant for tenant in self.tenants}

    @cached_property
    def _by_cell(self) -> Mapping[str, tuple[TenantSpec, ...]]:
        cells: dict[str, list[TenantSpec]] = {cell: [] for cell in self.environment.cells}
        for tenant in self.tenants:
            cells.setdefault(tenant.cell, []).append(tenant)
        return {cell: tuple(members) for cell, members in cells.items()}

    def tenant(self, tenant_id: str) -> TenantSpec:
        """Return one tenant.

        Raises:
            SpecError: the environment has no tenant of this id.

        """
        if tenant_id in self._by_id:
            return self._by_id[tenant_id]
        name = printable(tenant_id[:80])
        raise SpecError(
            [
                Problem(
                    file=f"{TENANTS_FOLDER}/{name}.yaml",
                    message=f"the environment {self.environment.name} has no tenant {name}",
                    fix=suggestion(tenant_id, self._by_id, "list them with: storefleet tenants list"),
                )
            ]
        )

    def in_cell(self, cell: str) -> tuple[TenantSpec, ...]:
        """Return the tenants of a cell, in the order of their ids; none for a cell that does not exist."""
        return self._by_cell.get(cell, ())


@dataclass(frozen=True)
class _Reading:
    """What the folder of the tenants gave: the files that are right, the ids of all, and what is wrong."""

    tenants: tuple[TenantSpec, ...]
    ids: frozenset[str]
    calendars: Calendars
    problems: tuple[Problem, ...]


def load_tenants(root: Path, *, today: date | None = None) -> tuple[TenantSpec, ...]:
    """Load every file of ``tenants/``, in the order of the ids.

    Args:
        root: the project.
        today: the day by which waivers and records are judged; the current one in UTC unless stated.

    Raises:
        SpecError: all that is wrong with the files, each by itself and between them.

    """
    reading = _read_tenants(root, today or current_day())
    if reading.problems:
        raise SpecError(located(reading.problems, root))
    return reading.tenants


def current_day() -> date:
    """Return the day by which files are judged: the same for everybody, wherever the command runs."""
    return datetime.now(tz=UTC).date()


def load_fleet(
    root: Path,
    environment_name: str,
    config: Mapping[str, Any] | None = None,
    *,
    today: date | None = None,
) -> Fleet:
    """Load an environment and its tenants, and check them against each other.

    Args:
        root: the project, with its folders ``stacks`` and ``tenants``.
        environment_name: the environment, which is also the name of the stack.
        config: the value of ``storefleet:environment`` where the engine has already read the stack file.
        today: the day by which waivers and records are judged; the current one in UTC unless stated.

    Raises:
        SpecError: everything that is wrong with any of the files, each by itself and between them.

    """
    source = root / STACKS_FOLDER / f"Pulumi.{environment_name}.yaml" if config is None else config
    day = today or current_day()
    reading = _read_tenants(root, day)
    try:
        environment = load_environment(source, environment_name, root)
    except SpecError as error:
        raise SpecError(located([*error.problems, *reading.problems], root)) from None
    problems = [*reading.problems, *check_environment(environment, reading.tenants, reading.ids)]
    if problems:
        raise SpecError(located(problems, root))
    wanted = chosen(environment, reading.tenants)
    residents = tuple(served(environment, tenant) for tenant in reading.tenants if tenant.id in wanted)
    unframed = list(check_references(residents, reading.calendars, environment.name))
    if unframed:
        raise SpecError(located(unframed, root))
    left_out = tuple(each for each in reading.tenants if each.id not in wanted)
    return Fleet(environment, residents, left_out, reading.calendars, root.absolute(), day)


def with_tenant(fleet: Fleet, tenant: TenantSpec, *, today: date) -> Fleet:
    """Return the fleet with one tenant more, checked against the others, whether or not it is chosen here.

    Raises:
        SpecError: what is wrong with it, by itself or beside the others.

    """
    # It comes last, so that what two of them claim is the fault of the newcomer.
    environment, listed = fleet.environment, fleet.environment.tenants
    if not isinstance(listed, str):
        environment = environment.model_copy(update={"tenants": (*listed, tenant.id)})
    residents = (*fleet.tenants, served(environment, tenant))
    everyone = (*fleet.left_out, *residents)
    problems = [
        *check_files(everyone, today),
        *check_environment(environment, residents, {each.id for each in everyone}),
        *check_references([tenant], fleet.calendars, environment.name),
    ]
    if problems:
        raise SpecError(problems)
    tenants = tuple(sorted(residents, key=lambda each: each.id))
    return replace(fleet, environment=environment, tenants=tenants)


def _read_tenants(root: Path, today: date) -> _Reading:
    try:
        paths, overlooked = files_in(root, TENANTS_FOLDER)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        fix = "run the command in the project's folder"
        return _Reading(
            (), frozenset(), NO_CALENDARS, (Problem(file=f"{TENANTS_FOLDER}/", message=message, fix=fix),)
        )
    tenants: list[TenantSpec] = []
    problems = list(overlooked)
    for path in paths:
        try:
            tenants.append(load_tenant(path, root))
        except SpecError as error:
            problems += error.problems
    calendars = read_calendars(root)
    problems += [*check_files(tenants, today), *check_references(tenants, calendars.ids), *calendars.problems]
    return _Reading(
        tuple(tenants), frozenset(path.stem for path in paths), calendars.calendars, tuple(problems)
    )
