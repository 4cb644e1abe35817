"""Certificates of the embedded control plane: three authorities, and a certificate for each client and server."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.state import write

if TYPE_CHECKING:
    from pathlib import Path

_AUTHORITY_LIFE = dt.timedelta(days=3650)
_LEAF_LIFE = dt.timedelta(days=365)
_RENEW_BEFORE = dt.timedelta(days=30)
_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A certificate to issue: who it is for, and the names and addresses a server answers to."""

    name: str
    authority: str
    user: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


AUTHORITIES = ("cluster-ca", "etcd-ca", "front-proxy-ca")
"""Apart on purpose: a client of the cluster is not a client of etcd, nor can it pose as the front proxy."""

_LOOPBACK = ("localhost", "127.0.0.1")
LEAVES = (
    Leaf(
        name="apiserver",
        authority="cluster-ca",
        user="kube-apiserver",
        hosts=(
            *_LOOPBACK,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "10.96.0.1",
        ),
    ),
    Leaf(
        name="controller-manager-server",
        authority="cluster-ca",
        user="kube-controller-manager",
        hosts=_LOOPBACK,
    ),
    Leaf(name="scheduler-server", authority="cluster-ca", user="kube-scheduler", hosts=_LOOPBACK),
    Leaf(name="admin", authority="cluster-ca", user="storefleet-admin", groups=("system:masters",)),
    Leaf(name="controller-manager", authority="cluster-ca", user="system:kube-controller-manager"),
    Leaf(name="scheduler", authority="cluster-ca", user="system:kube-scheduler"),
    Leaf(name="kubelet-client", authority="cluster-ca", user="kube-apiserver-kubelet-client"),
    Leaf(name="kwok", authority="cluster-ca", user="kwok-controller"),
    Leaf(name="argocd", authority="cluster-ca", user="argocd"),
    Leaf(name="etcd", authority="etcd-ca", user="etcd", hosts=_LOOPBACK),
    Leaf(name="etcd-client", authority="etcd-ca", user="kube-apiserver"),
    Leaf(name="front-proxy-client", authority="front-proxy-ca", user="front-proxy-client"),
)


@dataclass(frozen=True)
class Pki:
    """Where the keys and certificates are; ``certificate`` and ``key`` take a leaf's or authority's name."""

    folder: Path

    def certificate(self, name: str) -> Path:
        """Return the path of a certificate (PEM)."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return the path of a private key (PEM, mode 0600)."""
        return self.folder / f"{name}.key"

    @property
    def service_account_key(self) -> Path:
        """The key pair that signs service account tokens."""
        return self.key("service-account")


def ensure(folder: Path) -> tuple[Pki, bool]:
    """Make what is missing or near its end; the second value tells whether anything changed."""
    pki, changed = Pki(folder), False
    for name in AUTHORITIES:
        if not _good(pki, name, issuer=name):
            _issue_authority(pki, name)
            changed = True
    for leaf in LEAVES:
        if not (_good(pki, leaf.name, issuer=leaf.authority) and _as_described(_load(pki, leaf.name), leaf)):
            _issue_leaf(pki, leaf)
            changed = True
    if not pki.service_account_key.exists():
        _write_key(pki, "service-account", ec.generate_private_key(ec.SECP256R1()))
        changed = True
    return pki, changed


def issue(pki: Pki, leaf: Leaf) -> None:
    """Make a certificate that is not everybody's, unless it is there, good and as described."""
    if not (_good(pki, leaf.name, issuer=leaf.authority) and _as_described(_load(pki, leaf.name), leaf)):
        _issue_leaf(pki, leaf)


def _good(pki: Pki, name: str, issuer: str) -> bool:
    """A pair that was half-written, is near its end or has another authority is made again."""
    try:
        certificate = _load(pki, name)
        key = _load_key(pki, name)
        certificate.verify_directly_issued_by(_load(pki, issuer))
    except (OSError, ValueError, TypeError, InvalidSignature, x509.InvalidVersion):
        return False
    now = dt.datetime.now(dt.UTC)
    valid = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW_BEFORE
    return valid and certificate.public_key() == key.public_key()


def _as_described(certificate: x509.Certificate, leaf: Leaf) -> bool:
    """Tell whether a certificate names whom its leaf does: a later version may describe it otherwise."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = list(extension.value)
    except x509.ExtensionNotFound:
        names = []
    return certificate.subject == _subject(leaf) and names == [_general_name(host) for host in leaf.hosts]


def _subject(leaf: Leaf) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, leaf.user)])


def _load(pki: Pki, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pki.certificate(name).read_bytes())


def _load_key(pki: Pki, name: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pki.key(name).read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{pki.key(name)} is not an elliptic curve key")
    return key


def _issue_authority(pki: Pki, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"storefleet {name}")])
    certificate = (
        _builder(subject, subject, key, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(pki, name, key)
    write(pki.certificate(name), certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _issue_leaf(pki: Pki, leaf: Leaf) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority, authority_key = _load(pki, leaf.authority), _load_key(pki, leaf.authority)
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if leaf.hosts else [])]
    builder = (
        _builder(_subject(leaf), authority.subject, key, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )
    if leaf.hosts:
        names = [_general_name(host) for host in leaf.hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    _write_key(pki, leaf.name, key)
    write(pki.certificate(leaf.name), certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(pki: Pki, name: str, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    write(pki.key(name), pem)
