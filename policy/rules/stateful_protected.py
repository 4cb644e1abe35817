"""What holds data is not lost by a slip: the engine, the cloud or the cluster refuses to delete it."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from policy import aws
from policy.frame import Finding, Framework, Level, Resource, ResourceRule, Settings, Severity, Violation
from policy.objects import is_cell_namespace, is_tenant_namespace, kinds
from policy.reading import field, text
from spec import labels
from spec.vocabulary import TenantState

_CLOUD_GUARDS: Final = {
    aws.CLUSTER: "deletionProtection",
    aws.DATABASE_CLUSTER: "deletionProtection",
    aws.INSTANCE: "deletionProtection",
    aws.TABLE: "deletionProtectionEnabled",
}
"""Type -> the cloud's own protection, which does as well as the engine's."""

_STATEFUL: Final = (*_CLOUD_GUARDS, *aws.BUCKETS, aws.FILES, aws.VAULT, aws.VOLUME, "kms/key:Key")
_FORCED: Final = (*aws.BUCKETS, aws.VAULT)
_KUBERNETES: Final = (
    "Namespace",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "Database",
    "DatabaseRole",
    "ObjectStore",
)
_CLUSTER: Final = "postgresql.cnpg.io"
_RECLAIMED: Final = {
    "Database": ("databaseReclaimPolicy", "its database is"),
    "DatabaseRole": ("databaseRoleReclaimPolicy", "its role is"),
}
"""Kind -> the field by which the operator deletes what stands in PostgreSQL, and what that is."""


class ProtectionSettings(Settings):
    """Which kinds of object hold data."""

    kinds: tuple[str, ...] = Field(
        ("PersistentVolumeClaim", "Database", "DatabaseRole", "Cluster", "ObjectStore"),
        description="kinds of Kubernetes object, besides the namespaces of tenants and cells, that are protected",
    )


def check(resource: Resource, settings: ProtectionSettings) -> Iterator[Finding]:
    """Find what holds data and may be deleted by the engine, by its class, or with its namespace."""
    if resource.type.startswith("aws:"):
        yield from _cloud(resource)
    else:
        yield from _cluster(resource, settings)


def _cloud(resource: Resource) -> Iterator[Finding]:
    kind = resource.type.removeprefix("aws:")
    guard = _CLOUD_GUARDS.get(kind)
    if not resource.protect and not (guard and field(resource.props, guard) is True):
        also = f", or {guard} to true" if guard else ""
        yield Violation(
            resource, "it holds data and the next run may delete it", f"set protect in its options{also}"
        )
    if kind in _FORCED and field(resource.props, "forceDestroy") is True:
        yield Violation(resource, "it is deleted with everything in it", "set forceDestroy to false")


def _cluster(resource: Resource, settings: ProtectionSettings) -> Iterator[Finding]:
    if resource.kind == "StorageClass":
        if text(resource.props, "reclaimPolicy") != "Retain":
            yield Violation(
                resource, "its volumes are deleted with their claims", "set reclaimPolicy to Retain"
            )
    elif resource.kind == "PersistentVolume":
        if text(resource.props, "spec", "persistentVolumeReclaimPolicy") != "Retain":
            yield Violation(
                resource, "it is deleted with its claim", "set spec.persistentVolumeReclaimPolicy to Retain"
            )
    elif _holds_data(resource, settings) and not resource.protect:
        yield Violation(
            resource, "it holds data and the next run may delete it", "set protect in its options"
        )
    if reclaimed := _RECLAIMED.get(resource.kind):
        policy, what = reclaimed
        if text(resource.props, "spec", policy) == "delete" and not _purged(resource):
            yield Violation(
                resource,
                f"{what} deleted with it",
                f"set spec.{policy} to retain; a confirmed purge of the tenant sets delete",
            )


def _holds_data(resource: Resource, settings: ProtectionSettings) -> bool:
    if resource.kind == "Namespace":
        name = text(resource.props, "metadata", "name") or ""
        return (is_tenant_namespace(name) or is_cell_namespace(name)) and not _purged(resource)
    return resource.kind in settings.kinds and not _purged(resource)


def _purged(resource: Resource) -> bool:
    """Say whether a tenant's object is in its last state and names itself: the program checks the day before."""
    name = text(resource.props, "metadata", "name") or ""
    if resource.kind not in {"Namespace", *_RECLAIMED} or not is_tenant_namespace(name):
        return False
    state = text(resource.props, "metadata", "labels", labels.STATE)
    confirmed = text(resource.props, "metadata", "annotations", labels.CONFIRM_DELETION) or ""
    return state == TenantState.PURGED and confirmed.split(" ")[0] == name


def _selects(token: str) -> bool:
    if aws.aws(*_STATEFUL)(token):
        return True
    # Several projects have a kind named Cluster or Database; PostgreSQL's are meant.
    return kinds(*_KUBERNETES, "Cluster")(token) and (
        _CLUSTER in token or not token.endswith((":Cluster", ":Database"))
    )


RULE: Final = ResourceRule(
    name="stateful-protected",
    title="Whatever holds data is protected from deletion.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(name="ISO/IEC 27001", version="2022", specification="A.8.10"),
    remediation="Set protect=True in the resource's options, or the cloud's own deletion protection; use "
    "storage classes that retain volumes. A confirmed purge lifts the protection first.",
    settings=ProtectionSettings,
    selects=_selects,
    check=check,
)
