"""One Traefik for all tests of the edge, with tenants in every phase and two that try to leave their namespace."""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.operators import ingress
from local.controlplane import processes
from local.controlplane.ports import free_port
from local.kube import KubeApi
from local.state import State
from tests.components import samples
from tests.edge import cluster, hostile, traefik
from tests.edge.backends import Backend
from tests.edge.visitor import Visitor
from tests.workload.samples import MIGRATION, Step, planned

LOCAL = samples.environment()
TENANTS = {
    "acme": (planned(samples.tenant(), LOCAL), {}),
    "bolt": (planned(samples.tenant("bolt"), LOCAL), {"maxBodyBytes": 2**20, "inFlight": 2}),
    "brisk": (planned(samples.tenant("brisk"), LOCAL), {"requestsPerSecond": 1, "burst": 2}),
    "corsair": (planned(samples.tenant("corsair", state="suspended"), LOCAL), {}),
    "dune": (
        planned(samples.tenant("dune"), LOCAL, Step(phase="migrate", migration=MIGRATION)),
        {},
    ),
}
"""Plans, and what is narrower than planned so that a test meets the limit with few requests."""
READY = {"acme": ("odoo", "odoo-websocket"), "bolt": ("odoo",), "brisk": ("odoo",), "dune": ("closed",)}
"""The Services with a pod that is ready; all of Odoo's processes are gone where a shop is closed or migrated."""


@dataclass(frozen=True)
class Edge:
    """What tests ask and look at; backends by `<namespace>/<service>`."""

    visitor: Visitor
    backends: dict[str, Backend]
    access_log: Path

    def reached(self) -> dict[str, int]:
        """Return how many requests each backend has had: nobody was reached while this does not change."""
        return {name: len(backend.reached) for name, backend in self.backends.items()}


def host(tenant: str) -> str:
    return f"www.{tenant}.example"


def _tenants(
    api: KubeApi, authority: cluster.Authority, stack: ExitStack, folder: Path
) -> dict[str, Backend]:
    address, backends = cluster.own_address(), {}
    for name, (plan, edge) in TENANTS.items():
        space = plan.values.namespace
        objects = cluster.rendered(plan, folder / name, edge)
        cluster.apply(api, [cluster.namespace(space), *objects])
        cluster.apply(
            api, [authority.secret(f"{each.name}-tls", space, each.hosts) for each in plan.values.edge.routes]
        )
        for service in objects:
            key = f"{space}/{service['metadata']['name']}"
            if service["kind"] == "Service" and service["metadata"]["name"] in READY.get(name, ()):
                backends[key] = stack.enter_context(Backend(key, address))
                cluster.apply(api, [cluster.endpoints(service, backends[key])])
    return backends


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Generator[Edge]:
    program = traefik.program()
    folder = tmp_path_factory.mktemp("edge")
    state, values = State(folder / "state"), traefik.values()
    ports = {name: free_port() for name in traefik.ENTRY_POINTS}
    access_log, authority = folder / "access.log", cluster.Authority()
    with ExitStack() as stack:
        stack.callback(lambda: processes.end(list(processes.running(state.root).values())))
        api = cluster.start(state)
        cluster.apply(api, [cluster.namespace(ingress.NAMESPACE), *traefik.tls_options(values)])
        backends = _tenants(api, authority, stack, folder)
        cluster.apply(api, hostile.objects(authority))
        service = traefik.service(
            program, traefik.static(values, ports, access_log), state.kubeconfig, folder
        )
        stack.callback(lambda: processes.end(list(processes.running(folder).values())))
        processes.start(service)
        visitor = Visitor(ports, authority.pem)

        def waiting() -> str:
            assert processes.find(service), f"Traefik ended:\n{processes.tail(service)}"
            return _unserved(visitor)

        cluster.eventually("a route for every tenant", waiting)
        yield Edge(visitor, backends, access_log)


def _unserved(visitor: Visitor) -> str:
    expected = {"acme": 200, "bolt": 200, "brisk": 200, "corsair": 503, "dune": 503}
    seen: dict[str, Any] = {}
    for name, status in expected.items():
        try:
            answer = visitor.ask(host(name)).status
        except OSError as error:  # nobody listens yet, or there is no certificate for the name
            answer = str(error)
        if answer not in {status, 429}:
            seen[name] = answer
    return str(seen or "")
