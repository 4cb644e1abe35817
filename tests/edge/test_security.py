"""TLS, headers in both directions, the log and the figures, as a visitor and an operator see them."""

import json
import re
import ssl
import warnings

import pytest

from components.operators import ingress
from tests.edge import cluster
from tests.edge.conftest import Edge, host

pytestmark = pytest.mark.integration

FORGED = {
    "X-Forwarded-For": "203.0.113.66",
    "X-Forwarded-Host": "www.bolt.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": "81",
    "X-Real-Ip": "203.0.113.66",
    "X_Forwarded_Host": "www.bolt.example",
    ingress.TENANT_HEADER: "bolt",
}
_BUCKET = re.compile(r'^traefik_service_request_duration_seconds_bucket\{.*service="([^"]+)".*le="([^"]+)"')
OLD = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1}


def _only(trust: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that 1.0 and 1.1 are old is the point
        trust.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        trust.maximum_version = version
        trust.minimum_version = version
    return trust


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_tls_is_spoken_with_a_certificate_for_the_name(edge: Edge, version: ssl.TLSVersion):
    with edge.visitor.connect(host("acme"), _only(edge.visitor.trust(), version)) as secure:
        assert secure.version() == version.name.replace("_", ".").replace("TLSv1.", "TLSv1.")
        names = secure.getpeercert()["subjectAltName"]
        assert names == (("DNS", host("acme")),), "another tenant's names would be in the certificate"


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("tenant", ["acme", "bolt"])
def test_old_tls_is_refused_also_where_a_tenant_asks_for_it(edge: Edge, version: str, tenant: str):
    trust = _only(edge.visitor.trust(), OLD[version])
    trust.set_ciphers("ALL:@SECLEVEL=0")  # or this side would refuse, and the test would prove nothing
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"):
        edge.visitor.connect(host(tenant), trust)


def test_a_cipher_without_authentication_of_what_is_sent_is_refused(edge: Edge):
    trust = _only(edge.visitor.trust(), ssl.TLSVersion.TLSv1_2)
    trust.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        edge.visitor.connect(host("acme"), trust)


def test_a_name_without_a_certificate_is_refused_before_anything_is_said(edge: Edge):
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        edge.visitor.connect("www.nobody.example")


def test_http_2_is_offered(edge: Edge):
    trust = edge.visitor.trust()
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with edge.visitor.connect(host("acme"), trust) as secure:
        assert secure.selected_alpn_protocol() == "h2"


def test_plain_http_is_sent_on_and_reaches_nobody(edge: Edge):
    before = edge.reached()
    answer = edge.visitor.ask_plain("web", host("acme"), "/shop?page=2")
    assert answer.status in {301, 308}
    port = edge.visitor.ports["websecure"]
    assert answer.headers["location"] == f"https://{host('acme')}:{port}/shop?page=2"
    assert edge.reached() == before


@pytest.mark.parametrize(
    ("tenant", "path"), [("acme", "/"), ("acme", "/metrics"), ("dune", "/"), ("corsair", "/")]
)
def test_every_answer_has_the_headers_that_protect_visitors(edge: Edge, tenant: str, path: str):
    headers = edge.visitor.ask(host(tenant), path).headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "camera=(self)" in headers["permissions-policy"]
    assert not {"server", "x-powered-by"} & set(headers), "which program it is tells what to attack it with"


@pytest.mark.parametrize(
    "more", [{}, {"Connection": "close, X-Forwarded-Host, X-Forwarded-For"}], ids=["plain", "hop"]
)
def test_what_a_visitor_forges_does_not_reach_odoo(edge: Edge, more: dict[str, str]):
    assert edge.visitor.ask(host("acme"), headers={**FORGED, **more}).status == 200
    headers = edge.backends["t-acme/odoo"].reached[-1].headers
    assert headers["x-forwarded-for"] == "127.0.0.1", (
        "whoever forges it has no limit, and another address in the log"
    )
    assert headers["x-real-ip"] == "127.0.0.1"
    assert headers["x-forwarded-host"] == host("acme"), "Odoo would choose its database by it"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] != "81"
    assert headers[ingress.TENANT_HEADER.lower()] == "acme"
    assert not [name for name in headers if "_" in name], "WSGI takes it for the header with dashes"
    assert headers["host"] == host("acme")


def test_the_log_is_json_that_says_whose_a_request_was_and_holds_no_secret(edge: Edge):
    secret = {
        "Cookie": "session_id=very-secret",
        "Authorization": "Bearer very-secret",
        "User-Agent": "till/1",
    }
    mark = "/web/reset_password/seen-in-the-log"
    edge.visitor.ask(
        host("acme"), f"{mark}?token=very-secret", headers={**secret, ingress.TENANT_HEADER: "bolt"}
    )

    def lines() -> list[dict[str, object]]:
        whole = edge.access_log.read_text().splitlines()
        return [entry for entry in map(json.loads, whole) if mark in str(entry.get("RequestPath"))]

    cluster.eventually("the line in the access log", lambda: "" if lines() else "the line")
    (line,) = lines()
    assert line[f"request_{ingress.TENANT_HEADER}"] == "acme"
    assert line["request_User-Agent"] == "till/1"
    assert str(line["RouterName"]).startswith("t-acme"), "the namespace tells whose a request was, too"
    assert line["RequestHost"] == host("acme")
    assert line["DownstreamStatus"] == 200
    assert "very-secret" not in json.dumps(line)


def test_the_figures_tell_each_tenants_requests_by_buckets_that_contain_the_objectives(edge: Edge):
    edge.visitor.ask(host("acme"))
    bounds: dict[str, set[str]] = {}

    def missing() -> str:
        text = edge.visitor.ask_plain("metrics", "metrics.traefik.svc", "/metrics").body.decode()
        for found in map(_BUCKET.match, text.splitlines()):
            if found:
                bounds.setdefault(found[1], set()).add(found[2])
        return "" if any(name.startswith("t-acme") for name in bounds) else "a service of acme"

    cluster.eventually("acme's figures", missing)
    wanted = {*(f"{bound:g}" for bound in ingress.BUCKETS), "+Inf"}
    assert all(each == wanted for each in bounds.values())
    assert {f"{bound:g}" for bound in ingress.LATENCY_OBJECTIVES} <= wanted
    owners = {re.fullmatch(r"t-(.+?)_.*", name) for name in bounds}
    assert None not in owners, f"whose are {sorted(bounds)}?"
    assert {"acme"} <= {owner[1] for owner in owners if owner}
