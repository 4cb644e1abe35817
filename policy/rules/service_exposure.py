"""Tenants are reached through the ingress controller, and their data not from outside at all."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from policy.frame import Finding, Framework, Level, Resource, ResourceRule, Settings, Severity, Violation
from policy.objects import is_cell_namespace, is_tenant_namespace, kinds, namespace_of
from policy.reading import sequence, text


class ExposureSettings(Settings):
    """What a Service in the namespace of a tenant or cell may be."""

    types: tuple[str, ...] = Field(("ClusterIP",), description="types of Service that are allowed")


def check(resource: Resource, settings: ExposureSettings) -> Iterator[Finding]:
    """Find Services of tenants and cells that open a port of a node or balancer, or point elsewhere."""
    namespace = namespace_of(resource) or ""
    if not (is_tenant_namespace(namespace) or is_cell_namespace(namespace)):
        return
    kind = text(resource.props, "spec", "type") or "ClusterIP"
    if kind not in settings.types:
        yield Violation(
            resource,
            f"it is of type {kind}, which leads around the ingress controller and its network policy",
            f"set spec.type to {', '.join(settings.types)} and reach it through a route",
        )
    if sequence(resource.props, "spec", "externalIPs"):
        yield Violation(
            resource, "spec.externalIPs takes traffic that is meant for others", "remove spec.externalIPs"
        )


RULE: Final = ResourceRule(
    name="service-exposure",
    title="Services of tenants and cells are reached inside the cluster only.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="MITRE ATT&CK for Containers", version="17", specification="T1133 (kubescape C-0021)"
    ),
    remediation="Use Services of type ClusterIP, and a route for what customers reach.",
    settings=ExposureSettings,
    selects=kinds("Service"),
    check=check,
)
