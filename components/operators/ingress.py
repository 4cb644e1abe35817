"""Values of Traefik: everything about the edge that holds for all tenants. What differs is in each tenant's chart.

Read in Traefik's source at v3.7.13, because each of these is a door between tenants when it is left at its default:

* Generated names. By default the router of tenant `a-b`'s route `c` and that of `a`'s route `b-c` have one name, and
  one of the two is lost. With `safeNaming` the parts are joined by a character that no name has; the name then begins
  with the namespace, by which logs and metrics tell whose a request was.
* Default TLS options. Any namespace may define the ones called `default`; when two do, none counts.
* References to other providers, such as `api@internal`, are allowed from every namespace.
* Encoded slashes. `/web%2Fdatabase` is no path below `/web/database` for a router, and is one for Odoo.
* Headers with underscores reach a WSGI program under the name of the header with dashes, which Traefik did set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.operators.inputs import resources

if TYPE_CHECKING:
    from components.operators.inputs import OperatorInputs

TRAEFIK_IMAGE: Final = "v3.7.13"
"""Newer than the chart's own by patches: the version whose definitions (CRDs) are installed."""
NAMESPACE: Final = "traefik"
TENANT_HEADER: Final = "X-Storefleet-Tenant"
"""Set by each tenant's own middleware, whatever a visitor sends."""

LATENCY_OBJECTIVES: Final = (0.5, 2.0)
"""Seconds that objectives may be stated in: a page, and a page with a report or a search in it. Only what is the
bound of a bucket can be an objective: between two bounds a share of requests is a guess."""
BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Bounds of the latency buckets in seconds. Each costs a series for every service, code and method."""

READ_SECONDS: Final = 300
"""Longest that a request may take to arrive: 128 MiB in five minutes is 3.6 Mbit/s, a store's uplink."""
IDLE_SECONDS: Final = 180
GRACE_SECONDS: Final = 60
"""How long a pod that is told to stop goes on with requests that it has."""
HEADER_BYTES: Final = 64 * 1024

CIPHERS: Final = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""Of TLS 1.2, with forward secrecy and authentication; those of 1.3 are not chosen. Mozilla's intermediate list."""


def traefik(inputs: OperatorInputs) -> dict[str, Any]:
    """Return the values of Traefik: routes stay inside their namespace, and plain HTTP is sent on to HTTPS."""
    return {
        "image": {"tag": TRAEFIK_IMAGE},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "core": {"strictTLSOptions": True},
        "deployment": {
            "replicas": max(inputs.replicas, 1),
            "terminationGracePeriodSeconds": GRACE_SECONDS + 30,
        },
        "podDisruptionBudget": {"enabled": inputs.replicas > 1, "maxUnavailable": 1},
        "ingressClass": {"enabled": True, "isDefaultClass": False},
        "providers": {
            # A tenant that may name another's service or middleware reads its pages.
            "kubernetesCRD": {
                "allowCrossNamespace": False,
                "allowExternalNameServices": False,
                "allowEmptyServices": True,
                "crossProviderNamespaces": [NAMESPACE],
                "defaultTLSResourcesNamespace": NAMESPACE,
                "safeNaming": True,
            },
            "kubernetesIngress": {"enabled": False},
            "kubernetesGateway": {"enabled": False},
        },
        "gateway": {"enabled": False},
        "gatewayClass": {"enabled": False},
        "api": {"dashboard": False},
        "ingressRoute": {"dashboard": {"enabled": False}},
        "ports": {"web": _web(), "websecure": _websecure()},
        "tlsOptions": {"default": tls_options()},
        "service": {"spec": {"type": inputs.ingress}},
        "accessLog": access_log(),
        "metrics": {
            "prometheus": {
                "service": {"enabled": True},
                "buckets": ",".join(f"{bound:g}" for bound in BUCKETS),
                "addEntryPointsLabels": True,
                "addServicesLabels": True,
                # A router and its service say the same here, and each series costs twice.
                "addRoutersLabels": False,
            }
        },
        "resources": resources("250m", "128Mi", most="512Mi"),
    }


def _web() -> dict[str, Any]:
    redirection = {"entryPoint": {"to": "websecure", "scheme": "https", "permanent": True}}
    return {"http": {"redirections": redirection}}


def _websecure() -> dict[str, Any]:
    return {
        "http": {
            "tls": {"enabled": True},
            "maxHeaderBytes": HEADER_BYTES,
            # Two slashes, and a way up, are taken out before a path is compared with what is blocked.
            "sanitizePath": True,
            "underscoreHeadersStrategy": "delete",
            "encodedCharacters": {
                "allowEncodedSlash": False,
                "allowEncodedBackSlash": False,
                "allowEncodedNullCharacter": False,
                # Names of files that people upload have these.
                "allowEncodedHash": True,
                "allowEncodedPercent": True,
                "allowEncodedQuestionMark": True,
                "allowEncodedSemicolon": True,
            },
        },
        "transport": {
            "respondingTimeouts": {
                "readTimeout": f"{READ_SECONDS}s",
                "writeTimeout": "0s",
                "idleTimeout": f"{IDLE_SECONDS}s",
            },
            "lifeCycle": {"requestAcceptGraceTimeout": "10s", "graceTimeOut": f"{GRACE_SECONDS}s"},
        },
    }


def tls_options() -> dict[str, Any]:
    """Return the TLS options of all tenants: 1.2 and 1.3, and no answer to a name without a certificate."""
    return {
        "minVersion": "VersionTLS12",
        "cipherSuites": list(CIPHERS),
        "curvePreferences": ["X25519MLKEM768", "X25519", "CurveP256"],
        "alpnProtocols": ["h2", "http/1.1"],
        "sniStrict": True,
    }


def access_log() -> dict[str, Any]:
    """Return what is written of each request: whose it was and how it went, and nothing that is secret.

    Of headers only the tenant and the browser are kept: others carry cookies and tokens. Queries are dropped, because
    an invitation and a new password are links with a token in them.
    """
    return {
        "enabled": True,
        "format": "json",
        "fields": {
            "defaultMode": "keep",
            "headers": {"defaultMode": "drop", "names": {TENANT_HEADER: "keep", "User-Agent": "keep"}},
            "queryParameters": {"defaultMode": "drop"},
        },
    }
