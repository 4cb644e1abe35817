"""What Traefik's values promise to all tenants."""

import pytest

from components.operators import ingress
from components.operators.inputs import OperatorInputs
from tests.workload import rendering

pytestmark = pytest.mark.unit

VALUES = ingress.traefik(OperatorInputs(environment="production", replicas=2))
SECURE = VALUES["ports"]["websecure"]


def test_objectives_are_bounds_of_buckets_because_between_two_bounds_a_share_is_a_guess():
    bounds = [float(bound) for bound in VALUES["metrics"]["prometheus"]["buckets"].split(",")]
    assert bounds == sorted(set(bounds))
    assert set(ingress.LATENCY_OBJECTIVES) <= set(bounds)


def test_generated_names_cannot_collide_and_nothing_is_shared_between_namespaces():
    crd = VALUES["providers"]["kubernetesCRD"]
    assert crd["safeNaming"], "tenant a-b's route c would take the place of tenant a's route b-c"
    assert crd["defaultTLSResourcesNamespace"] == ingress.NAMESPACE, "any tenant would weaken everybody's TLS"
    assert crd["crossProviderNamespaces"] == [ingress.NAMESPACE], "any tenant would route to api@internal"
    assert not crd["allowCrossNamespace"]
    assert not crd["allowExternalNameServices"]


def test_a_path_cannot_be_written_so_that_it_passes_by_a_block():
    http = SECURE["http"]
    assert http["sanitizePath"]
    for character in ("Slash", "BackSlash", "NullCharacter"):
        assert http["encodedCharacters"][f"allowEncoded{character}"] is False, (
            f"/web/database is reached with an encoded {character}"
        )


def test_a_visitor_cannot_set_what_traefik_sets_by_another_spelling():
    assert SECURE["http"]["underscoreHeadersStrategy"] == "delete", (
        "X_Forwarded_Host would choose Odoo's database"
    )
    assert "forwardedHeaders" not in SECURE, (
        "whoever sends X-Forwarded-For would choose the address in the log"
    )


def test_tls_is_modern_and_an_unknown_name_gets_no_certificate():
    options = VALUES["tlsOptions"]["default"]
    assert options["minVersion"] in {"VersionTLS12", "VersionTLS13"}
    assert options["sniStrict"]
    for cipher in options["cipherSuites"]:
        assert cipher.startswith("TLS_ECDHE_"), f"{cipher} has no forward secrecy"
        assert cipher.endswith(("GCM_SHA256", "GCM_SHA384", "CHACHA20_POLY1305_SHA256")), (
            f"{cipher} can be altered"
        )


def test_plain_http_is_sent_on_and_serves_nothing():
    redirection = VALUES["ports"]["web"]["http"]["redirections"]["entryPoint"]
    assert redirection == {"to": "websecure", "scheme": "https", "permanent": True}


def test_the_access_log_says_whose_a_request_was_and_holds_no_secret():
    log = VALUES["accessLog"]
    assert log["format"] == "json"
    assert log["fields"]["headers"]["defaultMode"] == "drop", "cookies would be in the log"
    assert set(log["fields"]["headers"]["names"]) == {ingress.TENANT_HEADER, "User-Agent"}
    assert log["fields"]["queryParameters"]["defaultMode"] == "drop", (
        "links to a new password have a token in them"
    )


def test_the_header_that_the_log_keeps_is_the_one_that_each_tenants_chart_sets():
    (headers,) = [
        one
        for one in rendering.golden("shared")
        if one["kind"] == "Middleware" and one["metadata"]["name"] == "headers"
    ]
    assert headers["spec"]["headers"]["customRequestHeaders"] == {ingress.TENANT_HEADER: "acme"}
