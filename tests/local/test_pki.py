"""The keys of the embedded control plane."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.controlplane import pki


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    made, changed = pki.ensure(tmp_path_factory.mktemp("pki"))
    assert changed, "nothing was made"
    return made


def load(keys, name):
    return x509.load_pem_x509_certificate(keys.certificate(name).read_bytes())


def test_a_second_call_makes_nothing(keys):
    assert not pki.ensure(keys.folder)[1], "clients of a running server would lose their certificates"


def test_every_private_key_is_readable_by_its_owner_only(keys):
    for key in keys.folder.glob("*.key"):
        assert key.stat().st_mode & 0o077 == 0, f"{key.name} can be read by others"


@pytest.mark.parametrize("leaf", pki.LEAVES, ids=lambda leaf: leaf.name)
def test_a_certificate_is_good_for_its_own_authority_only(keys, leaf):
    certificate = load(keys, leaf.name)
    certificate.verify_directly_issued_by(load(keys, leaf.authority))
    for other in set(pki.AUTHORITIES) - {leaf.authority}:
        with pytest.raises((ValueError, InvalidSignature)):
            certificate.verify_directly_issued_by(load(keys, other))


@pytest.mark.parametrize("leaf", [leaf for leaf in pki.LEAVES if not leaf.hosts], ids=lambda leaf: leaf.name)
def test_a_client_cannot_pose_as_a_server(keys, leaf):
    usage = load(keys, leaf.name).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.SERVER_AUTH not in usage


def test_only_the_administrator_is_a_cluster_master():
    assert [leaf.name for leaf in pki.LEAVES if "system:masters" in leaf.groups] == ["admin"]


def test_a_pair_that_a_kill_left_half_written_is_made_again(tmp_path):
    keys, _ = pki.ensure(tmp_path)
    other = keys.certificate("scheduler").read_bytes()
    keys.certificate("admin").write_bytes(other)
    keys.key("kwok").write_text("-----BEGIN EC PRIVATE")
    assert pki.ensure(tmp_path)[1]
    assert keys.certificate("scheduler").read_bytes() == other, "a good certificate was replaced as well"
    assert keys.certificate("admin").read_bytes() != other
    assert not pki.ensure(tmp_path)[1]


def test_a_new_authority_brings_new_certificates(tmp_path):
    keys, _ = pki.ensure(tmp_path)
    before = keys.certificate("etcd").read_bytes()
    keys.key("etcd-ca").unlink()
    pki.ensure(tmp_path)
    assert keys.certificate("etcd").read_bytes() != before
    load(keys, "etcd").verify_directly_issued_by(load(keys, "etcd-ca"))


def test_a_certificate_whose_description_has_changed_is_issued_again(tmp_path, monkeypatch):
    keys, _ = pki.ensure(tmp_path)
    before = keys.certificate("etcd").read_bytes()
    moved = [
        dataclasses.replace(leaf, hosts=(*leaf.hosts, "10.1.2.3")) if leaf.name == "apiserver" else leaf
        for leaf in pki.LEAVES
    ]
    monkeypatch.setattr(pki, "LEAVES", moved)
    assert pki.ensure(tmp_path)[1], "a new address of the API server would not be trusted"
    assert keys.certificate("etcd").read_bytes() == before


@pytest.mark.parametrize(("when", "why"), [("2100-01-01", "ended"), ("2000-01-01", "not begun")])
def test_keys_whose_time_has_ended_or_not_begun_are_made_again(tmp_path, when, why, monkeypatch):
    pki.ensure(tmp_path)

    class Later(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return dt.datetime.fromisoformat(when).replace(tzinfo=tz)

    monkeypatch.setattr(pki.dt, "datetime", Later)
    assert pki.ensure(tmp_path)[1], f"every client would be refused: its time has {why}"
    assert not pki.ensure(tmp_path)[1]
