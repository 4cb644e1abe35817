"""How a tenant is reached: which hosts share a certificate, and how much is let in at a time."""

from collections.abc import Sequence
from typing import Final

from components.extensions.store import ISSUER
from components.workload.values import EdgeValues, RouteValues
from spec.aws import zone_of
from spec.environment import EnvironmentSpec
from spec.naming import bounded
from spec.tenant import TenantSpec

ROUTE_LIMIT: Final = 53
"""Longest name of a route: `-tls` and a hash of Traefik's own are added to it."""

MAX_BODY_BYTES: Final = 128 * 2**20
"""What Odoo itself takes as one upload (`web.max_file_upload_size`); more would be thrown away at the other end."""
REQUESTS_PER_SECOND: Final = 100
"""Of one address. A store's tills share one: some 20 of them at 5 requests a second. Chosen, not measured."""
BURST: Final = 400
"""The first page of Odoo's back end is some 60 requests; a store opens with several at once."""
LOGINS_PER_MINUTE: Final = 30
"""Of one address: a store's staff in the morning, and far from what guessing passwords needs."""
QUEUE_PER_WORKER: Final = 8
"""Requests in flight for each worker: at 250 ms each, who comes last waits two seconds."""


def edge_values(tenant: TenantSpec, environment: EnvironmentSpec, most_web_pods: int) -> EdgeValues:
    """Return how a tenant is reached in an environment, by the domains that it has there and by no others.

    Hosts in zones of ours share a certificate. Each host whose DNS is elsewhere has its own: what its owner has not
    set up keeps that one name from being served, and none of the others.
    """
    workers = tenant.preset.processes.web.workers
    return EdgeValues(
        issuer=ISSUER,
        routes=_routes(tenant.domains, environment),
        sticky=environment.aws is None and tenant.preset.processes.web.replicas > 1,
        max_body_bytes=MAX_BODY_BYTES,
        requests_per_second=REQUESTS_PER_SECOND,
        burst=BURST,
        logins_per_minute=LOGINS_PER_MINUTE,
        in_flight=most_web_pods * workers * QUEUE_PER_WORKER,
    )


def hosts_of(tenant: TenantSpec, environment: EnvironmentSpec) -> tuple[str, ...]:
    """Return the names that a tenant is reached by in an environment: those in zones of ours first."""
    return tuple(host for route in _routes(tenant.domains, environment) for host in route.hosts)


def _routes(domains: Sequence[str], environment: EnvironmentSpec) -> tuple[RouteValues, ...]:
    zones = {} if environment.aws is None else environment.aws.zones
    own: list[str] = []
    foreign: list[str] = []
    for host in domains:
        zone = zone_of(host, zones)
        elsewhere = zone is not None and zones[zone].source == "elsewhere"
        (foreign if elsewhere else own).append(host)
    routes = [RouteValues(name="odoo", hosts=tuple(own))] if own else []
    routes += [
        RouteValues(name=bounded(f"odoo-{host.replace('.', '-')}", ROUTE_LIMIT), hosts=(host,))
        for host in foreign
    ]
    return tuple(routes)
