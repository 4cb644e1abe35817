"""The seams of an environment: where its cluster comes from, where its operators do, and where AWS is.

The stack file chooses at each; a rehearsal replaces what a variable of the process names. Everything that needs the
SDK of AWS is imported only where there is AWS: it takes half a second that a local run does not have to spend.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.aws.plan import AwsPlan, plan_aws
from components.cloud.plan import CloudPlan, plan_cloud
from components.cluster.component import cluster_provider
from components.cluster.placing import placed
from components.cluster.plan import ClusterPlan, plan_cluster
from components.eks.classes import Volumes, VolumesArgs
from components.environment import EnvironmentOutputs, build_environment
from components.extensions.component import Extensions, ExtensionsArgs
from components.operators.component import Operators, OperatorsArgs
from components.plan import EnvironmentPlan
from components.tenancy.applied import ClusterReader, applied_tenants
from spec.fleet import Fleet
from spec.lifecycle import NONE_APPLIED, AppliedTenants

if TYPE_CHECKING:
    from components.aws.component import AwsOutputs


@dataclass(frozen=True, kw_only=True)
class Seams:
    """What was chosen. No cluster: a second region that stands by without one. No AWS: the local environment."""

    cluster: ClusterPlan | None
    cloud: CloudPlan | None
    aws: AwsPlan | None


@dataclass(frozen=True, kw_only=True)
class Built:
    """What was declared, on each side of the seams."""

    inside: EnvironmentOutputs | None
    aws: "AwsOutputs | None"


def plan_seams(fleet: Fleet, root: Path, variables: Mapping[str, str], today: date) -> Seams:
    """Plan both sides of the seams; `variables` are those of the process, `today` the day of the run.

    Raises:
        SpecError: the cluster or the simulated AWS is not where it is said to be.

    """
    return Seams(
        cluster=plan_cluster(fleet.environment, root, variables),
        cloud=plan_cloud(fleet.environment, variables),
        aws=plan_aws(fleet, today),
    )


def open_cloud(seams: Seams) -> pulumi.ProviderResource | None:
    """Return the provider of the environment's own region, once AWS has said that the account is the right one.

    Raises:
        SpecError: there are no credentials, they have expired, or they are of another account.

    """
    if seams.cloud is None:
        return None
    from components.aws.asking import check_account  # noqa: PLC0415 - see the module
    from components.cloud.component import aws_provider  # noqa: PLC0415

    near = aws_provider("aws", seams.cloud, seams.cloud.region)
    check_account(seams.cloud, near)
    return near


def existing_tenants(
    fleet: Fleet,
    seams: Seams,
    near: pulumi.ProviderResource | None,
    read: Callable[[Path, str | None], ClusterReader],
) -> AppliedTenants:
    """Return the tenants that exist in the environment's cluster.

    Args:
        fleet: the fleet.
        seams: where its cluster is.
        near: the provider by which AWS is asked for the cluster, where it makes it.
        read: opens a cluster by the path of a kubeconfig and a context.

    A cluster that AWS does not have yet holds no tenant. One that is there and does not answer is an error: a tenant
    without a file would be deleted.

    Raises:
        ApiError: the cluster does not answer.
        SpecError: AWS does not.

    """
    if seams.cluster is None:
        return NONE_APPLIED
    name = fleet.environment.name
    if seams.cluster.kubeconfig is not None:
        return applied_tenants(read(seams.cluster.kubeconfig, seams.cluster.context), name)
    if seams.cloud is None or seams.aws is None or seams.aws.eks is None or near is None:
        return NONE_APPLIED
    from components.aws.asking import tenants_on_eks  # noqa: PLC0415 - see the module

    return tenants_on_eks(name, seams.cloud, seams.aws.eks, near, read)


def prepare(seams: Seams, root: Path) -> None:
    """Write the charts of definitions that the operators' releases name, below the root of the project.

    Raises:
        EnvironmentTrouble: a module that one is made of is not cached and cannot be had.

    """
    if seams.aws is not None and seams.aws.operators is not None:
        from components.operators import crds  # noqa: PLC0415 - a local run has no use for it

        crds.prepare(seams.aws.operators, root)


def build(plan: EnvironmentPlan, seams: Seams, near: pulumi.ProviderResource | None) -> Built:
    """Declare everything: what is in AWS, what runs the cluster, and what is in it."""
    aws = None
    if seams.cloud is not None and seams.aws is not None and near is not None:
        from components.aws.component import build_aws  # noqa: PLC0415 - see the module

        aws = build_aws(seams.aws, seams.cloud, near)
    if seams.cluster is None:
        return Built(inside=None, aws=aws)
    given = None if aws is None or aws.eks is None else aws.eks.kubeconfig
    provider = cluster_provider(seams.cluster, given)
    operators: list[pulumi.Resource] = []
    if seams.aws is not None and aws is not None:
        operators += _operate(seams.aws, aws, provider, plan.platform.wait_seconds)
    inside = build_environment(placed(plan, seams.cluster.images), provider, operators)
    return Built(inside=inside, aws=aws)


def _operate(
    plan: AwsPlan, made: "AwsOutputs", provider: pulumi.ProviderResource, wait_seconds: int
) -> list[pulumi.Resource]:
    """Declare the classes of volumes, the operators, and what they are told; return the operators made here."""
    top = pulumi.ResourceOptions(providers=[provider])
    Volumes("volumes", VolumesArgs(classes=plan.classes, wait_seconds=wait_seconds), top)
    # Operators need nodes to run on; what is only written to the API does not wait for them.
    after: list[pulumi.Resource] = [] if made.cluster is None else [made.cluster]
    operators: list[pulumi.Resource] = []
    if plan.operators is not None:
        operators = [Operators("operators", OperatorsArgs(plan=plan.operators, after=after), top)]
        after = operators
    if plan.extensions is not None:
        args = ExtensionsArgs(
            plan=plan.extensions,
            target_group_arn=made.target_group_arn,
            group_id=made.balancer_group_id,
            volumes=made.volumes,
            after=after,
        )
        Extensions("extensions", args, top)
    return operators
