"""Shops are reached over TLS only, by the names that their certificates are for."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    ResourceRule,
    Settings,
    Severity,
    Violation,
    judge_each,
)
from policy.hosts import parse_match
from policy.objects import kinds
from policy.reading import field, mapping, sequence, text


class TlsSettings(Settings):
    """What counts as serving TLS only."""

    redirects: tuple[str, ...] = Field(
        (
            "traefik.ingress.kubernetes.io/router.entrypoints=websecure",
            "nginx.ingress.kubernetes.io/force-ssl-redirect=true",
        ),
        description="annotations of an Ingress, as key=value, one of which sends plain HTTP to HTTPS or "
        "leaves it unserved",
    )
    secure_entry_points: tuple[str, ...] = Field(
        ("websecure",), description="entry points of Traefik that serve TLS only"
    )
    redirect_middlewares: tuple[str, ...] = Field(
        ("redirect-https",),
        description="middlewares of Traefik that send plain HTTP to HTTPS; a route may be served without TLS "
        "if it uses one",
    )


def check(resource: Resource, settings: TlsSettings) -> Iterator[Finding]:
    """Find routes without a host, without a certificate for it, or served over plain HTTP as well."""
    judge = _ingress if resource.kind == "Ingress" else _ingress_route
    yield from judge(resource, settings)


def _ingress(resource: Resource, settings: TlsSettings) -> Iterator[Finding]:
    spec = mapping(resource.props, "spec")
    if field(spec, "defaultBackend") is not None:
        yield Violation(
            resource,
            "spec.defaultBackend answers to every host that no rule names",
            "remove it and name each host in spec.rules",
        )
    yield from judge_each(resource, [spec], lambda given: _hosts(resource, given))
    annotations = mapping(resource.props, "metadata", "annotations")
    wanted = [pair.partition("=") for pair in settings.redirects]
    if not any(annotations.get(key) == value for key, _, value in wanted):
        yield Violation(
            resource,
            "nothing sends plain HTTP to HTTPS",
            f"annotate it with {' or '.join(settings.redirects)}",
        )


def _hosts(resource: Resource, spec: object) -> Iterator[Finding]:
    covered = [
        host.lower()
        for entry in sequence(spec, "tls")
        for host in sequence(entry, "hosts")
        if isinstance(host, str)
    ]
    for index, rule in enumerate(sequence(spec, "rules")):
        host = text(rule, "host")
        if not host:
            yield Violation(
                resource,
                f"spec.rules[{index}] names no host, so it answers to every one",
                f"set spec.rules[{index}].host to a domain of the tenant",
            )
        elif not _is_covered(host.lower(), covered):
            yield Violation(
                resource,
                f"spec.tls has no certificate for {host}",
                f"add {host} to the hosts of an entry in spec.tls",
            )


def _is_covered(host: str, covered: Sequence[str]) -> bool:
    _, _, parent = host.partition(".")
    return host in covered or f"*.{parent}" in covered


def _ingress_route(resource: Resource, settings: TlsSettings) -> Iterator[Finding]:
    spec = mapping(resource.props, "spec")
    routes = sequence(spec, "routes")
    yield from judge_each(resource, list(enumerate(routes)), lambda route: _route(resource, route))
    if routes and all(_redirects(route, settings) for route in routes):
        return
    points = sequence(spec, "entryPoints")
    if not points or any(point not in settings.secure_entry_points for point in points):
        yield Violation(
            resource,
            "it is served on entry points without TLS" if points else "it is served on every entry point",
            f"set spec.entryPoints to {', '.join(settings.secure_entry_points)}",
        )
    tls = mapping(spec, "tls")
    if not any(tls.get(key) for key in ("secretName", "certResolver")):
        yield Violation(
            resource,
            "spec.tls names no certificate, so the router answers with its own self-signed one",
            "set spec.tls.secretName or spec.tls.certResolver",
        )


def _route(resource: Resource, route: tuple[int, object]) -> Iterator[Finding]:
    index, fields = route
    if not parse_match(text(fields, "match") or "").always:
        yield Violation(
            resource,
            f"spec.routes[{index}] answers to hosts that it does not name",
            f"begin spec.routes[{index}].match with Host(`…`) && and name the host literally",
        )


def _redirects(route: object, settings: TlsSettings) -> bool:
    return any(text(each, "name") in settings.redirect_middlewares for each in sequence(route, "middlewares"))


RULE: Final = ResourceRule(
    name="ingress-tls",
    title="Every route names its hosts, has a certificate for them and serves nothing over plain HTTP.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="NSA/CISA Kubernetes Hardening Guidance", version="1.2", specification="kubescape C-0263"
    ),
    remediation="Give each rule of an Ingress a host that is in spec.tls, and an annotation that leaves plain "
    "HTTP unserved. Give an IngressRoute a match with Host(`…`), spec.entryPoints with TLS and spec.tls.",
    settings=TlsSettings,
    selects=kinds("Ingress", "IngressRoute"),
    check=check,
)
