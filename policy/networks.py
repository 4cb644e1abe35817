"""What a NetworkPolicy closes and opens."""

from collections.abc import Iterator, Mapping
from typing import Final

from policy.reading import known, mapping, sequence, text
from spec.labels import NAMESPACE_NAME

DIRECTIONS: Final = ("Ingress", "Egress")
_RULES: Final = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}
_PROTOCOLS: Final = frozenset({"UDP", "TCP"})
_EVERYWHERE: Final = frozenset({"0.0.0.0/0", "::/0"})


def _selects_all_pods(policy: Mapping[str, object]) -> bool:
    return not any(mapping(policy, "spec", "podSelector").values())


def denied(policy: Mapping[str, object]) -> Iterator[str]:
    """Yield the directions in which a policy by itself denies everything to all pods of its namespace."""
    if not _selects_all_pods(policy):
        return
    types = sequence(policy, "spec", "policyTypes")
    for direction, (rules, _) in _RULES.items():
        if direction in types and not sequence(policy, "spec", rules):
            yield direction


def allows_dns(policy: Mapping[str, object], namespace: str, port: int) -> bool:
    """Whether a policy lets all pods reach a port of another namespace over UDP and TCP."""
    if not _selects_all_pods(policy):
        return False
    protocols: set[str] = set()
    for rule in sequence(policy, "spec", "egress"):
        if any(_selects_namespace(peer, namespace) for peer in sequence(rule, "to")):
            ports = sequence(rule, "ports")
            protocols |= {
                text(item, "protocol") or "TCP" for item in ports if mapping(item).get("port") == port
            }
            protocols |= set() if ports else _PROTOCOLS
    return protocols >= _PROTOCOLS


def _selects_namespace(peer: object, namespace: str) -> bool:
    return text(peer, "namespaceSelector", "matchLabels", NAMESPACE_NAME) == namespace


def openings(policy: Mapping[str, object]) -> Iterator[str]:
    """Say, as clauses, where a policy lets anything in or out: no peer, all namespaces, all addresses."""
    for rules, peers in _RULES.values():
        for index, rule in enumerate(sequence(policy, "spec", rules)):
            where = f"spec.{rules}[{index}]"
            named = sequence(known(rule), peers)
            if not named:
                yield f"{where} names no peer in {peers!r}"
            for peer in named:
                yield from _wide(peer, where)


def _wide(peer: object, where: str) -> Iterator[str]:
    fields = mapping(peer)
    if "namespaceSelector" in fields and not any(mapping(fields, "namespaceSelector").values()):
        yield f"{where} selects every namespace"
    block = mapping(fields, "ipBlock")
    if text(block, "cidr") in _EVERYWHERE and not sequence(block, "except"):
        yield f"{where} names every address without exceptions"
