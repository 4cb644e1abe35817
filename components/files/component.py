"""The file systems of an environment in AWS, and each tenant's way into its own folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, efs, vpc

from components.files.plan import NFS_PORT, PERMISSIONS, USER, AccessPointPlan, FilesPlan, FileSystemPlan
from components.keys.component import KeyOutputs
from components.keys.plan import KeyPurpose


@dataclass(frozen=True, kw_only=True)
class FilesArgs:
    """The plan, the keys, the network, and the provider of the second region where files are replicated."""

    plan: FilesPlan
    keys: KeyOutputs
    vpc_id: pulumi.Input[str]
    cidr: str
    """Addresses of the VPC: nodes mount from there."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """The data subnets, one a zone, in the order of the zones."""
    far_provider: pulumi.ProviderResource | None = None


@dataclass(frozen=True, kw_only=True)
class FilesOutputs:
    """Ids of the file systems by cell and access points by tenant; `volumes`: the handle of a tenant's volume."""

    system_ids: Mapping[str, pulumi.Output[str]]
    point_ids: Mapping[str, pulumi.Output[str]]
    volumes: Mapping[str, pulumi.Output[str]]


class Files(pulumi.ComponentResource):
    """A file system a cell, encrypted, in every zone, and an access point a tenant."""

    def __init__(self, name: str, args: FilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:files:Files", name, None, opts)
        self._prefix = name
        self._args = args
        self._group = self._make_group()
        systems: dict[str, pulumi.Output[str]] = {}
        points: dict[str, pulumi.Output[str]] = {}
        volumes: dict[str, pulumi.Output[str]] = {}
        for planned in args.plan.systems:
            system = self._system(planned)
            systems[planned.cell] = system.id
            for point in planned.points:
                made = self._point(point, system)
                points[point.tenant] = made.id
                volumes[point.tenant] = pulumi.Output.concat(system.id, "::", made.id)
        self.outputs = FilesOutputs(system_ids=systems, point_ids=points, volumes=volumes)
        self.register_outputs({})

    def _child(
        self,
        *after: pulumi.Resource,
        protect: bool | None = None,
        provider: pulumi.ProviderResource | None = None,
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after), protect=protect, provider=provider)

    def _make_group(self) -> ec2.SecurityGroup:
        plan = self._args.plan
        group = ec2.SecurityGroup(
            f"{self._prefix}/group",
            name=plan.group,
            description="File systems: mounted from inside the VPC",
            vpc_id=self._args.vpc_id,
            tags={**plan.tags, "Name": plan.group},
            opts=self._child(),
        )
        vpc.SecurityGroupIngressRule(
            f"{self._prefix}/nfs",
            security_group_id=group.id,
            description="NFS from inside the VPC",
            ip_protocol="tcp",
            from_port=NFS_PORT,
            to_port=NFS_PORT,
            cidr_ipv4=self._args.cidr,
            tags={**plan.tags, "Name": plan.group},
            opts=self._child(),
        )
        return group

    def _system(self, planned: FileSystemPlan) -> efs.FileSystem:
        name = f"{self._prefix}/{planned.key}"
        system = efs.FileSystem(
            name,
            creation_token=planned.name,
            encrypted=True,
            kms_key_id=self._args.keys.arns[KeyPurpose.DATA],
            throughput_mode="elastic",
            lifecycle_policies=_cold_after_a_month(),
            tags=dict(planned.tags),
            opts=self._child(protect=True),
        )
        for number, subnet in enumerate(self._args.subnet_ids):
            efs.MountTarget(
                f"{name}-target-{number}",
                file_system_id=system.id,
                subnet_id=subnet,
                security_groups=[self._group.id],
                opts=self._child(),
            )
        efs.FileSystemPolicy(
            f"{name}-policy", file_system_id=system.id, policy=planned.policy, opts=self._child()
        )
        if planned.far_region is not None:
            self._replicate(name, planned, planned.far_region, system)
        return system

    def _replicate(self, name: str, planned: FileSystemPlan, region: str, source: efs.FileSystem) -> None:
        replica = efs.FileSystem(
            f"{name}-replica",
            creation_token=planned.name,
            encrypted=True,
            kms_key_id=self._args.keys.far_arns[KeyPurpose.DATA],
            throughput_mode="elastic",
            lifecycle_policies=_cold_after_a_month(),
            # EFS writes into it from then on, and lets nobody else.
            protection=efs.FileSystemProtectionArgs(replication_overwrite="DISABLED"),
            tags=dict(planned.tags),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self._args.far_provider,
                protect=True,
                # Once it is being written into, its protection is the service's to state.
                ignore_changes=["protection"],
            ),
        )
        efs.ReplicationConfiguration(
            f"{name}-replication",
            source_file_system_id=source.id,
            destination=efs.ReplicationConfigurationDestinationArgs(region=region, file_system_id=replica.id),
            opts=self._child(),
        )

    def _point(self, planned: AccessPointPlan, system: efs.FileSystem) -> efs.AccessPoint:
        owner = efs.AccessPointRootDirectoryCreationInfoArgs(
            owner_uid=USER, owner_gid=USER, permissions=PERMISSIONS
        )
        return efs.AccessPoint(
            f"{self._prefix}/point-{planned.key}",
            file_system_id=system.id,
            posix_user=efs.AccessPointPosixUserArgs(uid=USER, gid=USER),
            root_directory=efs.AccessPointRootDirectoryArgs(path=planned.path, creation_info=owner),
            tags=dict(planned.tags),
            opts=self._child(),
        )


def _cold_after_a_month() -> list[efs.FileSystemLifecyclePolicyArgs]:
    return [
        efs.FileSystemLifecyclePolicyArgs(transition_to_ia="AFTER_30_DAYS"),
        efs.FileSystemLifecyclePolicyArgs(transition_to_primary_storage_class="AFTER_1_ACCESS"),
    ]
