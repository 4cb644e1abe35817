"""An environment as components: admission, the platform, delivery and monitoring, the cells and their tenants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.admission.component import Admission, AdmissionArgs
from components.cells.component import Cell, CellArgs, CellOutputs
from components.delivery.component import Delivery, DeliveryArgs
from components.monitoring.component import Monitoring, MonitoringArgs
from components.plan import EnvironmentPlan
from components.platform.component import Platform, PlatformArgs, PlatformOutputs
from components.recovery.component import Recovery, RecoveryArgs
from components.tenancy.component import Tenant, TenantArgs, TenantOutputs


@dataclass(frozen=True, kw_only=True)
class EnvironmentOutputs:
    """What an environment offers to whoever reads its stack; cells and tenants by id."""

    platform: PlatformOutputs
    cells: Mapping[str, CellOutputs]
    tenants: Mapping[str, TenantOutputs]


def build_environment(
    plan: EnvironmentPlan, provider: pulumi.ProviderResource, operators: Sequence[pulumi.Resource] = ()
) -> EnvironmentOutputs:
    """Declare a planned environment; everything in it goes through `provider`.

    Objects of kinds that operators bring wait for `operators`; where there are none, they are there already.

    Cells and tenants are named after their namespaces, which no cell shares with a tenant.
    """
    top = pulumi.ResourceOptions(providers=[provider])
    Admission("admission", AdmissionArgs(plan=plan.admission), top)
    platform = Platform("platform", PlatformArgs(plan=plan.platform), top)
    Delivery("delivery", DeliveryArgs(plan=plan.delivery, operators=operators), top)
    Monitoring("monitoring", MonitoringArgs(plan=plan.monitoring, operators=operators), top)
    cells = {
        cell.cell: Cell(cell.namespace, CellArgs(plan=cell, operators=operators), top) for cell in plan.cells
    }
    tenants = {
        tenant.tenant: Tenant(
            tenant.namespace,
            TenantArgs(plan=tenant, cell=cells[tenant.cell].outputs),
            pulumi.ResourceOptions(parent=cells[tenant.cell]),
        )
        for tenant in plan.tenants
    }
    if plan.recovery is not None:
        Recovery("recovery", RecoveryArgs(plan=plan.recovery, operators=operators), top)
    return EnvironmentOutputs(
        platform=platform.outputs,
        cells={cell_id: cell.outputs for cell_id, cell in cells.items()},
        tenants={tenant_id: tenant.outputs for tenant_id, tenant in tenants.items()},
    )
