"""Which pages for signing in are asked for, and what the prober may reach.

A ScrapeConfig for each cell lists its open shops: a tenant more is a line more and no object more. Of a shop's names
one is asked for, of our own zones where it has one there: a name whose owner has not set it up holds no release.
Each instance of Prometheus has each shop asked every half a minute, as often as rules look, so that one answer of ten
may be lost.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from components.edge.plan import TARGET_PORT
from components.labelling import cell_labels, environment_labels
from components.manifests import KubeObject, manifest
from components.monitoring.pace import PRODUCTION
from components.monitoring.prober import MODULE, PATH, PORT, PROBER, TIMEOUT_SECONDS
from components.monitoring.relabelling import LOGIN
from components.network import namespace_peer, network_policy, ports, to_dns
from components.workload.edge import hosts_of
from spec.environment import EnvironmentSpec
from spec.naming import MONITORING
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState

NAME: Final = "app.kubernetes.io/name"
ROUTER: Final = {NAME: "traefik"}
"""The ingress controller's pods; its Service has the same name."""


def plan_logins(environment: EnvironmentSpec, tenants: Sequence[TenantSpec]) -> Iterator[KubeObject]:
    """Plan what is asked of each cell's shops, and the walls around the prober."""
    yield _walls(environment)
    for cell_id, cell in sorted(environment.cells.items()):
        here = [each for each in tenants if each.cell == cell_id and each.state is TenantState.ACTIVE]
        if not here:
            continue
        yield KubeObject(
            key=f"logins-{cell_id}",
            manifest=manifest(
                "monitoring.coreos.com/v1alpha1",
                "ScrapeConfig",
                f"logins-{cell_id}",
                namespace=MONITORING,
                labels=cell_labels(cell_id, cell, environment.name),
                spec=_asked(environment, sorted(here, key=lambda each: each.id)),
            ),
            why=f"Whether the {len(here)} shops of the cell can be signed in to, asked as visitors ask.",
        )


def _asked(environment: EnvironmentSpec, tenants: Sequence[TenantSpec]) -> dict[str, Any]:
    router = f"{ROUTER[NAME]}.{environment.ingress_namespace}.svc"
    return {
        "metricsPath": "/probe",
        "scheme": "HTTP",
        "params": {"module": [MODULE], "target": [f"https://{router}{PATH}"]},
        "scrapeInterval": f"{PRODUCTION.interval}s",
        "scrapeTimeout": f"{TIMEOUT_SECONDS}s",
        "staticConfigs": [
            {
                "targets": [hosts_of(tenant, environment)[0]],
                "labels": {"source": LOGIN, "tenant": tenant.id},
            }
            for tenant in tenants
        ],
        "relabelings": [
            # The exporter puts it into the handshake and into the request, in place of the target's own name.
            {"action": "replace", "sourceLabels": ["__address__"], "targetLabel": "__param_hostname"},
            {"action": "replace", "sourceLabels": ["__address__"], "targetLabel": "instance"},
            {
                "action": "replace",
                "targetLabel": "__address__",
                "replacement": f"{PROBER}.{MONITORING}.svc:{PORT}",
            },
        ],
    }


def _walls(environment: EnvironmentSpec) -> KubeObject:
    """Plan who reaches the prober and whom it reaches: whoever may ask it can have it call any address."""
    prometheus = namespace_peer(MONITORING, pods={NAME: "prometheus"})
    router = namespace_peer(environment.ingress_namespace, pods=ROUTER)
    return KubeObject(
        key="prober-walls",
        manifest=network_policy(
            PROBER,
            namespace=MONITORING,
            labels=environment_labels(environment.name),
            pods={NAME: PROBER},
            ingress=[{"from": [prometheus], "ports": ports(PORT)}],
            egress=[to_dns(environment.dns), {"to": [router], "ports": ports(TARGET_PORT)}],
        ),
        why="Prometheus alone asks the prober, and it reaches the ingress controller and DNS, nothing else.",
    )
