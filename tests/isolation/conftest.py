"""An applied environment to try to break out of.

`STOREFLEET_TEST_PROJECT=<folder>` takes a checkout whose environment is applied already, and leaves it running.
`STOREFLEET_TEST_TENANTS=all` applies all of `tenants/` instead of a few.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spec.fleet import Fleet, load_fleet
from tests.integration.project import TENANTS, Project, copy
from tests.isolation.client import Actor, Client, eventually

if TYPE_CHECKING:
    from collections.abc import Generator

    from spec.tenant import TenantSpec


_FIGURES: dict[str, int] = {}


@pytest.fixture(scope="session")
def figures() -> dict[str, int]:
    """What was counted; it is shown at the end of the run."""
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how much was asked and found: a proof without its figures convinces nobody."""
    if _FIGURES:
        terminalreporter.section("isolation")
        for name, count in _FIGURES.items():
            terminalreporter.write_line(f"{count:>12,}  {name}")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    if kept := os.environ.get("STOREFLEET_TEST_PROJECT"):
        yield Project(Path(kept))
        return
    every = tuple(path.stem for path in (Path(__file__).parents[2] / "tenants").glob("*.yaml"))
    wanted = every if os.environ.get("STOREFLEET_TEST_TENANTS") == "all" else TENANTS
    made = copy(tmp_path_factory.mktemp("isolation"), wanted)
    try:
        made.run("up")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def fleet(project: Project) -> Fleet:
    return load_fleet(project.root, "local")


@pytest.fixture(scope="session")
def client(project: Project) -> Generator[Client]:
    made = Client(project.state.kubeconfig)
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared(fleet: Fleet) -> tuple[TenantSpec, TenantSpec]:
    """Two tenants of the shared tier, and of one cell."""
    cell = next(cell for cell in sorted(fleet.environment.cells) if len(fleet.in_cell(cell)) > 1)
    return fleet.in_cell(cell)[:2]


@pytest.fixture(scope="session")
def operator(client: Client) -> Generator[Actor]:
    """Somebody who may do everything by RBAC and is not the platform: a controller, or a hurried engineer."""
    name, group = "isolation-test-operator", "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
    }
    path = f"/apis/{group}/v1/clusterrolebindings"
    assert client.call("POST", path, binding).status in (201, 409)
    asked = {"user": name, "resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}
    assert eventually(lambda: client.reviews([asked]) == [True]), "the server never noticed the new binding"
    yield Actor(name, ("system:authenticated",))
    client.call("DELETE", f"{path}/{name}")
