"""The roles of workloads and people in AWS, and which pods get which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks, iam

from components.identity.people import PersonRole
from components.identity.plan import Association, IdentityPlan, WorkloadRole
from spec.kubernetes import HumanRole


@dataclass(frozen=True, kw_only=True)
class PeopleArgs:
    """The plan."""

    plan: IdentityPlan


@dataclass(frozen=True, kw_only=True)
class PeopleOutputs:
    """The roles of people: ARNs by what they do."""

    arns: Mapping[HumanRole, pulumi.Output[str]]


class People(pulumi.ComponentResource):
    """The roles that people assume. They are there before the cluster, whose access entries name them."""

    def __init__(self, name: str, args: PeopleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:identity:People", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        self.outputs = PeopleOutputs(arns={each.role: self._role(each) for each in args.plan.people})
        self.register_outputs({role.value: arn for role, arn in self.outputs.arns.items()})

    def _role(self, planned: PersonRole) -> pulumi.Output[str]:
        name = planned.role.value
        own = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{self._prefix}/{name}",
            name=f"{self._plan.cluster}-{name}",
            assume_role_policy=planned.trust,
            max_session_duration=planned.session_seconds,
            tags={**self._plan.tags, "Name": f"{self._plan.cluster}-{name}"},
            opts=own,
        )
        iam.RolePolicy(
            f"{self._prefix}/{name}-rights",
            name="rights",
            role=role.name,
            policy=planned.policy,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for arn in planned.managed:
            iam.RolePolicyAttachment(
                f"{self._prefix}/{name}-{arn.rpartition('/')[2]}",
                role=role.name,
                policy_arn=arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return role.arn


@dataclass(frozen=True, kw_only=True)
class WorkloadsArgs:
    """The plan, and the cluster whose pods get the roles; without one (None) there are roles and no pods."""

    plan: IdentityPlan
    cluster_name: pulumi.Input[str] | None
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class WorkloadsOutputs:
    """The roles of workloads: ARNs by key."""

    arns: Mapping[str, pulumi.Output[str]]


class Workloads(pulumi.ComponentResource):
    """The roles of pods, and an association for each service account that has one."""

    def __init__(self, name: str, args: WorkloadsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:identity:Workloads", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        roles = {planned.key: self._role(planned) for planned in args.plan.roles}
        if args.cluster_name is not None:
            for planned in args.plan.associations:
                self._associate(planned, roles[planned.role], args.cluster_name, args.after)
        self.outputs = WorkloadsOutputs(arns={key: role.arn for key, role in roles.items()})
        self.register_outputs({"roles": {key: role.arn for key, role in roles.items()}})

    def _role(self, planned: WorkloadRole) -> iam.Role:
        role = iam.Role(
            f"{self._prefix}/{planned.key}",
            name=planned.name,
            assume_role_policy=planned.trust,
            tags={**self._plan.tags, "Name": planned.name},
            opts=pulumi.ResourceOptions(parent=self),
        )
        iam.RolePolicy(
            f"{self._prefix}/{planned.key}-rights",
            name="rights",
            role=role.name,
            policy=planned.policy,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return role

    def _associate(
        self,
        planned: Association,
        role: iam.Role,
        cluster: pulumi.Input[str],
        after: Sequence[pulumi.Resource],
    ) -> None:
        eks.PodIdentityAssociation(
            f"{self._prefix}/pods-{planned.key}",
            cluster_name=cluster,
            namespace=planned.namespace,
            service_account=planned.service_account,
            role_arn=role.arn,
            tags=dict(self._plan.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
