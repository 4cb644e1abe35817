"""How a shop's page for signing in is asked for, and what the prober may reach.

Each open shop brings a Probe of its own, so that one tenant more changes nothing that exists: a list of all of them in
one object would be every tenant's. Of a shop's names one is asked for, of our own zones where it has one there: a name
whose owner has not set it up holds no release. Each instance of Prometheus has each shop asked every half a minute, as
often as rules look, so that one answer of ten may be lost.
"""

from collections.abc import Iterator
from typing import Final

from components.database.plan import has_databases
from components.edge.plan import TARGET_PORT
from components.labelling import environment_labels, tenant_labels
from components.manifests import KubeObject, manifest
from components.monitoring.pace import PRODUCTION
from components.monitoring.prober import MODULE, PATH, PORT, PROBER, TIMEOUT_SECONDS
from components.monitoring.relabelling import LOGIN
from components.network import namespace_peer, network_policy, ports, to_dns
from components.workload.edge import hosts_of
from spec.environment import EnvironmentSpec
from spec.naming import MONITORING, tenant_namespace
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState

NAME: Final = "app.kubernetes.io/name"
ROUTER: Final = {NAME: "traefik"}
"""The ingress controller's pods; its Service has the same name."""


def plan_login(tenant: TenantSpec, environment: EnvironmentSpec) -> Iterator[KubeObject]:
    """Plan what is asked of a shop; nothing of one that is closed, or where a second region stands by.

    Expects a tenant with the domains that it has in this environment.
    """
    if tenant.state is not TenantState.ACTIVE or not has_databases(environment):
        return
    host = hosts_of(tenant, environment)[0]
    router = f"{ROUTER[NAME]}.{environment.ingress_namespace}.svc"
    yield KubeObject(
        key=LOGIN,
        manifest=manifest(
            "monitoring.coreos.com/v1",
            "Probe",
            LOGIN,
            namespace=tenant_namespace(tenant.id),
            labels=tenant_labels(tenant, environment.name),
            spec={
                "jobName": LOGIN,
                "interval": f"{PRODUCTION.interval}s",
                "scrapeTimeout": f"{TIMEOUT_SECONDS}s",
                "module": MODULE,
                "prober": {"url": f"{PROBER}.{MONITORING}.svc:{PORT}", "scheme": "http", "path": "/probe"},
                # The exporter puts it into the handshake and into the request, in place of the target's own name.
                "params": [{"name": "hostname", "values": [host]}],
                "targets": {
                    "staticConfig": {
                        "static": [f"https://{router}{PATH}"],
                        "labels": {"source": LOGIN, "tenant": tenant.id},
                        "relabelingConfigs": [
                            {"action": "replace", "targetLabel": "instance", "replacement": host}
                        ],
                    }
                },
            },
        ),
        why=f"Whether somebody can sign in at {host}, asked as a visitor asks.",
    )


def plan_prober_walls(environment: EnvironmentSpec) -> KubeObject:
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
