"""A fleet: an environment and its tenants, checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from spec.environment import EnvironmentSpec
from spec.fleet_checks import check_environment, check_files
from spec.loader import load_environment, load_tenant, located, name_of
from spec.problems import Problem, SpecError, printable, suggestion
from spec.tenant import TenantSpec

TENANTS_FOLDER: Final = "tenants"
STACKS_FOLDER: Final = "stacks"


@dataclass(frozen=True)
class Fleet:
    """An environment and the tenants that live in it, in the order of their ids."""

    environment: EnvironmentSpec
    tenants: tuple[TenantSpec, ...]

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
    problems: tuple[Problem, ...]


def load_tenants(root: Path) -> tuple[TenantSpec, ...]:
    """Load every file of ``tenants/``, in the order of the ids.

    Raises:
        SpecError: all that is wrong with the files, each by itself and between them.

    """
    reading = _read_tenants(root)
    if reading.problems:
        raise SpecError(located(reading.problems, root))
    return reading.tenants


def load_fleet(root: Path, environment_name: str, config: Mapping[str, Any] | None = None) -> Fleet:
    """Load an environment and its tenants, and check them against each other.

    Args:
        root: the project, with its folders ``stacks`` and ``tenants``.
        environment_name: the environment, which is also the name of the stack.
        config: the value of ``storefleet:environment`` where the engine has already read the stack file.

    Raises:
        SpecError: everything that is wrong with any of the files, each by itself and between them.

    """
    source = root / STACKS_FOLDER / f"Pulumi.{environment_name}.yaml" if config is None else config
    reading = _read_tenants(root)
    try:
        environment = load_environment(source, environment_name, root)
    except SpecError as error:
        raise SpecError(located([*error.problems, *reading.problems], root)) from None
    problems = [*reading.problems, *check_environment(environment, reading.tenants, reading.ids)]
    if problems:
        raise SpecError(located(problems, root))
    chosen = environment.tenants
    if chosen == "all":
        return Fleet(environment, reading.tenants)
    return Fleet(environment, tuple(tenant for tenant in reading.tenants if tenant.id in set(chosen)))


def _read_tenants(root: Path) -> _Reading:
    folder = root / TENANTS_FOLDER
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        fix = "run the command in the project's folder"
        return _Reading((), frozenset(), (Problem(file=f"{TENANTS_FOLDER}/", message=message, fix=fix),))
    tenants: list[TenantSpec] = []
    problems: list[Problem] = []
    for path in paths:
        if path.suffix == ".yaml":
            try:
                tenants.append(load_tenant(path, root))
            except SpecError as error:
                problems += error.problems
        elif path.suffix.lower() in {".yml", ".yaml", ".json"}:
            fix = f"rename it to {printable(path.stem)}.yaml"
            message = "does not end in .yaml, so it would be overlooked"
            problems.append(Problem(file=name_of(path, root), message=message, fix=fix))
    return _Reading(
        tuple(tenants), frozenset(path.stem for path in paths), (*problems, *check_files(tenants))
    )
