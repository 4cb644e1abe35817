"""The one catalogue of operators: which chart, at which version, from where, into which namespace.

Chart versions were read from the charts' own repositories, and their value keys are in `charts/` beside this
module (`python -m components.operators.keys`). Where the embedded environment has an operator's definitions
(CRDs), the chart is of the same release line, so that what works here works there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from components.monitoring.prober import PROBER
from components.operators import delivery, ingress, observability, platform
from components.operators.definitions import ChartCrds, Crds, FolderCrds, ModuleCrds, RenderedCrds
from components.operators.inputs import OperatorInputs

Values: TypeAlias = Callable[[OperatorInputs], dict[str, Any]]

ARGO: Final = "https://argoproj.github.io/argo-helm"
GRAFANA: Final = "https://grafana.github.io/helm-charts"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator: everything that decides what Helm installs."""

    name: str
    """Name of the release and of the listing of the chart's keys."""
    chart: str
    """Name of the chart in its repository, or the whole reference where `repository` is empty (OCI)."""
    version: str
    """Version of the chart."""
    app: str
    """Version of the program that runs; where it is not the chart's own, the values name the image."""
    repository: str
    namespace: str
    crds: Crds
    values: Values
    why: str
    needs: tuple[str, ...] = ()
    """Operators whose definitions or webhooks must be there first."""
    service_account: str = ""
    """The service account that an AWS role is bound to, for those that call AWS; else empty."""
    only_on_eks: bool = False
    hooks: bool = True
    """Whether the chart's own Jobs around an install or a removal are run."""


