"""The plan of a whole environment: everything that will exist, before anything is registered."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.cells.plan import CellPlan, plan_cell
from components.manifests import KubeObject
from components.platform.plan import PlatformPlan, plan_platform
from components.tenancy.plan import TenantPlan, plan_tenant
from spec.fleet import Fleet


@dataclass(frozen=True, kw_only=True)
class EnvironmentPlan:
    """The platform, its cells and their tenants, each in the order of their ids."""

    platform: PlatformPlan
    cells: tuple[CellPlan, ...]
    tenants: tuple[TenantPlan, ...]

    @property
    def resources(self) -> int:
        """How many resources the engine will count: the objects, their components, the provider, the stack."""
        components = 1 + len(self.cells) + len(self.tenants)
        return sum(1 for _ in self.objects()) + components + 2

    def objects(self) -> Iterator[KubeObject]:
        """Every object of the environment, in the order in which it is declared."""
        yield from self.platform.objects
        for part in (*self.cells, *self.tenants):
            yield from part.objects


def plan_environment(fleet: Fleet) -> EnvironmentPlan:
    """Plan an environment from a checked fleet. Takes time in proportion to its tenants."""
    environment = fleet.environment
    return EnvironmentPlan(
        platform=plan_platform(environment),
        cells=tuple(
            plan_cell(cell_id, cell, environment) for cell_id, cell in sorted(environment.cells.items())
        ),
        tenants=tuple(
            plan_tenant(tenant, environment) for tenant in sorted(fleet.tenants, key=lambda tenant: tenant.id)
        ),
    )
