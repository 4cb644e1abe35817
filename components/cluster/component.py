"""The explicit provider through which everything in the cluster is created."""

from typing import Final

import pulumi_kubernetes as kubernetes

from components.cluster.plan import ClusterPlan

QUERIES_PER_SECOND: Final = 500.0
"""The provider's own 50 would alone cost 160 s for 8,000 objects; the server's fairness still protects it."""
BURST: Final = 1000


def cluster_provider(plan: ClusterPlan) -> kubernetes.Provider:
    """Return the provider of the environment's cluster. Components are given it; none is implied."""
    return kubernetes.Provider(
        "cluster",
        kubeconfig=str(plan.kubeconfig),
        context=plan.context,
        cluster_identifier=plan.identifier,
        enable_server_side_apply=True,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=QUERIES_PER_SECOND, burst=BURST),
    )
