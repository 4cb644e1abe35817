"""Pods ask for nothing that could lead out of their container."""

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
    judge_each,
)
from policy.objects import Container, is_workload, namespace_of
from policy.pods import Pod, judge_pods
from policy.podsecurity import container_complaints, pod_complaints, writable_root


class PodSettings(Settings):
    """Where the standard does not hold."""

    exempt_namespaces: tuple[str, ...] = Field(
        ("kube-system",), description="namespaces of the cluster's own network and storage agents"
    )


def check(resource: Resource, settings: PodSettings) -> Iterator[Finding]:
    """Find pods that leave the restricted standard; advise on containers that may write to their image."""

    def judge(pod: Pod) -> Iterator[Finding]:
        if namespace_of(resource) not in settings.exempt_namespaces:
            yield from judge_each(resource, [pod], lambda each: _pod(resource, each))
            yield from pod.judge_containers(resource, lambda each: _container(resource, pod, each))

    return judge_pods(resource, judge)


def _pod(resource: Resource, pod: Pod) -> Iterator[Finding]:
    yield from (Violation(resource, problem, fix) for problem, fix in pod_complaints(pod))


def _container(resource: Resource, pod: Pod, container: Container) -> Iterator[Finding]:
    yield from (Violation(resource, problem, fix) for problem, fix in container_complaints(pod, container))
    if pod.complete and writable_root(container):
        yield Violation(
            resource,
            f"{container.title} may write to its own image",
            f"set {container.path}.securityContext.readOnlyRootFilesystem to true and mount what it writes",
            advice=True,
        )


RULE: Final = ResourceRule(
    name="pod-restricted",
    title="Pods keep to the restricted Pod Security standard.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(name="Kubernetes Pod Security Standards", version="1.37", specification="restricted"),
    remediation="Run as a user other than root, drop all capabilities, forbid privilege escalation, keep the "
    "runtime's seccomp profile, and use nothing of the node.",
    settings=PodSettings,
    selects=is_workload,
    check=check,
    advises=True,
)
