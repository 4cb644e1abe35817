"""The plan of a whole environment: everything that will exist, before anything is registered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.admission.plan import AdmissionPlan, plan_admission
from components.cells.plan import CellPlan, plan_cell
from components.delivery.plan import DeliveryPlan, plan_delivery
from components.delivery.projects import emergency_windows
from components.manifests import KubeObject
from components.monitoring.plan import MonitoringPlan, plan_monitoring
from components.platform.plan import PlatformPlan, plan_platform
from components.recovery.plan import RecoveryPlan, plan_recovery
from components.tenancy.plan import TenantPlan, plan_tenant
from release.windows import Exemption
from spec.fleet import Fleet
from spec.lifecycle import NONE_APPLIED, AppliedTenants, removed


@dataclass(frozen=True, kw_only=True)
class EnvironmentPlan:
    """Admission, the platform, delivery, what watches it, the cells and their tenants by their ids, and recovery."""

    admission: AdmissionPlan
    platform: PlatformPlan
    delivery: DeliveryPlan
    monitoring: MonitoringPlan
    cells: tuple[CellPlan, ...]
    tenants: tuple[TenantPlan, ...]
    recovery: RecoveryPlan | None
    """None where tenants are not backed up one by one."""

    @property
    def resources(self) -> int:
        """How many resources the engine will count: the objects, their components, the provider, the stack."""
        components = 4 + len(self.cells) + len(self.tenants) + (self.recovery is not None)
        return sum(1 for _ in self.objects()) + components + 2

    def objects(self) -> Iterator[KubeObject]:
        """Every object of the environment, in the order in which it is declared."""
        for part in (
            self.admission,
            self.platform,
            self.delivery,
            self.monitoring,
            *self.cells,
            *self.tenants,
        ):
            yield from part.objects
        if self.recovery is not None:
            yield from self.recovery.objects


def plan_environment(
    fleet: Fleet,
    applied: AppliedTenants = NONE_APPLIED,
    exemptions: Sequence[Exemption] = (),
    released: Sequence[str] = (),
) -> EnvironmentPlan:
    """Plan an environment from a checked fleet. Takes time in proportion to its tenants.

    `applied` is what exists (see `spec.lifecycle`): it decides which step of a purge this run takes, and
    nothing else. `exemptions` are the emergencies that open a frozen tenant to people for a time.
    `released` are the images of the releases, which tenants' pods may run (`release.facts.released_images`).
    """
    environment = fleet.environment
    tenants = tuple(
        tenant
        for tenant in sorted(fleet.tenants, key=lambda tenant: tenant.id)
        if not removed(tenant, applied)
    )
    return EnvironmentPlan(
        admission=plan_admission(environment, released),
        platform=plan_platform(environment),
        delivery=plan_delivery(fleet),
        monitoring=plan_monitoring(environment),
        cells=tuple(
            plan_cell(cell_id, cell, environment) for cell_id, cell in sorted(environment.cells.items())
        ),
        tenants=tuple(
            plan_tenant(tenant, environment, emergency_windows(tenant, fleet, exemptions))
            for tenant in tenants
        ),
        recovery=plan_recovery(environment, tenants),
    )
