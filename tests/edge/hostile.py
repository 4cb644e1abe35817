"""What a tenant could write into its own namespace if admission let it: Traefik alone has to refuse it here."""

from typing import Any

from tests.edge.cluster import Authority

NAMESPACE = "t-bolt"
ROUTES = {
    "neighbour.bolt.example": {"services": [{"name": "odoo", "namespace": "t-acme", "port": "http"}]},
    "internals.bolt.example": {"services": [{"name": "api@internal", "kind": "TraefikService"}]},
    "outside.bolt.example": {"services": [{"name": "outside", "port": 443}]},
    "unmasked.bolt.example": {
        "services": [{"name": "odoo", "port": "http"}],
        "middlewares": [{"name": "headers", "namespace": "t-acme"}],
    },
}
"""By host: another tenant's Service and middleware, Traefik's own pages, and a machine outside the cluster."""

Object = dict[str, Any]


def objects(authority: Authority) -> list[Object]:
    """Return the objects, with a certificate that is good for all of the hosts."""
    api = "traefik.io/v1alpha1"
    routes = [
        {
            "apiVersion": api,
            "kind": "IngressRoute",
            "metadata": {"name": host.split(".")[0], "namespace": NAMESPACE},
            "spec": {
                "entryPoints": ["websecure"],
                "tls": {"secretName": "hostile-tls"},
                "routes": [{"kind": "Rule", "match": f"Host(`{host}`)", **rest}],
            },
        }
        for host, rest in ROUTES.items()
    ]
    outside = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "outside", "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "outside.example", "ports": [{"port": 443}]},
    }
    weak = {
        "apiVersion": api,
        "kind": "TLSOption",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": {"minVersion": "VersionTLS10", "sniStrict": False},
    }
    return [authority.secret("hostile-tls", NAMESPACE, ROUTES), outside, weak, *routes]
