"""Values of the operators that watch: Prometheus and its kind, the prober, Loki, Alloy, Pyrra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.monitoring.exposed import EXPOSED
from components.monitoring.prober import DIGEST, configuration
from components.operators.inputs import CONTAINER, POD, resources
from spec.labels import MANAGED_BY, MANAGED_BY_VALUE
from spec.naming import cell_namespace, tenant_namespace

if TYPE_CHECKING:
    from components.operators.inputs import OperatorInputs

AGENTS: Final = "monitoring-agents"
"""Namespace of what reads the nodes themselves."""
PROMETHEUS: Final = "http://prometheus-operated.monitoring.svc.cluster.local:9090"
LOKI: Final = "http://loki.monitoring.svc.cluster.local:3100"
_ALLOY_STATE: Final = "/var/lib/alloy"
_SCHEMA_FROM: Final = "2026-01-01"
"""First day of the layout that logs are stored in: a later layout is added with a later day, never put here."""


def prometheus(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of kube-prometheus-stack: monitors and rules of every namespace, no secret rendered.

    Grafana's password and Alertmanager's receivers are Secrets that External Secrets brings: a chart that makes
    them itself writes them into the release, where whoever reads Secrets of the namespace finds them.
    """
    everything = {
        f"{kind}SelectorNilUsesHelmValues": False
        for kind in ("podMonitor", "probe", "rule", "scrapeConfig", "serviceMonitor")
    }
    claim = {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}},
    }
    return {
        "crds": {"enabled": False},
        "cleanPrometheusOperatorObjectNames": True,
        # EKS shows none of these; a target that can never be reached is an alarm that never ends.
        "kubeControllerManager": {"enabled": False},
        "kubeEtcd": {"enabled": False},
        "kubeProxy": {"enabled": False},
        "kubeScheduler": {"enabled": False},
        "prometheusOperator": {
            "resources": resources("100m", "128Mi", most="256Mi"),
            "admissionWebhooks": {"certManager": {"enabled": True}, "patch": {"enabled": False}},
        },
        "prometheus": {
            "service": {"type": "ClusterIP"},
            "prometheusSpec": {
                **everything,
                "replicas": inputs.replicas,
                "retention": "15d",
                "retentionSize": "45GB",
                "resources": resources("500m", "2Gi", most="4Gi"),
                "storageSpec": {"volumeClaimTemplate": claim},
            },
        },
        "alertmanager": {
            "alertmanagerSpec": {
                "replicas": inputs.replicas,
                "useExistingSecret": True,
                # The routes are an object of ours; left to itself the operator has them see only what carries the
                # label of its own namespace.
                "alertmanagerConfigSelector": {"matchLabels": {MANAGED_BY: MANAGED_BY_VALUE}},
                "alertmanagerConfigMatcherStrategy": {"type": "None"},
                "configSecret": "alertmanager-config",
                "resources": resources("25m", "64Mi", most="128Mi"),
            }
        },
        "grafana": {
            "admin": {
                "existingSecret": "grafana-admin",
                "userKey": "user",
                "passwordKey": "password",
            },
            "service": {"type": "ClusterIP"},
            "resources": resources("100m", "256Mi", most="512Mi"),
            "testFramework": {"enabled": False},
        },
        "kube-state-metrics": {
            "resources": resources("50m", "128Mi", most="512Mi"),
            # Rules know a tenant by the labels of its namespace, which are shown only where they are named.
            "metricLabelsAllowlist": [f"namespaces=[{','.join(EXPOSED)}]"],
        },
        "prometheus-node-exporter": {
            "namespaceOverride": AGENTS,
            "resources": resources("25m", "32Mi", most="64Mi"),
        },
    }


