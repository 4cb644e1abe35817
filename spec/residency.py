"""Which tenants live in an environment, and under which names."""

from collections.abc import Iterable

from spec.environment import EnvironmentSpec
from spec.tenant import TenantSpec


def chosen(environment: EnvironmentSpec, tenants: Iterable[TenantSpec]) -> frozenset[str]:
    """Return the ids of the tenants that an environment chooses, among those that have a file.

    ``resident`` chooses by two facts of the tenant's file: its data may lie under a law of this environment, and
    its cell is declared here. So no tenant is ever in a region, or has copies there, that its residency excludes.
    """
    if environment.tenants == "all":
        return frozenset(tenant.id for tenant in tenants)
    if environment.tenants == "resident":
        return frozenset(tenant.id for tenant in tenants if is_resident(environment, tenant))
    return frozenset(environment.tenants)


def is_resident(environment: EnvironmentSpec, tenant: TenantSpec) -> bool:
    """Whether a tenant's data may lie in an environment, and its cell is there."""
    return tenant.residency in environment.jurisdictions and tenant.cell in environment.cells


def served(environment: EnvironmentSpec, tenant: TenantSpec) -> TenantSpec:
    """Return a tenant with the domains that it has in an environment: its own, with the suffix of a copy."""
    suffix = environment.domain_suffix
    if suffix is None:
        return tenant
    return tenant.model_copy(update={"domains": tuple(f"{name}.{suffix}" for name in tenant.domains)})
