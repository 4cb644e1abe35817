"""Values of the operators that the platform stands on: certificates, ingress, secrets, databases, scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.operators.inputs import CONTAINER, POD, resources
from spec.labels import ROLE, ROLE_CELL, ROLE_TENANT

if TYPE_CHECKING:
    from components.operators.inputs import OperatorInputs

TRAEFIK_IMAGE: Final = "v3.7.13"
"""Newer than the chart's own by patches: the version whose definitions (CRDs) are installed."""


def cert_manager(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of cert-manager; tenants' teams get no rights over certificates from it."""
    return {
        "crds": {"enabled": False},
        "global": {
            # Its default, kube-system, would need rights there.
            "leaderElection": {"namespace": "cert-manager"},
            "rbac": {"aggregateClusterRoles": False},
        },
        "replicaCount": inputs.replicas,
        "podDisruptionBudget": {"enabled": inputs.replicas > 1},
        "serviceAccount": {"name": "cert-manager"},
        "resources": resources("50m", "128Mi", most="256Mi"),
        "webhook": {"replicaCount": inputs.replicas, "resources": resources("25m", "64Mi", most="128Mi")},
        "cainjector": {
            "replicaCount": inputs.replicas,
            "resources": resources("50m", "128Mi", most="384Mi"),
        },
        "startupapicheck": {"resources": resources("10m", "32Mi", most="64Mi")},
        "prometheus": {"servicemonitor": {"enabled": False}},
    }


def load_balancer_controller(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of the AWS load balancer controller: it makes nothing that is not asked for by class.

    Its webhook's certificate comes from cert-manager. Left to itself the chart makes a key while it renders,
    which would be a new one at every `up`.
    """
    return {
        "clusterName": inputs.cluster,
        "region": inputs.region,
        "vpcTags": {"Name": inputs.vpc_name},
        "enableCertManager": True,
        "enableServiceMutatorWebhook": False,
        "createIngressClassResource": False,
        "ingressClassParams": {"create": False},
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "defaultTargetType": "ip",
        "replicaCount": inputs.replicas,
        "priorityClassName": inputs.priority_class,
        "serviceAccount": {"name": "aws-load-balancer-controller"},
        "resources": resources("100m", "128Mi", most="256Mi"),
    }


def karpenter(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Karpenter; what it may start is in its NodePools, not here."""
    return {
        "settings": {
            "clusterName": inputs.cluster,
            "interruptionQueue": inputs.interruption_queue,
            "eksControlPlane": True,
        },
        "replicas": inputs.replicas,
        "priorityClassName": inputs.priority_class,
        "serviceAccount": {"name": "karpenter"},
        "controller": {"resources": resources("250m", "512Mi", most="1Gi")},
        "serviceMonitor": {"enabled": False},
    }


def external_secrets(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of External Secrets: it reads from the store, and never writes there."""
    return {
        "installCRDs": False,
        "replicaCount": inputs.replicas,
        "leaderElect": inputs.replicas > 1,
        "serviceAccount": {"name": "external-secrets"},
        "processPushSecret": False,
        "processClusterPushSecret": False,
        "processClusterGenerator": False,
        "rbac": {"aggregateToView": False, "aggregateToEdit": False},
        "resources": resources("50m", "128Mi", most="256Mi"),
        "podDisruptionBudget": {"enabled": inputs.replicas > 1, "minAvailable": 1},
        "webhook": {"replicaCount": inputs.replicas, "resources": resources("25m", "64Mi", most="128Mi")},
        "certController": {"resources": resources("25m", "64Mi", most="256Mi")},
    }


def policy_controller(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of the policy controller: it asks about the pods of tenants and cells, and of nobody else.

    Which namespaces these are, the label of their role says, which admission lets nobody change. What no policy
    names is refused; its own namespace is not among them, so it starts whatever it would say.
    """
    return {
        "webhook": {
            "replicaCount": inputs.replicas,
            "failurePolicy": "Fail",
            "configData": {"no-match-policy": "warn" if inputs.environment == "dev" else "deny"},
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": ROLE, "operator": "In", "values": [ROLE_CELL, ROLE_TENANT]},
                ]
            },
            "podSecurityContext": {"enabled": True, **CONTAINER, **POD, "runAsUser": 65532},
            "podDisruptionBudget": {"enabled": inputs.replicas > 1, "minAvailable": 1},
            "priorityClass": inputs.priority_class,
            "resources": resources("100m", "128Mi", most="512Mi"),
            "serviceAccount": {"name": "policy-controller"},
        },
        "serviceMonitor": {"enabled": False},
    }


def traefik(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Traefik: routes stay inside their namespace, and plain HTTP is sent on to HTTPS."""
    return {
        "image": {"tag": TRAEFIK_IMAGE},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "deployment": {"replicas": max(inputs.replicas, 1)},
        "podDisruptionBudget": {"enabled": inputs.replicas > 1, "maxUnavailable": 1},
        "ingressClass": {"enabled": True, "isDefaultClass": False},
        "providers": {
            # A tenant that may name another's service or middleware reads its pages.
            "kubernetesCRD": {
                "allowCrossNamespace": False,
                "allowExternalNameServices": False,
                "allowEmptyServices": True,
            },
            "kubernetesIngress": {"enabled": False},
            "kubernetesGateway": {"enabled": False},
        },
        "gateway": {"enabled": False},
        "gatewayClass": {"enabled": False},
        "api": {"dashboard": False},
        "ingressRoute": {"dashboard": {"enabled": False}},
        "ports": {
            "web": {
                "http": {
                    "redirections": {"entryPoint": {"to": "websecure", "scheme": "https", "permanent": True}}
                }
            }
        },
        "service": {"spec": {"type": inputs.ingress}},
        "accessLog": {"enabled": True, "format": "json"},
        "metrics": {"prometheus": {"service": {"enabled": True}}},
        "resources": resources("250m", "128Mi", most="512Mi"),
    }


def cloudnative_pg(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of CloudNativePG; its containers are restricted by the chart's own defaults."""
    return {
        "crds": {"create": False},
        "replicaCount": inputs.replicas,
        "config": {"clusterWide": True},
        "rbac": {"aggregateClusterRoles": False},
        "resources": resources("100m", "256Mi", most="512Mi"),
    }


def barman_cloud(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of the Barman Cloud plugin; cert-manager makes the certificates between it and CNPG."""
    del inputs  # one copy everywhere: it only hands out configuration, the backups run beside PostgreSQL
    return {
        "crds": {"create": False},
        "replicaCount": 1,
        "certificate": {"createClientCertificate": True, "createServerCertificate": True},
        "resources": resources("50m", "64Mi", most="128Mi"),
    }


def keda(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of KEDA: it scales Deployments, and gives no role of the cluster more rights."""
    return {
        "crds": {"install": False},
        "operator": {"replicaCount": inputs.replicas},
        "rbac": {
            "aggregateToDefaultRoles": False,
            "enabledCustomScaledRefKinds": False,
            "scaledRefKinds": [{"apiGroup": "apps", "kind": "deployments"}],
        },
        "permissions": {"metricServer": {"restrict": {"secret": True}}},
        "resources": {
            "operator": resources("100m", "128Mi", most="512Mi"),
            "metricServer": resources("50m", "64Mi", most="256Mi"),
            "webhooks": resources("25m", "32Mi", most="128Mi"),
        },
        "prometheus": {"operator": {"enabled": True}},
    }
