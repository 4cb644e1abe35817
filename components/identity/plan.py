"""Who may do what in AWS, and why: workloads by exact namespace and service account, people by role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.iam import Statement, assume_by_pod, document
from components.identity.people import PersonRole, plan_people
from components.identity.tenants import by_s3, drilled_objects, found_objects, locked_objects, own_objects
from components.identity.workloads import operator_rights, place_of
from components.keys.plan import KeyPurpose
from components.recovery.jobs import BACKUP, DRILL
from components.storage.plan import Store, plan_storage
from components.tagging import tags
from components.tenancy.plan import SERVICE_ACCOUNT
from components.tenancy.walls import WITH_DATA_ACCESS
from spec.cloud_names import bucket_name, key_alias, role_name
from spec.environment import EnvironmentSpec
from spec.naming import DRILLS, cell_namespace, tenant_namespace
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName, Sensitivity

NOBODY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})
"""No operator calls AWS: none is installed from here."""
BACKUP_ACCOUNT: Final = BACKUP
"""Service account of a tenant's backup Job."""
DATABASE_ACCOUNT: Final = "postgres"
"""Service account of a cell's PostgreSQL cluster; the cluster's name is the same."""


@dataclass(frozen=True, kw_only=True)
class WorkloadRole:
    """A role that pods get. `key` is part of its URN."""

    key: str
    name: str
    trust: str
    policy: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Association:
    """Which pods get a role: those of one service account in one namespace."""

    key: str
    role: str
    """Key of the role."""
    namespace: str
    service_account: str


@dataclass(frozen=True, kw_only=True)
class IdentityPlan:
    """All roles and who gets them; names are physical ones."""

    cluster: str
    roles: tuple[WorkloadRole, ...]
    associations: tuple[Association, ...]
    people: tuple[PersonRole, ...]
    tags: Mapping[str, str]


def plan_identity(
    environment: EnvironmentSpec,
    tenants: Sequence[TenantSpec],
    operators: Mapping[str, tuple[str, str]],
) -> IdentityPlan:
    """Plan the identities of an environment.

    Args:
        environment: the environment; it has an AWS side.
        tenants: those that live here.
        operators: operators that call AWS -> (namespace, service account), as the plan of operators has them.

    Raises:
        ValueError: an operator that calls AWS and of whose rights nothing is known here.

    """
    drills = _drill_roles(environment)
    roles = (*_shared_roles(environment), *drills, *_operator_roles(environment, operators))
    associations = (
        *(each for tenant in tenants for each in _of_tenant(tenant)),
        *(
            Association(
                key=f"cell-{cell}",
                role="cell-backups",
                namespace=cell_namespace(cell),
                service_account=DATABASE_ACCOUNT,
            )
            for cell in sorted(environment.cells)
        ),
        *(
            Association(key=role.key, role=role.key, namespace=DRILLS, service_account=DRILL)
            for role in drills
        ),
        *(
            Association(key=name, role=name, namespace=namespace, service_account=account)
            for name, (namespace, account) in sorted(operators.items())
        ),
    )
    return IdentityPlan(
        cluster=place_of(environment).cluster,
        roles=roles,
        associations=associations,
        people=plan_people(environment),
        tags=tags(environment, data_class=Sensitivity.INTERNAL),
    )


def _of_tenant(tenant: TenantSpec) -> tuple[Association, ...]:
    """Return what a tenant's pods get; one at rest whose data nobody may touch gets nothing."""
    if tenant.state not in WITH_DATA_ACCESS:
        return ()
    namespace = tenant_namespace(tenant.id)
    return (
        Association(
            key=f"tenant-{tenant.id}-files",
            role="tenant-files",
            namespace=namespace,
            service_account=SERVICE_ACCOUNT,
        ),
        Association(
            key=f"tenant-{tenant.id}-backups",
            role="tenant-backups",
            namespace=namespace,
            service_account=BACKUP_ACCOUNT,
        ),
    )


def _shared_roles(environment: EnvironmentSpec) -> tuple[WorkloadRole, ...]:
    tenant, cell = tenant_namespace("*"), cell_namespace("*")
    return (
        _role(
            environment,
            "tenant-files",
            (tenant, SERVICE_ACCOUNT),
            _objects(environment, Store.FILES, KeyPurpose.DATA),
            "One role for all tenants: each session reaches the files of the namespace that it comes from.",
        ),
        _role(
            environment,
            "tenant-backups",
            (tenant, BACKUP_ACCOUNT),
            (
                *_objects(environment, Store.BACKUPS, KeyPurpose.BACKUPS),
                *locked_objects(bucket_name(environment, Store.BACKUPS.value)),
            ),
            "Backup Jobs write, read, lock and tidy up their own tenant's backups; locked versions outlast them.",
        ),
        _role(
            environment,
            "cell-backups",
            (cell, DATABASE_ACCOUNT),
            _objects(environment, Store.BACKUPS, KeyPurpose.BACKUPS),
            "PostgreSQL keeps its base backups and logs under its cell's name, and tidies them up.",
        ),
    )


def _drill_roles(environment: EnvironmentSpec) -> tuple[WorkloadRole, ...]:
    """Return the role of drills; none where nothing is drilled, or the store takes keys instead."""
    if environment.recovery is None or environment.object_store is not None:
        return ()
    place = place_of(environment)
    used = (key_alias(environment, each.value) for each in (KeyPurpose.BACKUPS, KeyPurpose.EVIDENCE))
    backups, evidence = (bucket_name(environment, each.value) for each in (Store.BACKUPS, Store.EVIDENCE))
    return (
        _role(
            environment,
            DRILLS,
            (DRILLS, DRILL),
            (*drilled_objects(backups, evidence), by_s3(place.account, place.region, *used)),
            "Drills read tenants' backups and write what they found; they change no backup.",
        ),
    )


def _objects(environment: EnvironmentSpec, store: Store, purpose: KeyPurpose) -> tuple[Statement, ...]:
    """Return the rights to one's own objects of a kind, and in the second region to those that were saved."""
    place, own = place_of(environment), key_alias(environment, purpose.value)
    rights = own_objects(bucket_name(environment, store.value))
    storage = None if environment.aws is None else plan_storage(environment, environment.aws)
    saved = None if storage is None else storage.found.get(store)
    if saved is None:
        return (*rights, by_s3(place.account, place.region, own))
    theirs = own.replace(f"-{environment.name.value}-", f"-{EnvironmentName.PRODUCTION.value}-")
    return (*rights, *found_objects(saved), by_s3(place.account, place.region, own, theirs))


def _operator_roles(
    environment: EnvironmentSpec, operators: Mapping[str, tuple[str, str]]
) -> tuple[WorkloadRole, ...]:
    rights = operator_rights(environment)
    if unknown := sorted(set(operators) - set(rights)):
        raise ValueError(f"no rights are planned for {', '.join(unknown)}: add them in identity/workloads.py")
    return tuple(
        _role(environment, name, account, rights[name], f"What {name} needs, and only its own pods get it.")
        for name, account in sorted(operators.items())
    )


def _role(
    environment: EnvironmentSpec,
    key: str,
    account: tuple[str, str],
    statements: Sequence[Statement],
    why: str,
) -> WorkloadRole:
    place = place_of(environment)
    namespace, service_account = account
    return WorkloadRole(
        key=key,
        name=role_name(environment, key),
        trust=assume_by_pod(
            account=place.account,
            cluster=place.arn("eks", f"cluster/{place.cluster}"),
            namespace=namespace,
            service_account=service_account,
        ),
        policy=document(*statements),
        why=why,
    )
