"""Containers state what they need, and what they may use at most."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from policy.frame import Finding, Framework, Level, Resource, ResourceRule, Settings, Severity, Violation
from policy.objects import Container, is_workload, judge_containers
from policy.reading import field, is_mapping

# Kubernetes refuses resources on these: they borrow what their pod has.
_EPHEMERAL: Final = "ephemeral container"


class ResourcesSettings(Settings):
    """Which resources a container must name."""

    required_requests: tuple[str, ...] = Field(
        ("cpu", "memory"), description="resources of which every container states a request"
    )
    required_limits: tuple[str, ...] = Field(
        ("memory",),
        description="resources of which every container states a limit; a CPU limit only slows it down",
    )


def check(resource: Resource, settings: ResourcesSettings) -> Iterator[Finding]:
    """Find containers, including init containers and those of CronJobs, that leave a resource out."""
    wanted = [("requests", name) for name in settings.required_requests]
    wanted += [("limits", name) for name in settings.required_limits]

    def judge(container: Container) -> Iterator[Finding]:
        if container.role == _EPHEMERAL:
            return
        missing = [f"{part}.{name}" for part, name in wanted if not _is_set(container, part=part, name=name)]
        if missing:
            fields = ", ".join(missing)
            yield Violation(
                resource,
                f"{container.title} does not set {fields}",
                f"set {fields} under {container.path}.resources",
            )

    return judge_containers(resource, judge)


def _is_set(container: Container, *, part: str, name: str) -> bool:
    # The presence of a limit is what counts: its amount may come from something not created yet. Zero is
    # the same as nothing: a memory limit of zero is no limit.
    resources = field(container.fields, "resources")
    amounts = field(resources, part)
    amount = amounts.get(name) if is_mapping(amounts) else None
    return amount not in (None, "", "0", 0)


RULE: Final = ResourceRule(
    name="resources-set",
    title="Every container states its requests and its memory limit.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="NSA/CISA Kubernetes Hardening Guidance", version="1.2", specification="C-0269, C-0270, C-0271"
    ),
    remediation="Give every container, init containers included, resources.requests for cpu and memory and "
    "resources.limits for memory. The tier table has figures for Odoo's processes.",
    settings=ResourcesSettings,
    selects=is_workload,
    check=check,
)
