"""A tenant's namespace is a wall: bounded, closed by default, and held to the strictest pod standard."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from policy import networks
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
from policy.objects import is_tenant_namespace, kinds, namespace_of
from policy.reading import UnknownValue, mapping, sequence, text
from spec import labels

_POD_SECURITY: Final = "pod-security.kubernetes.io"
_MODES: Final = ("enforce", "audit", "warn")
_PINNED: Final = re.compile(r"v1\.\d{1,3}\Z")


class IsolationSettings(Settings):
    """What a tenant's namespace is measured against."""

    pod_security: str = Field("restricted", description="the Pod Security standard, in all three modes")
    quota: tuple[str, ...] = Field(
        ("requests.cpu", "requests.memory", "limits.memory", "pods"),
        description="what the ResourceQuotas of a namespace bound between them",
    )
    dns_namespace: str = Field("kube-system", description="where the DNS pods are")
    dns_port: int = Field(53, description="the port they answer on")


def check(resources: Sequence[Resource], settings: IsolationSettings) -> Iterator[Finding]:
    """Find namespaces of tenants that this program manages and that lack a part of the wall."""
    contents, misplaced = _by_namespace(resources)
    yield from misplaced
    for namespace in resources:
        if namespace.kind != "Namespace":
            continue
        try:
            name = text(namespace.props, "metadata", "name")
            if _is_tenant(namespace, name):
                wall = _Wall(namespace, name or "", contents.get(name or "", {}), bool(misplaced), settings)
                yield from wall.findings()
        except UnknownValue as unknown:
            yield Undecided(namespace, unknown.path)


def _is_tenant(namespace: Resource, name: str | None) -> bool:
    # By name or by label: a tenant's namespace that lost its labels is still one.
    found = mapping(namespace.props, "metadata", "labels")
    return (
        (name is not None and is_tenant_namespace(name))
        or found.get(labels.ROLE) == labels.ROLE_TENANT
        or labels.TENANT in found
    )


def _by_namespace(
    resources: Iterable[Resource],
) -> tuple[Mapping[str, Mapping[str, Sequence[Resource]]], Sequence[Undecided]]:
    """Sort objects by namespace and kind; those of a namespace not known yet are undecided."""
    found: dict[str, dict[str, list[Resource]]] = {}
    misplaced: list[Undecided] = []
    for resource in resources:
        try:
            namespace = namespace_of(resource)
        except UnknownValue as unknown:
            misplaced.append(Undecided(resource, unknown.path))
        else:
            found.setdefault(namespace or "", {}).setdefault(resource.kind, []).append(resource)
    return found, misplaced


@dataclass(frozen=True)
class _Wall:
    """A tenant's namespace with what is in it. While something is `misplaced`, nothing is called missing."""

    namespace: Resource
    name: str
    contents: Mapping[str, Sequence[Resource]]
    misplaced: bool
    settings: IsolationSettings

    def findings(self) -> Iterator[Finding]:
        parts = (self._labels, self._quota, self._limits, self._default_deny, self._dns, self._openings)
        return judge_each(self.namespace, parts, lambda part: part())

    def _all(self, kind: str) -> Sequence[Resource]:
        return self.contents.get(kind, ())

    def _missing(self, problem: str, fix: str) -> Iterator[Finding]:
        if not self.misplaced:
            yield Violation(self.namespace, problem, fix)

    def _labels(self) -> Iterator[Finding]:
        found = mapping(self.namespace.props, "metadata", "labels")
        standard = self.settings.pod_security
        for key, value in ((labels.TENANT, None), (labels.ROLE, labels.ROLE_TENANT)):
            actual = text(found, key)
            if not actual or value not in (None, actual):
                yield Violation(
                    self.namespace,
                    f"its label {key} is {actual!r}",
                    f"set it to {value or 'the id of the tenant'}",
                )
        for mode in _MODES:
            key = f"{_POD_SECURITY}/{mode}"
            if (actual := text(found, key)) != standard:
                yield Violation(self.namespace, f"its label {key} is {actual!r}", f"set it to {standard}")
            if not _PINNED.match(actual := text(found, f"{key}-version") or ""):
                yield Violation(
                    self.namespace,
                    f"its label {key}-version is {actual!r}, so an upgrade changes what is accepted",
                    "set it to a version such as v1.37",
                )

    def _quota(self) -> Iterator[Finding]:
        bounded = {
            key for quota in self._all("ResourceQuota") for key in mapping(quota.props, "spec", "hard")
        }
        unbounded = [key for key in self.settings.quota if key not in bounded]
        if unbounded:
            yield from self._missing(
                f"no ResourceQuota in {self.name} bounds {', '.join(unbounded)}, so it can starve others",
                "add a ResourceQuota with them under spec.hard",
            )

    def _limits(self) -> Iterator[Finding]:
        for limits in self._all("LimitRange"):
            for item in sequence(limits.props, "spec", "limits"):
                if text(item, "type") == "Container" and all(
                    mapping(item, key) for key in ("default", "defaultRequest")
                ):
                    return
        yield from self._missing(
            f"no LimitRange in {self.name} gives containers a default and a defaultRequest, so the quota "
            "refuses any that states none",
            "add a LimitRange of type Container with both",
        )

    def _default_deny(self) -> Iterator[Finding]:
        closed = {way for policy in self._all("NetworkPolicy") for way in networks.denied(policy.props)}
        for direction in networks.DIRECTIONS:
            if direction not in closed:
                yield from self._missing(
                    f"no NetworkPolicy in {self.name} denies all {direction.lower()} by default",
                    f"add one with an empty podSelector, {direction} among its policyTypes and no rules",
                )

    def _dns(self) -> Iterator[Finding]:
        where, port = self.settings.dns_namespace, self.settings.dns_port
        if not any(networks.allows_dns(policy.props, where, port) for policy in self._all("NetworkPolicy")):
            yield from self._missing(
                f"no NetworkPolicy lets all pods of {self.name} resolve names",
                f"allow egress to {where}, selected by {labels.NAMESPACE_NAME}, on UDP and TCP port {port}",
            )

    def _openings(self) -> Iterator[Finding]:
        for policy in self._all("NetworkPolicy"):
            for opening in networks.openings(policy.props):
                yield Violation(
                    policy,
                    f"{opening}, which opens the namespace to every tenant",
                    f"name each peer: a namespace by {labels.NAMESPACE_NAME}, or an address range",
                )


RULE: Final = StackRule(
    name="tenant-isolation",
    title="Every tenant's namespace is bounded, closed by default and held to the restricted pod standard.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="NSA/CISA Kubernetes Hardening Guidance", version="1.2", specification="C-0030, C-0054"
    ),
    remediation="Give each tenant's namespace its Pod Security labels with a pinned version, a "
    "ResourceQuota, a LimitRange, a NetworkPolicy that denies all ingress and egress, and one that allows "
    "DNS. A tenant that is declared as a file in tenants/ gets all of it.",
    settings=IsolationSettings,
    selects=kinds("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy"),
    check=check,
    waivable=False,
)
