"""What watches an environment, and why: monitors, rules, routes of alerts, dashboards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.database.plan import has_databases
from components.labelling import environment_labels, pod_security_labels
from components.manifests import KubeObject, manifest
from components.monitoring.check import Check
from components.monitoring.checks import CHECKS, checks_of
from components.monitoring.dashboards import dashboards
from components.monitoring.logins import plan_prober_walls
from components.monitoring.relabelling import CERTIFICATES, DELIVERY, EDGE, endpoint
from components.monitoring.routes import alert_routes
from components.monitoring.rules import rule_groups
from release.gates.rendered import templates
from spec import labels
from spec.environment import EnvironmentSpec
from spec.naming import ARGO_CD, MONITORING

_API: Final = "monitoring.coreos.com/v1"
_CERT_MANAGER: Final = "cert-manager"


@dataclass(frozen=True, kw_only=True)
class MonitoringPlan:
    """Objects of the namespace of the monitoring. None of them follows from a tenant: tenants are labels of series."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]
    reasons: tuple[str, ...]


def plan_monitoring(environment: EnvironmentSpec) -> MonitoringPlan:
    """Plan the monitoring of an environment; nothing where a second region stands by, because nothing runs there."""
    if not has_databases(environment):
        reasons = ("Nothing runs in a region that stands by, so there is nothing to watch.",)
        return MonitoringPlan(wait_seconds=environment.wait_seconds, objects=(), reasons=reasons)
    own = environment_labels(environment.name)
    asked = checks_of(environment)
    left = [check.name for check in CHECKS if check not in asked]
    return MonitoringPlan(
        wait_seconds=environment.wait_seconds,
        objects=(
            *_namespace(environment, own),
            _rules(environment, own),
            _monitor(
                EDGE, environment.ingress_namespace, {"app.kubernetes.io/name": "traefik"}, "metrics", own
            ),
            _monitor(
                DELIVERY,
                ARGO_CD,
                {"app.kubernetes.io/name": "argocd-application-controller"},
                "metrics",
                own,
            ),
            _monitor(
                CERTIFICATES,
                _CERT_MANAGER,
                {"app.kubernetes.io/name": "cert-manager", "app.kubernetes.io/component": "controller"},
                "http-metrics",
                own,
            ),
            plan_prober_walls(environment),
            *([] if environment.aws is None else [alert_routes(environment)]),
            *_gates(asked, own),
            *dashboards(own),
        ),
        reasons=(
            f"{len(asked)} checks are asked of every tenant by rules that do not name any.",
            *((f"Without a figure here, and so not asked: {', '.join(left)}.",) if left else ()),
        ),
    )


def _namespace(environment: EnvironmentSpec, own: dict[str, str]) -> tuple[KubeObject, ...]:
    """Plan the namespace where no chart brings Prometheus: in AWS it is the operators'."""
    if environment.aws is not None:
        return ()
    held = {labels.ROLE: labels.ROLE_PLATFORM} | pod_security_labels(environment.pod_security_version)
    return (
        KubeObject(
            key="namespace",
            manifest=manifest("v1", "Namespace", MONITORING, labels=own | held),
            why="Whoever brings a Prometheus here finds the rules; there is none in this environment.",
            protect=True,
        ),
    )


def _rules(environment: EnvironmentSpec, own: dict[str, str]) -> KubeObject:
    groups = rule_groups(environment.name.value, checks_of(environment))
    count = sum(len(group["rules"]) for group in groups)
    return KubeObject(
        key="rules",
        manifest=manifest(
            _API, "PrometheusRule", "storefleet", namespace=MONITORING, labels=own, spec={"groups": groups}
        ),
        why=f"Gates, objectives and alerts: {count} rules, whatever the number of tenants.",
    )


def _gates(asked: Sequence[Check], own: dict[str, str]) -> tuple[KubeObject, ...]:
    return tuple(
        KubeObject(
            key=f"gate-{template['metadata']['name'].removeprefix('storefleet-')}",
            manifest=manifest(
                template["apiVersion"],
                template["kind"],
                template["metadata"]["name"],
                labels=own,
                spec=template["spec"],
            ),
            why="The gate of a layer as the cluster carries it out, for any tenant; releases write its metrics out.",
        )
        for template in templates(asked)
    )


def _monitor(source: str, namespace: str, pods: dict[str, str], port: str, own: dict[str, str]) -> KubeObject:
    return KubeObject(
        key=f"monitor-{source}",
        manifest=manifest(
            _API,
            "PodMonitor",
            f"storefleet-{source}",
            namespace=MONITORING,
            labels=own,
            spec={
                "namespaceSelector": {"matchNames": [namespace]},
                "selector": {"matchLabels": pods},
                "podMetricsEndpoints": [endpoint(source, port)],
            },
        ),
        why=f"What {namespace} measures, with the labels that the rules join by.",
    )
