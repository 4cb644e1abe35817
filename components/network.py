"""The parts that NetworkPolicies are made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from components.manifests import Manifest, manifest
from spec.environment import Dns
from spec.labels import NAMESPACE_NAME

Peer: TypeAlias = Mapping[str, object]
"""One `NetworkPolicyPeer`."""

Rule: TypeAlias = Mapping[str, object]
"""One `NetworkPolicyIngressRule` or `NetworkPolicyEgressRule`."""

DATA_PORTS: Final = (5432, 6379)
"""Where a cell listens: PostgreSQL or its pooler, and the cache."""
DNS_PORT: Final = 53


def namespace_peer(namespace: str, *, pods: Mapping[str, str] | None = None) -> Peer:
    """Select the pods of one namespace, all or those with the given labels, as a NetworkPolicy peer."""
    peer: dict[str, object] = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}}}
    if pods is not None:
        peer["podSelector"] = {"matchLabels": dict(pods)}
    return peer


def ports(*numbers: int, protocols: Sequence[str] = ("TCP",)) -> list[dict[str, object]]:
    """Return `NetworkPolicyPort`s: every number with every protocol."""
    return [{"protocol": protocol, "port": number} for number in numbers for protocol in protocols]


def network_policy(
    name: str,
    *,
    namespace: str,
    labels: Mapping[str, str],
    ingress: Iterable[Rule] | None = None,
    egress: Iterable[Rule] | None = None,
    pods: Mapping[str, str] | None = None,
    but_not: str | None = None,
) -> Manifest:
    """Write a NetworkPolicy over every pod of a namespace.

    Narrower with `pods` (only those with these labels) or `but_not` (only those without this label).

    A direction given as None is left to other policies; an empty one denies everything. `policyTypes`
    is always written out, because the API server's default leaves egress open.
    """
    types = [kind for kind, rules in (("Ingress", ingress), ("Egress", egress)) if rules is not None]
    selector: dict[str, object] = {} if pods is None else {"matchLabels": dict(pods)}
    if but_not is not None:
        selector["matchExpressions"] = [{"key": but_not, "operator": "DoesNotExist"}]
    spec: dict[str, object] = {"podSelector": selector, "policyTypes": types}
    if ingress:
        spec["ingress"] = [dict(rule) for rule in ingress]
    if egress:
        spec["egress"] = [dict(rule) for rule in egress]
    return manifest(
        "networking.k8s.io/v1", "NetworkPolicy", name, namespace=namespace, labels=labels, spec=spec
    )


def to_dns(dns: Dns) -> Rule:
    """Return the egress rule without which a namespace that denies egress resolves no name."""
    return {
        "to": [namespace_peer(dns.namespace, pods=dns.pod_labels)],
        "ports": ports(DNS_PORT, protocols=("UDP", "TCP")),
    }
