"""Each tenant's volume of files: made here from its access point, kept for its claim and for no other."""

from collections.abc import Iterator, Sequence
from typing import Final

from components.files.plan import FilesPlan
from components.labelling import tenant_labels
from components.manifests import KubeObject, manifest
from spec.environment import EnvironmentSpec
from spec.naming import tenant_namespace
from spec.tenant import TenantSpec

CLAIM: Final = "odoo-files"
"""Name of a tenant's claim, as its chart makes it."""
DRIVER: Final = "efs.csi.aws.com"


def tenant_volumes(
    environment: EnvironmentSpec, tenants: Sequence[TenantSpec], files: FilesPlan
) -> Iterator[tuple[str, KubeObject]]:
    """Yield (tenant, volume) for each access point; the volume's handle is known once the access point is there."""
    there = {point.tenant for system in files.systems for point in system.points}
    for tenant in tenants:
        if tenant.id not in there:
            continue
        namespace = tenant_namespace(tenant.id)
        spec = {
            # EFS has no size; a claim is only bound to a volume that says it is as large.
            "capacity": {"storage": tenant.preset.quota.storage},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": tenant.preset.storage_class,
            "claimRef": {"namespace": namespace, "name": CLAIM},
            "mountOptions": ["tls"],
            "csi": {"driver": DRIVER},
        }
        volume = KubeObject(
            key=f"files-{tenant.id}",
            manifest=manifest(
                "v1",
                "PersistentVolume",
                f"{namespace}-files",
                labels=tenant_labels(tenant, environment.name),
                spec=spec,
            ),
            why="The tenant's own folder of the cell's file system, kept when the claim goes.",
        )
        yield tenant.id, volume
