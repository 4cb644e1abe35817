"""The nodes of an EKS cluster: their role, and for each group its launch template and itself."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import ec2, eks, iam

from components.eks.plan import EksPlan, NodeGroupPlan
from components.iam import assume_by_service
from spec import labels


class Nodes:
    """What the component of the cluster declares for its nodes; everything is a child of `parent`."""

    def __init__(self, parent: pulumi.Resource, prefix: str, plan: EksPlan) -> None:
        self._parent = parent
        self._prefix = prefix
        self._plan = plan
        self.role = iam.Role(
            f"{prefix}/node-role",
            name=f"{plan.name}-node",
            assume_role_policy=assume_by_service("ec2.amazonaws.com", account=None),
            tags={**plan.tags, "Name": f"{plan.name}-node"},
            opts=self._child(),
        )
        self._rights = [
            iam.RolePolicyAttachment(
                f"{prefix}/node-{arn.rpartition('/')[2]}",
                role=self.role.name,
                policy_arn=arn,
                opts=self._child(),
            )
            for arn in plan.node_policies
        ]

    def _child(
        self, *, depends_on: Sequence[pulumi.Resource] = (), ignore_changes: list[str] | None = None
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self._parent, depends_on=list(depends_on), ignore_changes=ignore_changes
        )

    def group(
        self,
        planned: NodeGroupPlan,
        cluster: eks.Cluster,
        key_arn: pulumi.Input[str],
        subnets: Mapping[str, pulumi.Input[str]],
        after: Sequence[pulumi.Resource],
    ) -> eks.NodeGroup:
        """Declare one group, once `after` is there: a node without its network add-on never becomes ready."""
        template = self._template(planned, key_arn)
        taint = eks.NodeGroupTaintArgs(key=labels.POOL, value=planned.taint, effect="NO_SCHEDULE")
        return eks.NodeGroup(
            f"{self._prefix}/nodes-{planned.key}",
            cluster_name=cluster.name,
            node_group_name=planned.name,
            node_role_arn=self.role.arn,
            subnet_ids=[subnets[zone] for zone in planned.zones],
            ami_type=planned.ami,
            capacity_type=planned.capacity,
            instance_types=list(planned.instance_types),
            launch_template=eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            scaling_config=eks.NodeGroupScalingConfigArgs(
                desired_size=planned.smallest, min_size=planned.smallest, max_size=planned.largest
            ),
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            labels=dict(planned.labels),
            taints=[taint] if planned.taint else None,
            tags={**planned.tags, "Name": f"{self._plan.name}-{planned.name}"},
            opts=self._child(depends_on=[*after, *self._rights], ignore_changes=self._left_alone()),
        )

    def _left_alone(self) -> list[str]:
        # Whoever scales (the autoscaler, a schedule) decides; a run must not undo it.
        scaled = ["scalingConfig.desiredSize"]
        return [*scaled, "scalingConfig.minSize"] if self._plan.scheduled else scaled

    def _template(self, planned: NodeGroupPlan, key_arn: pulumi.Input[str]) -> ec2.LaunchTemplate:
        name = f"{self._plan.name}-{planned.key}"
        own = {**planned.tags, "Name": name}
        return ec2.LaunchTemplate(
            f"{self._prefix}/template-{planned.key}",
            name=name,
            update_default_version=True,
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                # One hop: what runs in a pod does not reach the node's credentials.
                http_put_response_hop_limit=1,
            ),
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        encrypted="true",
                        kms_key_id=key_arn,
                        volume_size=planned.disk_gib,
                        volume_type="gp3",
                        delete_on_termination="true",
                    ),
                )
            ],
            monitoring=ec2.LaunchTemplateMonitoringArgs(enabled=True),
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=own)
                for kind in ("instance", "volume", "network-interface")
            ],
            tags=own,
            opts=self._child(),
        )
