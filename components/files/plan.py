"""Which file systems an environment in AWS has, and what of them each tenant sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.backup.plan import backup_tag
from components.iam import Statement, document
from components.tagging import tags
from spec.aws import AwsSpec
from spec.cloud_names import physical
from spec.environment import CellSpec, EnvironmentSpec
from spec.naming import tenant_namespace
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName, Sensitivity, TenantState

NFS_PORT: Final = 2049
USER: Final = 101
"""User and group that every file of a tenant belongs to, whatever a process says: that of Odoo's own image."""
PERMISSIONS: Final = "0750"
"""Of a tenant's folder, when it is made."""
PATH_LIMIT: Final = 100
"""Longest path of an access point that EFS takes, in characters."""
ACCESS_POINT_LIMIT: Final = 1000
"""Most access points of a file system; a cell holds 40 tenants."""

_RANK: Final = tuple(Sensitivity)


@dataclass(frozen=True, kw_only=True)
class AccessPointPlan:
    """What one tenant sees of a file system: its own folder, as the top of everything."""

    key: str
    tenant: str
    path: str
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class FileSystemPlan:
    """The file system of a cell, and whether it is replicated to the second region."""

    key: str
    cell: str
    name: str
    policy: str
    points: tuple[AccessPointPlan, ...]
    far_region: str | None
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class FilesPlan:
    """All file systems, and the security group through which nodes reach them."""

    group: str
    systems: tuple[FileSystemPlan, ...]
    tags: Mapping[str, str]
    reasons: tuple[str, ...]


def sensitivity_of(tenants: Sequence[TenantSpec]) -> Sensitivity:
    """Return the class of what several tenants share: that of the most sensitive, and personal at least."""
    found = [Sensitivity.PERSONAL, *(tenant.data_sensitivity for tenant in tenants)]
    return max(found, key=_RANK.index)


def plan_files(environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec]) -> FilesPlan:
    """Plan a file system for each cell. No cell's depends on another's tenants.

    Raises:
        ValueError: the path of a tenant's folder is longer than EFS takes.

    """
    return FilesPlan(
        group=physical(environment, "files"),
        systems=tuple(
            _system(environment, aws, cell, spec, [each for each in tenants if each.cell == cell])
            for cell, spec in sorted(environment.cells.items())
        ),
        tags=tags(environment, data_class=Sensitivity.INTERNAL),
        reasons=(
            "One file system a cell, because a cell is what is lost and restored together; it costs nothing empty.",
            (
                "A tenant's volume is an access point: EFS shows it its own folder only, as one user, whatever the "
                "process in the pod claims to be."
            ),
        ),
    )


def _system(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    cell: str,
    spec: CellSpec,
    tenants: Sequence[TenantSpec],
) -> FileSystemPlan:
    name = physical(environment, cell)
    # What stands by has files once it takes over; production's are replicated as they are written.
    far = aws.dr_region if environment.name is EnvironmentName.PRODUCTION else None
    return FileSystemPlan(
        key=cell,
        cell=cell,
        name=name,
        policy=_policy(),
        points=tuple(
            _point(environment, aws, tenant) for tenant in tenants if tenant.state is not TenantState.PURGED
        ),
        far_region=far,
        tags={
            **tags(
                environment,
                data_class=sensitivity_of(tenants),
                cell=cell,
                tier=spec.tier,
                residency=aws.jurisdiction,
            ),
            **backup_tag(environment, spec.tier),
            "Name": name,
        },
        why=f"Files of the tenants of cell {cell}."
        + (
            ""
            if far is None
            else f" A replica in {far} follows within minutes; backups are taken every night."
        ),
    )


def _point(environment: EnvironmentSpec, aws: AwsSpec, tenant: TenantSpec) -> AccessPointPlan:
    path = f"/{tenant_namespace(tenant.id)}"
    if len(path) > PATH_LIMIT:
        raise ValueError(f"{path} is no path of an access point: it is longer than {PATH_LIMIT} characters")
    return AccessPointPlan(
        key=tenant.id,
        tenant=tenant.id,
        path=path,
        tags={
            **tags(
                environment,
                data_class=tenant.data_sensitivity,
                cost_centre=tenant.cost_centre,
                tenant=tenant.id,
                tier=tenant.tier,
                cell=tenant.cell,
                residency=aws.jurisdiction,
            ),
            "Name": tenant_namespace(tenant.id),
        },
    )


def _policy() -> str:
    """Return the policy of a file system: by TLS only, and through an access point only."""
    everybody = {"AWS": "*"}
    return document(
        Statement(
            sid="Mount",
            actions=("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"),
            resources=("*",),
            principal=everybody,
            condition={"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
        ),
        Statement(
            sid="OnlyByTls",
            effect="Deny",
            actions=("*",),
            resources=("*",),
            principal=everybody,
            condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
        Statement(
            sid="OnlyOwnFolder",
            effect="Deny",
            actions=("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"),
            resources=("*",),
            principal=everybody,
            condition={"Null": {"elasticfilesystem:AccessPointArn": "true"}},
        ),
        Statement(
            sid="NobodyIsRoot",
            effect="Deny",
            actions=("elasticfilesystem:ClientRootAccess",),
            resources=("*",),
            principal=everybody,
        ),
    )
