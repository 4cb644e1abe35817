"""What asks each shop's page for signing in, as a visitor would: the blackbox exporter's names and configuration. Data.

It asks the ingress controller by the name inside the cluster, and says the shop's name in the handshake and in the
request. So the certificate, the route, the limits and Odoo are on the way, and one door out of the prober is enough.
What is not on the way is the name in DNS and the load balancer: one of their own health checks tells of those.
"""

from typing import Any, Final

PROBER: Final = "prometheus-blackbox-exporter"
"""Name of the chart, of its release, of its Service, and what its pods' `app.kubernetes.io/name` says."""
DIGEST: Final = "sha256:e753ff9f3fc458d02cca5eddab5a77e1c175eee484a8925ac7d524f04366c2fc"
"""Of quay.io/prometheus/blackbox-exporter v0.28.0, for all platforms."""
PORT: Final = 9115
MODULE: Final = "login"
"""How the exporter's configuration calls this way of asking."""
PATH: Final = "/web/login"
FIELD: Final = 'name="login"'
"""What the page has in Odoo 18 and 19 (web.login in addons/web), and no page of an error or of a closed shop has."""
TIMEOUT_SECONDS: Final = 15
"""Longest that an answer may take: half of the time between two questions."""


def configuration() -> dict[str, Any]:
    """Return the exporter's configuration: one module, which follows nobody and believes no wrong certificate.

    A redirect is a failure. It would lead to the shop's public name, and the prober reaches nothing outside.
    """
    return {
        "modules": {
            MODULE: {
                "prober": "http",
                "timeout": f"{TIMEOUT_SECONDS}s",
                "http": {
                    "method": "GET",
                    "preferred_ip_protocol": "ip4",
                    "follow_redirects": False,
                    "fail_if_not_ssl": True,
                    "valid_status_codes": [200],
                    "fail_if_body_not_matches_regexp": [FIELD],
                    # More than any page for signing in, and not what a shop could fill the prober's memory with.
                    "body_size_limit": "2MB",
                    "headers": {"User-Agent": "storefleet-prober"},
                },
            }
        }
    }
