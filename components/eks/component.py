"""The cluster of an environment in AWS: control plane, add-ons, nodes, and who may do what in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, eks, iam
from pulumi_aws.eks.outputs import ClusterCertificateAuthority

from components.eks.addons import AddonPlan
from components.eks.interruptions import declare_interruptions
from components.eks.kubeconfig import kubeconfig
from components.eks.nodes import Nodes
from components.eks.plan import CONTROL_PLANE_LOGS, EksPlan
from components.iam import assume_by_pod, assume_by_service
from spec.kubernetes import HumanRole


@dataclass(frozen=True, kw_only=True)
class EksArgs:
    """The plan, the network, the keys, and the roles of people by what they do (ARNs)."""

    plan: EksPlan
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets, in the order of the region's zones."""
    zones: Sequence[str]
    secrets_key_arn: pulumi.Input[str]
    """For Secrets in the cluster's own store, and the nodes' disks."""
    logs_key_arn: pulumi.Input[str]
    people: Mapping[HumanRole, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class EksOutputs:
    """How the cluster is reached and named; `node_group_names` by key."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    node_role_arn: pulumi.Output[str]
    node_group_names: Mapping[str, pulumi.Output[str]]
    interruption_queue: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    """Without credentials: whoever uses it takes on the operators' role."""


class Eks(pulumi.ComponentResource):
    """Control plane, log, roles, add-ons in two steps around the nodes, node groups, access entries."""

    def __init__(self, name: str, args: EksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:eks:Eks", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        self._cluster = self._make_cluster(args)
        self._identities: dict[str, iam.Role] = {}
        first = [self._addon(addon, []) for addon in args.plan.addons if not addon.needs_nodes]
        nodes = Nodes(self, name, args.plan)
        subnets = dict(zip(args.zones, args.subnet_ids, strict=True))
        groups = {
            planned.key: nodes.group(planned, self._cluster, args.secrets_key_arn, subnets, first)
            for planned in args.plan.groups
        }
        for addon in args.plan.addons:
            if addon.needs_nodes:
                self._addon(addon, list(groups.values()))
        entries = self._access(args.people)
        queue = declare_interruptions(self, name, args.plan, args.secrets_key_arn)
        operator = pulumi.Output.from_input(args.people[HumanRole.OPERATOR])
        self.outputs = EksOutputs(
            name=self._cluster.name,
            arn=self._cluster.arn,
            endpoint=self._cluster.endpoint,
            security_group_id=self._cluster.vpc_config.apply(
                lambda found: found.cluster_security_group_id or ""
            ),
            node_role_arn=nodes.role.arn,
            node_group_names={key: group.node_group_name for key, group in groups.items()},
            interruption_queue=queue.name,
            kubeconfig=pulumi.Output.all(
                self._cluster.endpoint,
                self._cluster.certificate_authority.apply(_authority),
                operator,
                # Nobody may use the cluster before the entry exists.
                *(entry.id for entry in entries),
            ).apply(lambda parts: kubeconfig(args.plan, parts[0], parts[1], parts[2])),
        )
        self.register_outputs({"name": self._cluster.name, "endpoint": self._cluster.endpoint})

    def _child(
        self, *, depends_on: Sequence[pulumi.Resource] = (), protect: bool | None = None
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on), protect=protect)

    def _tags(self, thing: str) -> dict[str, str]:
        return {**self._plan.tags, "Name": f"{self._plan.name}-{thing}"}

    def _make_cluster(self, args: EksArgs) -> eks.Cluster:
        plan = self._plan
        log = cloudwatch.LogGroup(
            f"{self._prefix}/log",
            name=f"/aws/eks/{plan.name}/cluster",
            kms_key_id=args.logs_key_arn,
            retention_in_days=plan.log_days,
            tags=self._tags("log"),
            opts=self._child(),
        )
        role = iam.Role(
            f"{self._prefix}/cluster-role",
            name=f"{plan.name}-cluster",
            assume_role_policy=assume_by_service("eks.amazonaws.com", account=plan.account),
            tags=self._tags("cluster"),
            opts=self._child(),
        )
        rights = iam.RolePolicyAttachment(
            f"{self._prefix}/cluster-rights",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
            opts=self._child(),
        )
        return eks.Cluster(
            f"{self._prefix}/cluster",
            name=plan.name,
            version=plan.version,
            role_arn=role.arn,
            bootstrap_self_managed_addons=False,
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=list(args.subnet_ids),
                endpoint_private_access=True,
                endpoint_public_access=plan.public,
                public_access_cidrs=list(plan.allowed_cidrs) if plan.public else None,
            ),
            kubernetes_network_config=eks.ClusterKubernetesNetworkConfigArgs(
                ip_family="ipv4", service_ipv4_cidr=plan.services
            ),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=args.secrets_key_arn),
                resources=["secrets"],
            ),
            enabled_cluster_log_types=list(CONTROL_PLANE_LOGS),
            deletion_protection=True if plan.protected else None,
            # An old version is upgraded by its end of standard support, rather than paid for sixfold.
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            tags=self._tags("cluster"),
            opts=self._child(depends_on=[log, rights], protect=True),
        )

    def _addon(self, planned: AddonPlan, after: Sequence[pulumi.Resource]) -> eks.Addon:
        identity = []
        waits = list(after)
        if planned.service_account:
            role, rights = self._addon_role(planned)
            waits.append(rights)
            identity = [
                eks.AddonPodIdentityAssociationArgs(
                    role_arn=role.arn, service_account=planned.service_account
                )
            ]
        return eks.Addon(
            f"{self._prefix}/addon-{planned.name}",
            cluster_name=self._cluster.name,
            addon_name=planned.name,
            addon_version=planned.version,
            configuration_values=planned.values or None,
            pod_identity_associations=identity or None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self._tags(planned.name),
            opts=self._child(depends_on=waits),
        )

    def _addon_role(self, planned: AddonPlan) -> tuple[iam.Role, iam.RolePolicyAttachment]:
        plan = self._plan
        role = iam.Role(
            f"{self._prefix}/{planned.name}-role",
            name=f"{plan.name}-{planned.name}"[:64],
            assume_role_policy=assume_by_pod(
                account=plan.account,
                cluster=f"arn:aws:eks:{plan.region}:{plan.account}:cluster/{plan.name}",
                namespace="kube-system",
                service_account=planned.service_account,
            ),
            tags=self._tags(planned.name),
            opts=self._child(),
        )
        rights = iam.RolePolicyAttachment(
            f"{self._prefix}/{planned.name}-rights",
            role=role.name,
            policy_arn=planned.policy,
            opts=self._child(),
        )
        return role, rights

    def _access(self, people: Mapping[HumanRole, pulumi.Input[str]]) -> list[pulumi.CustomResource]:
        made: list[pulumi.CustomResource] = []
        for role, policy in self._plan.access:
            entry = eks.AccessEntry(
                f"{self._prefix}/access-{role.value}",
                cluster_name=self._cluster.name,
                principal_arn=people[role],
                type="STANDARD",
                kubernetes_groups=[f"storefleet:{role.value}"],
                tags=self._tags(role.value),
                opts=self._child(),
            )
            rights = eks.AccessPolicyAssociation(
                f"{self._prefix}/access-{role.value}-rights",
                cluster_name=self._cluster.name,
                principal_arn=people[role],
                policy_arn=policy,
                access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=self._child(depends_on=[entry]),
            )
            made += [entry, rights]
        return made


def _authority(found: ClusterCertificateAuthority | None) -> str:
    """Return the authority in base 64; empty where the provider does not tell it: the cluster is not there yet."""
    return (found.data if found is not None else None) or ""