CATALOGUE: Final[tuple[Operator, ...]] = (
    Operator(
        name="cert-manager",
        chart="cert-manager",
        version="v1.21.1",
        app="v1.21.1",
        repository="https://charts.jetstack.io",
        namespace="cert-manager",
        crds=ModuleCrds(module="cert-manager"),
        values=platform.cert_manager,
        service_account="cert-manager",
        why="Certificates of the tenants' domains, and of the other operators' webhooks.",
    ),
    Operator(
        name="aws-load-balancer-controller",
        chart="aws-load-balancer-controller",
        version="3.5.0",
        app="v3.5.0",
        repository="https://aws.github.io/eks-charts",
        namespace="kube-system",
        crds=FolderCrds(),
        values=platform.load_balancer_controller,
        needs=("cert-manager",),
        service_account="aws-load-balancer-controller",
        only_on_eks=True,
        why="Registers the ingress controller's pods with the load balancer.",
    ),
    Operator(
        name="karpenter",
        chart="oci://public.ecr.aws/karpenter/karpenter",
        version="1.14.1",
        app="1.14.1",
        repository="",
        namespace="kube-system",
        crds=ChartCrds(chart="oci://public.ecr.aws/karpenter/karpenter-crd", version="1.14.1", repository=""),
        values=platform.karpenter,
        service_account="karpenter",
        only_on_eks=True,
        why="Adds nodes for pods that wait and takes them away again, within the pools' limits.",
    ),
    Operator(
        name="external-secrets",
        chart="external-secrets",
        version="1.3.2",
        app="v1.3.2",
        repository="https://charts.external-secrets.io",
        namespace="external-secrets",
        crds=ModuleCrds(module="external-secrets"),
        values=platform.external_secrets,
        service_account="external-secrets",
        why="Brings secrets from Secrets Manager into the namespaces that are to have them.",
    ),
    Operator(
        name="policy-controller",
        chart="policy-controller",
        version="0.10.6",
        app="0.13.1",
        repository="https://sigstore.github.io/helm-charts",
        namespace="cosign-system",
        crds=RenderedCrds(),
        values=platform.policy_controller,
        service_account="policy-controller",
        # The only one tidies up after a removal, with an image that nothing pins.
        hooks=False,
        why="Refuses pods of tenants and cells whose images nobody signed.",
    ),
    Operator(
        name="traefik",
        chart="traefik",
        version="41.3.0",
        app="v3.7.13",
        repository="https://traefik.github.io/charts",
        namespace="traefik",
        crds=ModuleCrds(module="traefik"),
        values=ingress.traefik,
        why="The only way to the tenants from outside.",
    ),
    Operator(
        name="cloudnative-pg",
        chart="cloudnative-pg",
        version="0.29.0",
        app="1.30.0",
        repository="https://cloudnative-pg.github.io/charts",
        namespace="cnpg-system",
        crds=ModuleCrds(module="cloudnative-pg"),
        values=platform.cloudnative_pg,
        why="Runs the PostgreSQL cluster of each cell.",
    ),
    Operator(
        name="plugin-barman-cloud",
        chart="plugin-barman-cloud",
        version="0.7.0",
        app="v0.13.0",
        repository="https://cloudnative-pg.github.io/charts",
        namespace="cnpg-system",
        crds=ModuleCrds(module="plugin-barman-cloud"),
        values=platform.barman_cloud,
        needs=("cert-manager", "cloudnative-pg"),
        why="Takes base backups and write-ahead logs of the databases to object storage.",
    ),
    Operator(
        name="keda",
        chart="keda",
        version="2.20.2",
        app="2.20.2",
        repository="https://kedacore.github.io/charts",
        namespace="keda",
        crds=ModuleCrds(module="keda"),
        values=platform.keda,
        why="Scales tenants by the work that waits, and before their peaks.",
    ),
    Operator(
        name="argo-cd",
        chart="argo-cd",
        version="10.1.1",
        app="v3.4.4",
        repository=ARGO,
        namespace="argocd",
        crds=ModuleCrds(module="argo-cd"),
        values=delivery.argo_cd,
        why="Reconciles the workload of every tenant from Git.",
    ),
    Operator(
        name="argo-rollouts",
        chart="argo-rollouts",
        version="2.41.0",
        app="v1.9.0",
        repository=ARGO,
        namespace="argo-rollouts",
        crds=ModuleCrds(module="argo-rollouts"),
        values=delivery.argo_rollouts,
        why="Runs the analyses that gates are decided by; it moves no workload itself.",
    ),
    Operator(
        name="kube-prometheus-stack",
        chart="kube-prometheus-stack",
        version="77.14.0",
        app="v0.85.0",
        repository="https://prometheus-community.github.io/helm-charts",
        namespace="monitoring",
        crds=ModuleCrds(module="prometheus-operator"),
        values=observability.prometheus,
        needs=("cert-manager",),
        why="Metrics, rules, alerts and dashboards.",
    ),
    Operator(
        name=PROBER,
        chart=PROBER,
        version="11.17.2",
        app="v0.28.0",
        repository="https://prometheus-community.github.io/helm-charts",
        namespace="monitoring",
        crds=None,
        values=observability.prober,
        why="Asks each shop's page for signing in, through the ingress controller.",
    ),
    Operator(
        name="loki",
        chart="loki",
        version="7.3.0",
        app="3.6.12",
        repository=GRAFANA,
        namespace="monitoring",
        crds=None,
        values=observability.loki,
        service_account="loki",
        needs=("kube-prometheus-stack",),
        why="Keeps the logs, in the environment's log bucket.",
    ),
    Operator(
        name="alloy",
        chart="alloy",
        version="1.11.1",
        app="v1.18.1",
        repository=GRAFANA,
        namespace="monitoring-agents",
        crds=None,
        values=observability.alloy,
        needs=("kube-prometheus-stack", "loki"),
        why="Reads the pods' logs on each node and sends them to Loki.",
    ),
    Operator(
        name="pyrra",
        chart="pyrra",
        version="0.14.3",
        app="v0.8.1",
        repository="https://rlex.github.io/helm-charts",
        namespace="monitoring",
        crds=FolderCrds(),
        values=observability.pyrra,
        needs=("kube-prometheus-stack",),
        why="Makes rules and burn-rate alerts of the service-level objectives.",
    ),
)
"""In the order in which they are installed: none stands before one that it needs."""

PodSecurity: TypeAlias = Literal["restricted", "privileged"]

NAMESPACES: Final[Mapping[str, PodSecurity]] = MappingProxyType(
    {
        "argo-rollouts": "restricted",
        "argocd": "restricted",
        "cert-manager": "restricted",
        "cnpg-system": "restricted",
        "cosign-system": "restricted",
        "external-secrets": "restricted",
        "keda": "restricted",
        "monitoring": "restricted",
        # Reads the nodes' own files and counters, which no standard but this one allows; nothing else lives here.
        "monitoring-agents": "privileged",
        "traefik": "restricted",
    }
)
"""The operators' namespaces and the Pod Security Standard each is held to; kube-system is the cluster's own."""


def operator(name: str) -> Operator:
    """Return an operator by name; raises `KeyError` where the catalogue has none."""
    return {each.name: each for each in CATALOGUE}[name]
