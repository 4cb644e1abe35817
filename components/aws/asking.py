"""What is asked of AWS before anything is planned: whose account it is, and whether the cluster is there."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi_aws import eks

from components.cloud.plan import CloudPlan, refused_by_aws
from components.eks.kubeconfig import kubeconfig
from components.eks.plan import EksPlan
from components.tenancy.applied import ClusterReader, applied_tenants
from spec.kubernetes import HumanRole
from spec.lifecycle import NONE_APPLIED, AppliedTenants
from spec.vocabulary import EnvironmentName


def check_account(plan: CloudPlan, provider: pulumi.ProviderResource) -> None:
    """Ask AWS whose the credentials are.

    Raises:
        SpecError: nobody's, another account's, or they have expired. Nothing has been created by then.

    """
    try:
        found = aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider))
    except Exception as error:
        raise refused_by_aws(plan, str(error)) from error
    if found.account_id != plan.account:
        raise refused_by_aws(plan, f"AWS account ID not allowed: {found.account_id}")


def tenants_on_eks(
    name: EnvironmentName,
    cloud: CloudPlan,
    plan: EksPlan,
    provider: pulumi.ProviderResource,
    read: Callable[[Path, str | None], ClusterReader],
) -> AppliedTenants:
    """Return the tenants of a cluster that AWS made; none where it has not made it yet.

    Raises:
        SpecError: AWS does not say whether it is there.

    """
    found = _kubeconfig(cloud, plan, provider)
    if found is None:
        return NONE_APPLIED
    # It holds no credentials; it is a file because that is what leads to a cluster.
    with tempfile.TemporaryDirectory(prefix="storefleet-") as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(found, encoding="utf-8")
        return applied_tenants(read(path, None), name)


def _kubeconfig(cloud: CloudPlan, plan: EksPlan, provider: pulumi.ProviderResource) -> str | None:
    own = pulumi.InvokeOptions(provider=provider)
    try:
        if plan.name not in eks.get_clusters(opts=own).names:
            return None
        found = eks.get_cluster(name=plan.name, opts=own)
    except Exception as error:
        raise refused_by_aws(cloud, str(error)) from error
    authority = found.certificate_authorities[0].data
    operator = f"arn:aws:iam::{plan.account}:role/{plan.name}-{HumanRole.OPERATOR.value}"
    return kubeconfig(plan, found.endpoint, authority, operator)
