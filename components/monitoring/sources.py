"""Which series come from programs that are not ours, by whoever gives them: what rules and dashboards may name.

They were read in the programs' own sources at the versions of the catalogue (kube-state-metrics 2.17.0, which
kube-prometheus-stack brings; the kubelet at 1.34.5 and 1.37.2). Those of requests are seen at the real Traefik, that
of the page for signing in at the real blackbox exporter (tests/edge). A series that stands neither here nor among the
rules and the queries of the databases has no source, and who asks for it is told nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from components.database.queries import metrics

GIVEN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Prometheus, of every target": ("up",),
        "Traefik": (
            "traefik_service_requests_total",
            "traefik_service_request_duration_seconds_bucket",
            "traefik_service_request_duration_seconds_count",
        ),
        "CloudNativePG's own queries": (
            "cnpg_backends_total",
            "cnpg_pg_replication_in_recovery",
            "cnpg_pg_replication_lag",
            "cnpg_pg_settings_setting",
            "cnpg_pg_stat_archiver_seconds_since_last_archival",
        ),
        "CloudNativePG's pooler": ("cnpg_pgbouncer_up", "cnpg_pgbouncer_pools_maxwait"),
        "The plugin for backups": ("barman_cloud_cloudnative_pg_io_last_available_backup_timestamp",),
        "The queries of components.database.queries": metrics(),
        "Argo CD": ("argocd_app_info",),
        "cert-manager": ("certmanager_certificate_expiration_timestamp_seconds",),
        "The blackbox exporter": ("probe_success",),
        "The kubelet": ("kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"),
        "kube-state-metrics": (
            "kube_cronjob_created",
            "kube_cronjob_info",
            "kube_cronjob_status_last_successful_time",
            "kube_deployment_status_replicas_unavailable",
            "kube_job_created",
            "kube_job_failed",
            "kube_job_owner",
            "kube_namespace_labels",
            "kube_node_status_condition",
            "kube_pod_container_status_ready",
            "kube_pod_container_status_restarts_total",
        ),
    }
)
"""Who gives them -> the series."""


def known_series() -> frozenset[str]:
    """Return every series of a source."""
    return frozenset(name for names in GIVEN.values() for name in names)
