"""The prober asks through the real ingress controller, as Prometheus has it ask: by a plan's own configuration."""

import json
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from components.monitoring import prober
from components.monitoring.logins import plan_login
from components.monitoring.relabelling import LOGIN
from local.controlplane.ports import free_port
from local.progress import Progress
from local.prometheus import Prometheus, start_prometheus
from local.toolchain import catalog
from local.toolchain.build import ensure
from tests.components import samples
from tests.edge import cluster
from tests.edge.conftest import LOCAL, Edge

pytestmark = pytest.mark.integration

PAGE = '<form class="oe_login_form"><input type="text" name="login"/></form>'
GOOD, BAD = 1.0, 0.0
ASKED = ("acme", "bolt", "dune", "nobody")
"""Those that the plan takes for open shops: dune is being migrated, and nobody has a certificate for the last one."""


def trusting(authority: Path) -> dict[str, Any]:
    """Return the prober's configuration, with the tests' authority in place of the ones that browsers know."""
    found = prober.configuration()
    found["modules"][prober.MODULE]["http"]["tls_config"] = {"ca_file": str(authority)}
    return found


@contextmanager
def _prober(folder: Path, configuration: dict[str, Any]) -> Generator[str]:
    program = ensure(Progress(Console()), [catalog.PROBER])[catalog.PROBER.name]
    file = folder / "prober.json"  # JSON is YAML
    file.write_text(json.dumps(configuration))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prober.log").open("wb") as log:
        child = subprocess.Popen(
            [program, f"--config.file={file}", f"--web.listen-address={address}"], stdout=log, stderr=log
        )
        try:
            yield address
        finally:
            child.terminate()
            child.wait(60)


def jobs(router: str, address: str, interval: int) -> Iterator[dict[str, Any]]:
    """Return the entries of `scrape_configs` that the operator writes, with addresses of this machine."""
    for name in ASKED:
        (one,) = plan_login(samples.tenant(name), LOCAL)
        spec = one.manifest["spec"]
        static = spec["targets"]["staticConfig"]
        own = [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": address},
        ]
        own += [
            {"target_label": each["targetLabel"], "replacement": each["replacement"]}
            for each in static["relabelingConfigs"]
        ]
        yield {
            "job_name": f"probe/{one.meta.namespace}/{one.meta.name}",
            "metrics_path": spec["prober"]["path"],
            "scheme": spec["prober"]["scheme"],
            "params": {
                "module": [spec["module"]],
                **{each["name"]: each["values"] for each in spec["params"]},
            },
            "scrape_interval": f"{interval}s",
            "scrape_timeout": f"{interval}s",
            "static_configs": [{"targets": [f"https://{router}{prober.PATH}"], "labels": static["labels"]}],
            "relabel_configs": own,
        }


@pytest.fixture(scope="module")
def asked(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> Generator[Prometheus]:
    folder = tmp_path_factory.mktemp("prober")
    authority = folder / "authority.pem"
    authority.write_text(edge.visitor.authority)
    router = f"127.0.0.1:{edge.visitor.ports['websecure']}"
    with (
        _prober(folder, trusting(authority)) as address,
        start_prometheus(
            folder / "prometheus",
            [],
            list(jobs(router, address, 2)),
            interval=2,
            progress=Progress(Console()),
        ) as prometheus,
    ):
        yield prometheus


def said(prometheus: Prometheus, expected: dict[str, float]) -> None:
    """Wait until the prober says so of each shop."""

    def missing() -> str:
        found = {
            labels["tenant"]: value
            for labels, value in prometheus.query(f'probe_success{{source="{LOGIN}"}}')
        }
        return "" if found == expected else str(found)

    cluster.eventually(f"{expected}", missing)


@pytest.fixture
def pages(edge: Edge) -> Generator[dict[str, tuple[int, str]]]:
    pages = edge.backends["t-acme/odoo"].pages
    pages[prober.PATH] = 200, PAGE
    edge.backends["t-bolt/odoo"].pages[prober.PATH] = 200, PAGE
    yield pages
    pages.clear()
    edge.backends["t-bolt/odoo"].pages.clear()


CLOSED = {"dune": BAD, "nobody": BAD}


def test_a_shop_that_can_be_signed_in_to_is_good_and_one_that_is_migrated_or_has_no_certificate_is_not(
    asked: Prometheus, edge: Edge, pages: dict[str, tuple[int, str]]
):
    said(asked, {"acme": GOOD, "bolt": GOOD, **CLOSED})
    last = edge.backends["t-acme/odoo"].reached[-1]
    assert (last.method, last.path, last.headers["host"]) == ("GET", prober.PATH, "www.acme.example")
    assert last.headers["user-agent"] == "storefleet-prober", "nobody could tell it from a visitor"
    assert last.headers["x-forwarded-proto"] == "https"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((500, PAGE), id="an error"),
        pytest.param((200, "<h1>Welcome</h1>"), id="another page"),
        pytest.param((303, ""), id="a redirect"),
        pytest.param((200, PAGE + " " * 3_000_000), id="a page without end"),
    ],
)
def test_a_shop_that_answers_with_something_else_is_bad_and_its_neighbour_is_not(
    asked: Prometheus, pages: dict[str, tuple[int, str]], answer: tuple[int, str]
):
    pages[prober.PATH] = answer
    said(asked, {"acme": BAD, "bolt": GOOD, **CLOSED})


def test_a_certificate_that_nobody_vouches_for_is_bad(tmp_path: Path, edge: Edge, pages: dict[str, Any]):
    router = f"127.0.0.1:{edge.visitor.ports['websecure']}"
    with (
        _prober(tmp_path, prober.configuration()) as address,
        start_prometheus(
            tmp_path / "prometheus",
            [],
            list(jobs(router, address, 2)),
            interval=2,
            progress=Progress(Console()),
        ) as prometheus,
    ):
        said(prometheus, {"acme": BAD, "bolt": BAD, **CLOSED})


def test_a_prober_that_is_gone_says_nothing_rather_than_something_old(tmp_path: Path, edge: Edge):
    router, address = f"127.0.0.1:{edge.visitor.ports['websecure']}", f"127.0.0.1:{free_port()}"
    with start_prometheus(
        tmp_path, [], list(jobs(router, address, 2)), interval=2, progress=Progress(Console())
    ) as prometheus:

        def missing() -> str:
            up = {labels["tenant"] for labels, value in prometheus.query(f'up{{source="{LOGIN}"}} == 0')}
            return "" if up == set(ASKED) else str(up)

        cluster.eventually("nobody answers", missing)
        assert not prometheus.query("probe_success")
