"""The classes of volumes in a cluster of AWS: each keeps its volumes when their claims are deleted."""

from typing import Final

from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from spec.aws import AwsSpec
from spec.cloud_names import key_alias
from spec.environment import EnvironmentSpec
from spec.tiers import TIERS

DATABASE_CLASS: Final = "storefleet-database"
"""For the volumes of PostgreSQL."""
_NOBODY: Final = "kubernetes.io/no-provisioner"
_API: Final = "storage.k8s.io/v1"


def storage_classes(environment: EnvironmentSpec, aws: AwsSpec) -> tuple[KubeObject, ...]:
    """Return the classes that volumes are made by.

    The key is named by its alias, which is known before the key is: a class cannot be changed once it exists.
    """
    key = f"arn:aws:kms:{aws.region}:{aws.account}:{key_alias(environment, 'data')}"
    return (
        KubeObject(
            key="class-database",
            manifest=manifest(
                _API,
                "StorageClass",
                DATABASE_CLASS,
                labels=environment_labels(environment.name),
                provisioner="ebs.csi.aws.com",
                parameters={
                    "type": "gp3",
                    "encrypted": "true",
                    "kmsKeyId": key,
                    "csi.storage.k8s.io/fstype": "ext4",
                },
                reclaimPolicy="Retain",
                allowVolumeExpansion=True,
                # The volume is made where its pod is to run, not in whichever zone comes first.
                volumeBindingMode="WaitForFirstConsumer",
            ),
            why="Volumes of databases: encrypted with our key, growing, and kept when their claim is deleted.",
        ),
        *(
            KubeObject(
                key=f"class-{name.removeprefix('storefleet-')}",
                manifest=manifest(
                    _API,
                    "StorageClass",
                    name,
                    labels=environment_labels(environment.name),
                    provisioner=_NOBODY,
                    reclaimPolicy="Retain",
                    volumeBindingMode="Immediate",
                ),
                why="Tenants' files: each volume is made by the program for one claim, and nothing makes another.",
            )
            for name in sorted({preset.storage_class for preset in TIERS.values()})
        ),
    )
