"""Pods get no token for the cluster's API unless somebody answers for it."""

from collections.abc import Iterator
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
)
from policy.objects import is_kubernetes, is_workload, namespace_of
from policy.pods import Pod, judge_pods
from policy.reading import field, is_mapping, sequence, text

_LEGACY: Final = "kubernetes.io/service-account-token"


class TokenSettings(Settings):
    """Where pods may have a token."""

    exempt_namespaces: tuple[str, ...] = Field(
        ("kube-system",), description="namespaces of controllers that are part of the cluster"
    )


def _selects(token: str) -> bool:
    return is_kubernetes(token) and (is_workload(token) or token.endswith(":Secret"))


def check(resource: Resource, settings: TokenSettings) -> Iterator[Finding]:
    """Find pods and service accounts with a token of the cluster's API, however it gets there."""
    if namespace_of(resource) in settings.exempt_namespaces:
        return
    if resource.kind == "ServiceAccount":
        if field(resource.props, "automountServiceAccountToken") is not False:
            yield Violation(
                resource,
                "every pod that uses it gets a token for the cluster's API",
                "set automountServiceAccountToken to false",
            )
    elif resource.kind == "Secret":
        if text(resource.props, "type") == _LEGACY:
            yield Violation(
                resource,
                "it is a token that never expires",
                "remove it and use a projected token with an audience",
            )
    else:
        yield from judge_pods(resource, lambda pod: _pod(resource, pod))


def _pod(resource: Resource, pod: Pod) -> Iterator[Finding]:
    mounts = field(pod.spec, "automountServiceAccountToken")
    if mounts is True or (pod.complete and mounts is not False):
        yield Violation(
            resource,
            "its pods get a token for the cluster's API",
            f"set {pod.path}.automountServiceAccountToken to false",
        )
    for volume in sequence(pod.spec, "volumes"):
        for source in sequence(volume, "projected", "sources"):
            token = field(source, "serviceAccountToken")
            if is_mapping(token) and not token.get("audience"):
                yield Violation(
                    resource,
                    f"its volume {text(volume, 'name')} holds a token for the cluster's API",
                    "give serviceAccountToken an audience other than the API server",
                )


RULE: Final = ResourceRule(
    name="sa-token",
    title="Pods and service accounts mount no token for the cluster's API.",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon EKS Benchmark", version="1.8.0", specification="4.1.6 (kubescape C-0034)"
    ),
    remediation="Set automountServiceAccountToken to false on the service account and on the pod. A "
    "controller that needs the API carries a waiver that says so.",
    settings=TokenSettings,
    selects=_selects,
    check=check,
)