def prober(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of the blackbox exporter; its container's security context is the chart's, and strict.

    Helm leaves the chart's example of a module beside ours: the walls around the prober hold for it as well.
    """
    return {
        "image": {"digest": DIGEST},
        "replicas": max(inputs.replicas, 1),
        "podSecurityContext": POD,
        "config": configuration(),
        "resources": resources("25m", "32Mi", most="128Mi"),
    }


def loki(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Loki: one process that writes to the log bucket, and no other part of the chart."""
    nothing: dict[str, Any] = {"replicas": 0}
    storage: dict[str, Any] = {"type": "filesystem"}
    if inputs.log_bucket:
        storage = {
            "type": "s3",
            "bucketNames": {"chunks": inputs.log_bucket, "ruler": inputs.log_bucket},
            "s3": {"region": inputs.region},
        }
    schema = {
        "from": _SCHEMA_FROM,
        "store": "tsdb",
        "object_store": storage["type"],
        "schema": "v13",
        "index": {"prefix": "index_", "period": "24h"},
    }
    return {
        "deploymentMode": "SingleBinary",
        "serviceAccount": {"name": "loki"},
        "loki": {
            "auth_enabled": False,
            # Without it the standard `restricted` lets no pod of Loki in (seen).
            "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "analytics": {"reporting_enabled": False},
            "commonConfig": {"replication_factor": 1},
            "storage": storage,
            "schemaConfig": {"configs": [schema]},
            "limits_config": {"retention_period": f"{inputs.log_days * 24}h"},
            "compactor": {"retention_enabled": True, "delete_request_store": storage["type"]},
        },
        "singleBinary": {
            "replicas": 1,
            "resources": resources("250m", "512Mi", most="2Gi"),
            "persistence": {"size": "20Gi"},
        },
        "read": nothing,
        "write": nothing,
        "backend": nothing,
        "gateway": {"enabled": False},
        "chunksCache": {"enabled": False},
        "resultsCache": {"enabled": False},
        "lokiCanary": {"enabled": False},
        "test": {"enabled": False},
        "sidecar": {"rules": {"enabled": False}},
        "minio": {"enabled": False},
        "rollout_operator": {"enabled": False},
    }


def alloy(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Alloy: on every node, reading the pods' logs, sending nothing anywhere else."""
    return {
        "crds": {"create": False},
        "controller": {
            "type": "daemonset",
            "tolerations": [{"operator": "Exists"}],
            "volumes": {"extra": [{"name": "state", "emptyDir": {}}]},
        },
        "alloy": {
            "enableReporting": False,
            # The root file system is read-only, and the chart brings no volume for what Alloy writes.
            "mounts": {"varlog": True, "extra": [{"name": "state", "mountPath": _ALLOY_STATE}]},
            "configMap": {"content": _collect(inputs.environment)},
            "securityContext": CONTAINER,
            "storagePath": _ALLOY_STATE,
            "resources": resources("50m", "128Mi", most="256Mi"),
        },
        "configReloader": {"resources": resources("10m", "32Mi", most="64Mi")},
        "serviceMonitor": {"enabled": True},
    }


def pyrra(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Pyrra, whose chart comes with neither limits nor a security context."""
    del inputs  # the same everywhere
    return {
        "prometheusUrl": PROMETHEUS,
        "service": {"type": "ClusterIP"},
        "podSecurityContext": POD,
        "securityContext": {**CONTAINER, "runAsNonRoot": True, "runAsUser": 65533},
        "resources": resources("25m", "64Mi", most="128Mi"),
        "genericRules": {"enabled": True},
        "serviceMonitor": {"enabled": True},
    }


def _collect(environment: str) -> str:
    return f"""\
discovery.kubernetes "pods" {{
  role = "pod"
  selectors {{
    role  = "pod"
    field = "spec.nodeName=" + coalesce(sys.env("HOSTNAME"), constants.hostname)
  }}
}}
discovery.relabel "pods" {{
  targets = discovery.kubernetes.pods.targets
  rule {{
    source_labels = ["__meta_kubernetes_namespace"]
    target_label  = "namespace"
  }}
  rule {{
    source_labels = ["__meta_kubernetes_namespace"]
    regex         = "{tenant_namespace("(.+)")}"
    target_label  = "tenant"
  }}
  rule {{
    source_labels = ["__meta_kubernetes_namespace"]
    regex         = "{cell_namespace("(.+)")}"
    target_label  = "cell"
  }}
  rule {{
    source_labels = ["__meta_kubernetes_pod_name"]
    target_label  = "pod"
  }}
  rule {{
    source_labels = ["__meta_kubernetes_pod_container_name"]
    target_label  = "container"
  }}
  rule {{
    source_labels = ["__meta_kubernetes_pod_uid", "__meta_kubernetes_pod_container_name"]
    separator     = "/"
    replacement   = "/var/log/pods/*$1/*.log"
    target_label  = "__path__"
  }}
}}
local.file_match "pods" {{
  path_targets = discovery.relabel.pods.output
}}
loki.source.file "pods" {{
  targets    = local.file_match.pods.targets
  forward_to = [loki.process.pods.receiver]
}}
loki.process "pods" {{
  stage.cri {{ }}
  forward_to = [loki.write.loki.receiver]
}}
loki.write "loki" {{
  endpoint {{
    url = "{LOKI}/loki/api/v1/push"
  }}
  external_labels = {{ environment = "{environment}" }}
}}
"""
