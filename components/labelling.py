"""The labels of each kind of object: who it belongs to, and what an auditor or a bill asks about it."""

from spec import labels
from spec.environment import CellSpec
from spec.tenant import TenantSpec
from spec.tiers import NodePool
from spec.vocabulary import EnvironmentName

_POD_SECURITY_MODES = ("enforce", "audit", "warn")


def environment_labels(name: EnvironmentName) -> dict[str, str]:
    """Return the labels of everything in an environment."""
    return {
        labels.MANAGED_BY: labels.MANAGED_BY_VALUE,
        labels.PART_OF: labels.MANAGED_BY_VALUE,
        labels.ENVIRONMENT: name.value,
    }


def cell_labels(cell_id: str, cell: CellSpec, name: EnvironmentName) -> dict[str, str]:
    """Return the labels of everything in a cell. None follows from its tenants: they come and go."""
    return {**environment_labels(name), labels.CELL: cell_id, labels.TIER: cell.tier.value}


def tenant_labels(tenant: TenantSpec, name: EnvironmentName) -> dict[str, str]:
    """Return the labels of everything that belongs to a tenant."""
    return {
        **environment_labels(name),
        labels.TENANT: tenant.id,
        labels.TIER: tenant.tier.value,
        labels.CELL: tenant.cell,
        labels.DATA_CLASS: tenant.data_sensitivity.value,
        labels.COST_CENTRE: tenant.cost_centre,
    }


def node_labels(tenant: TenantSpec) -> dict[str, str]:
    """Return the labels of the nodes on which a tenant's pods run: its own ones, where it pays for any."""
    pool = tenant.preset.node_pool
    own = {labels.TENANT: tenant.id} if pool is NodePool.DEDICATED else {}
    return {labels.POOL: pool.value, **own}


def pod_security_labels(version: str) -> dict[str, str]:
    """Return the labels that hold a namespace to the `restricted` standard, in all three modes.

    The version is pinned so that an upgrade of the cluster does not change what is accepted.
    """
    prefix = "pod-security.kubernetes.io"
    standard = {f"{prefix}/{mode}": "restricted" for mode in _POD_SECURITY_MODES}
    return standard | {f"{prefix}/{mode}-version": version for mode in _POD_SECURITY_MODES}
