"""An API server of the tests' own, with Traefik's definitions, the tenants' rendered objects, and no controller.

Endpoints are written by hand. An API server takes no loopback address for one, so backends listen on this machine's.
"""

import base64
import datetime as dt
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.workload.plan import WorkloadPlan
from local.controlplane import bootstrap, control, processes, services
from local.kube import KubeApi
from local.progress import Progress
from local.state import State
from local.toolchain import catalog, published
from local.toolchain.build import ensure
from tests.edge.backends import Backend
from tests.workload import rendering

SECONDS = 300.0
"""Longest that anything is waited for, a busy machine included."""
_TICK = 0.1
KINDS = frozenset({"Service", "IngressRoute", "Middleware"})
"""What Traefik reads of a tenant's chart. Certificates are cert-manager's: their Secrets are made here."""

Object = dict[str, Any]


def eventually(what: str, found: Callable[[], object]) -> None:
    """Wait until something is so; `found` returns what is still missing."""
    begun, missing = time.monotonic(), found()
    while missing:
        assert time.monotonic() - begun < SECONDS, f"{what} did not come about; still: {missing}"
        time.sleep(_TICK)
        missing = found()


def own_address() -> str:
    """Return an address of this machine that is no loopback, or skip the tests."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family == socket.AF_INET and not each.address.startswith(("127.", "169.254.")):
                return each.address
    pytest.skip("this machine has no address but loopback, and an API server takes no such endpoint")


def start(state: State) -> KubeApi:
    """Start etcd and the API server alone, with the definitions of Traefik."""
    progress = Progress()
    programs = ensure(progress, [catalog.ETCD, catalog.APISERVER])
    layout, _ = control.prepare(state, programs)
    first = [services.etcd(layout), services.apiserver(layout)]
    for each in first:
        processes.start(each)
    api = KubeApi(state.kubeconfig)
    with progress.step("an API server for the edge") as step:
        control.wait(step, first, lambda: "" if api.ready() else "the API server")
        definitions = bootstrap.definitions(tuple(each for each in published.CRDS if each.name == "traefik"))
        for definition in definitions:
            api.apply(definition)
        wanted = {(each["spec"]["group"], each["spec"]["names"]["plural"]) for each in definitions}

        def unserved() -> str:
            there = {(group, plural) for group, _, plural in api.served()}
            return ", ".join(plural for _, plural in sorted(wanted - there))

        control.wait(step, first, unserved)
    return api


def rendered(plan: WorkloadPlan, folder: Path, edge: Mapping[str, Any]) -> list[Object]:
    """Render a tenant's chart by the real Helm, with some values of the edge changed, and keep what Traefik reads."""
    import yaml  # noqa: PLC0415

    document = plan.values.document()
    document["edge"] = {**document["edge"], **edge}
    folder.mkdir()
    done = rendering.run(document, folder)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] in KINDS]


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def endpoints(service: Object, backend: Backend) -> Object:
    """Return what the controllers would write once a pod of the Service is ready."""
    name = service["metadata"]["name"]
    (port,) = service["spec"]["ports"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": service["metadata"]["namespace"],
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": port["name"], "port": backend.port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [backend.address], "conditions": {"ready": True}}],
    }


class Authority:
    """Issues what cert-manager would."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests of the edge")])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder(self._name, self._key).add_extension(basic, critical=True)
        key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = builder.add_extension(usage, critical=True).add_extension(key_id, critical=False)
        self.certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def secret(self, name: str, namespace: str, hosts: Iterable[str]) -> Object:
        """Return the Secret of a Certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = self._builder(x509.Name([]), key).add_extension(names, critical=True)
        leaf = builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        data = {"tls.crt": leaf.public_bytes(serialization.Encoding.PEM), "tls.key": private}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )


def apply(api: KubeApi, objects: Sequence[Object]) -> None:
    """Apply objects; a field that a definition does not have is refused, and not dropped in silence."""
    for each in objects:
        api.apply(each, strict=True)
