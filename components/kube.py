"""A planned object as a resource of the engine.

The SDK's generated classes are left out on purpose. A resource is its type token and its inputs, and a
manifest already is the inputs; importing the generated modules for the kinds below took 1.3 s of CPU (two
runs on two busy cores), in every run of the program. The price: nothing here checks the fields of a manifest
before the API server sees it.
"""

from collections.abc import Mapping
from types import MappingProxyType

import pulumi

from components.manifests import KubeObject

BUILT_IN: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("apps/v1", "StatefulSet"): "kubernetes:apps/v1:StatefulSet",
        ("batch/v1", "CronJob"): "kubernetes:batch/v1:CronJob",
        ("v1", "ConfigMap"): "kubernetes:core/v1:ConfigMap",
        ("v1", "LimitRange"): "kubernetes:core/v1:LimitRange",
        ("v1", "Namespace"): "kubernetes:core/v1:Namespace",
        ("v1", "PersistentVolume"): "kubernetes:core/v1:PersistentVolume",
        ("v1", "ResourceQuota"): "kubernetes:core/v1:ResourceQuota",
        ("v1", "Service"): "kubernetes:core/v1:Service",
        ("v1", "ServiceAccount"): "kubernetes:core/v1:ServiceAccount",
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
        ): "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicyBinding",
        ): "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
        ("networking.k8s.io/v1", "NetworkPolicy"): "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        (
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
        ): "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
        ): "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        ("scheduling.k8s.io/v1", "PriorityClass"): "kubernetes:scheduling.k8s.io/v1:PriorityClass",
        ("storage.k8s.io/v1", "StorageClass"): "kubernetes:storage.k8s.io/v1:StorageClass",
    }
)
"""Kind of object -> the provider's type token. A kind is listed when a plan uses it. A kind that carries
secrets needs `additional_secret_outputs` as well, which nothing here has."""

CUSTOM: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (api_version, kind): f"kubernetes:{api_version}:{kind}"
        for api_version, kind in (
            ("argoproj.io/v1alpha1", "AppProject"),
            ("argoproj.io/v1alpha1", "ApplicationSet"),
            ("argoproj.io/v1alpha1", "ClusterAnalysisTemplate"),
            ("barmancloud.cnpg.io/v1", "ObjectStore"),
            ("cert-manager.io/v1", "ClusterIssuer"),
            ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding"),
            ("external-secrets.io/v1", "ExternalSecret"),
            ("external-secrets.io/v1", "SecretStore"),
            ("karpenter.k8s.aws/v1", "EC2NodeClass"),
            ("karpenter.sh/v1", "NodePool"),
            ("monitoring.coreos.com/v1", "PodMonitor"),
            ("monitoring.coreos.com/v1", "Probe"),
            ("monitoring.coreos.com/v1", "PrometheusRule"),
            ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"),
            ("policy.sigstore.dev/v1alpha1", "ClusterImagePolicy"),
            ("postgresql.cnpg.io/v1", "Cluster"),
            ("postgresql.cnpg.io/v1", "Database"),
            ("postgresql.cnpg.io/v1", "DatabaseRole"),
            ("postgresql.cnpg.io/v1", "ImageCatalog"),
            ("postgresql.cnpg.io/v1", "Pooler"),
            ("postgresql.cnpg.io/v1", "ScheduledBackup"),
        )
    }
)
"""The same for kinds that operators bring: the provider takes their tokens from their API version."""

KINDS: Mapping[tuple[str, str], str] = MappingProxyType({**BUILT_IN, **CUSTOM})
"""All kinds that plans use."""


class KubeResource(pulumi.CustomResource):
    """One object of the cluster, declared from its plan.

    Raises `ValueError` for a kind that is missing from `KINDS`.
    """

    def __init__(self, name: str, planned: KubeObject, opts: pulumi.ResourceOptions) -> None:
        super().__init__(type_token(planned), name, dict(planned.manifest), opts)


def type_token(planned: KubeObject) -> str:
    """Return the provider's type token for a planned object; raises `ValueError` for an unlisted kind."""
    token = KINDS.get((planned.api_version, planned.kind))
    if token is None:
        raise ValueError(
            f"{planned.key}: no resource type is known for {planned.api_version} {planned.kind}; "
            "add it to BUILT_IN or CUSTOM in components/kube.py"
        )
    return token
