"""A tenant answers to its own names only: nobody can take another shop's customers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field

from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Settings,
    Severity,
    StackRule,
    Undecided,
    Violation,
    judge_each,
)
from policy.hosts import hosts_of, parse_match
from policy.objects import is_tenant_namespace, kinds, namespace_of
from policy.reading import sequence, text
from spec.labels import DOMAINS


class HostSettings(Settings):
    """Where a tenant's domains are stated."""

    annotation: str = Field(
        DOMAINS, description="annotation of a tenant's namespace with its domains, separated by commas"
    )
    domains: tuple[str, ...] = Field(
        (),
        description="further domains, as namespace=domain, for routes whose namespace another program manages",
    )


def check(resources: Sequence[Resource], settings: HostSettings) -> Iterator[Finding]:
    """Find hosts outside a tenant's domains, hosts as patterns, and hosts that two namespaces claim."""
    known = _Claims(settings.annotation, dict(_configured(settings)))
    for namespace in (each for each in resources if each.kind == "Namespace"):
        for finding in judge_each(namespace, [namespace], lambda each: _declared(each, known)):
            known.complete &= not isinstance(finding, Undecided)
            yield finding
    for route in (each for each in resources if each.kind != "Namespace"):
        yield from judge_each(route, [route], lambda each: _route(each, known))


@dataclass
class _Claims:
    """Who owns each domain and who answers to each host, as far as is known."""

    annotation: str
    owners: dict[str, str]
    hosts: dict[str, str] = field(default_factory=dict[str, str])
    complete: bool = True


def _configured(settings: HostSettings) -> Iterator[tuple[str, str]]:
    for pair in settings.domains:
        namespace, _, domain = pair.partition("=")
        yield domain.strip().lower(), namespace.strip()


def _declared(namespace: Resource, known: _Claims) -> Iterator[Finding]:
    name = text(namespace.props, "metadata", "name") or ""
    stated = text(namespace.props, "metadata", "annotations", known.annotation) or ""
    for domain in (part.strip().lower() for part in stated.split(",")):
        if domain and known.owners.setdefault(domain, name) != name:
            yield Violation(
                namespace,
                f"its domain {domain} is also a domain of {known.owners[domain]}",
                "take it out of one of the two tenants' files",
            )


def _route(route: Resource, known: _Claims) -> Iterator[Finding]:
    namespace = namespace_of(route) or ""
    yield from _patterns(route)
    for path, host in hosts_of(route):
        if "*" in host:
            yield Violation(
                route,
                f"{path} is the wildcard {host}",
                "name each host of the tenant; a wildcard covers others",
            )
        else:
            yield from _host(route, namespace, (path, host), known)


def _host(route: Resource, namespace: str, named: tuple[str, str], known: _Claims) -> Iterator[Finding]:
    path, host = named
    owner = known.owners.get(host)
    if owner == namespace:
        return
    if owner is not None:
        yield Violation(
            route,
            f"{path} is {host}, which is a domain of {owner}",
            f"use a domain of {namespace}, or move the route to {owner}",
        )
    elif is_tenant_namespace(namespace) and known.complete:
        yield Violation(
            route,
            f"{path} is {host}, which is none of the domains of {namespace}",
            f"use a domain of the tenant's file, which its namespace carries as {known.annotation}",
        )
    elif is_tenant_namespace(namespace):
        yield Undecided(route, path)
    elif known.hosts.setdefault(host, namespace) != namespace:
        yield Violation(
            route,
            f"{path} claims {host}, which a route in {known.hosts[host]} answers to",
            "remove it from one of the two",
        )


def _patterns(route: Resource) -> Iterator[Finding]:
    for index, each in enumerate(sequence(route.props, "spec", "routes")):
        if parse_match(text(each, "match") or "").by_pattern:
            yield Violation(
                route,
                f"spec.routes[{index}] gives hosts as a pattern",
                "name each with Host(`…`); a pattern matches hosts of others",
            )


RULE: Final = StackRule(
    name="ingress-host-owned",
    title="A tenant's routes and certificates are for the tenant's own domains and for nothing else.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(name="OWASP Kubernetes Top Ten", version="2022", specification="K04"),
    remediation="Add the domain to the tenant's file; its namespace then carries it. Name hosts literally, and "
    "let one tenant have each.",
    settings=HostSettings,
    selects=kinds("Namespace", "Ingress", "IngressRoute", "IngressRouteTCP", "Certificate"),
    check=check,
)
