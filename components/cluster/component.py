"""The explicit provider through which everything in the cluster is created."""

from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster.plan import ClusterPlan

QUERIES_PER_SECOND: Final = 500.0
"""The provider's own 50 would alone cost 160 s for 8,000 objects; the server's fairness still protects it."""
BURST: Final = 1000


def cluster_provider(plan: ClusterPlan, given: pulumi.Input[str] | None = None) -> kubernetes.Provider:
    """Return the provider of the environment's cluster. Components are given it; none is implied.

    `given` is the kubeconfig, without credentials, of a cluster that the same run makes; only where the plan
    names no file.

    Raises:
        ValueError: neither the plan nor the run knows a kubeconfig.

    """
    path = str(plan.kubeconfig) if plan.kubeconfig is not None else given
    if path is None:
        raise ValueError(f"no kubeconfig leads to the cluster of {plan.identifier}")
    return kubernetes.Provider(
        "cluster",
        kubeconfig=path,
        context=plan.context,
        cluster_identifier=plan.identifier,
        enable_server_side_apply=True,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=QUERIES_PER_SECOND, burst=BURST),
    )
