"""The commands of the control plane keep it on this machine and closed to strangers."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.controlplane import nodes, services
from local.controlplane.pki import Pki
from local.controlplane.ports import NAMES
from local.state import State

LAYOUT = services.Layout(
    programs={
        name: Path(f"/programs/{name}")
        for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    },
    pki=Pki(Path("/pki")),
    ports={name: 20000 + number for number, name in enumerate(NAMES)},
    state=State(Path("/state")),
)
ALL = (
    services.etcd(LAYOUT),
    services.apiserver(LAYOUT),
    services.controller_manager(LAYOUT),
    services.scheduler(LAYOUT),
    services.kwok(LAYOUT, (Path("/stage.json"),)),
)


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
def test_a_process_listens_on_loopback_only(service):
    text = " ".join(service.command)
    assert "0.0.0.0" not in text  # noqa: S104
    for argument in service.command:
        if "urls=" in argument:
            assert "//127.0.0.1:" in argument, f"{argument} is open to the network"
        if argument.startswith(("--bind-address", "--advertise-address")):
            assert argument.endswith("=127.0.0.1")


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
def test_no_process_skips_the_verification_of_certificates(service):
    text = " ".join(service.command)
    for flag in ("insecure", "skip-tls", "skip-verify", "AlwaysAllow", "anonymous-auth=true"):
        assert flag not in text, f"{service.name} runs with {flag}"


def test_etcd_takes_clients_with_a_certificate_of_its_own_authority_only():
    command = ALL[0].command
    assert "--client-cert-auth=true" in command
    assert "--trusted-ca-file=/pki/etcd-ca.crt" in command


def test_the_api_server_authorises_by_roles_and_encrypts_secrets():
    command = ALL[1].command
    assert "--authorization-mode=Node,RBAC" in command
    assert any(a.startswith("--encryption-provider-config=") for a in command)
    assert "--anonymous-auth=false" in command


def test_only_the_dedicated_pool_is_closed_to_others():
    tainted = {
        n["metadata"]["labels"]["storefleet.dev/pool"] for n in nodes.manifests() if n["spec"]["taints"]
    }
    assert tainted == {"dedicated"}
