"""Rights are named one by one, and none of them leads to more."""

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
from policy.objects import is_tenant_namespace, kinds
from policy.reading import sequence, text
from spec.naming import team_group


class RightsSettings(Settings):
    """Which rights nobody gets."""

    forbidden_verbs: tuple[str, ...] = Field(
        ("escalate", "bind", "impersonate"), description="verbs that lead to rights of others"
    )
    forbidden_resources: tuple[str, ...] = Field(
        ("namespaces/status", "namespaces/finalize", "nodes/proxy", "serviceaccounts/token"),
        description="resources that lead around admission, or to rights of others",
    )
    forbidden_roles: tuple[str, ...] = Field(("cluster-admin",), description="roles that nobody is bound to")
    everybody: tuple[str, ...] = Field(
        ("system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous"),
        description="subjects that stand for people or programs that nobody chose",
    )


def check(resource: Resource, settings: RightsSettings) -> Iterator[Finding]:
    """Find wildcards, verbs and resources that lead to more rights, and bindings that give too much."""
    rules = enumerate(sequence(resource.props, "rules"))
    yield from judge_each(resource, list(rules), lambda rule: _rule(resource, rule, settings))
    if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
        role = text(resource.props, "roleRef", "name")
        if role in settings.forbidden_roles:
            yield Violation(resource, f"it gives {role}", "bind a role that names the rights it needs")
        subjects = enumerate(sequence(resource.props, "subjects"))
        yield from judge_each(resource, list(subjects), lambda subject: _subject(resource, subject, settings))


def _rule(resource: Resource, numbered: tuple[int, object], settings: RightsSettings) -> Iterator[Finding]:
    index, rule = numbered
    for part in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
        if any("*" in item for item in sequence(rule, part) if isinstance(item, str)):
            yield Violation(
                resource,
                f"rules[{index}].{part} has a wildcard",
                f"name what is needed in rules[{index}].{part}",
            )
    verbs = [verb for verb in sequence(rule, "verbs") if verb in settings.forbidden_verbs]
    if verbs:
        yield Violation(
            resource,
            f"rules[{index}] gives {', '.join(map(str, verbs))}, which leads to rights of others",
            f"take it out of rules[{index}].verbs",
        )
    found = [item for item in sequence(rule, "resources") if item in settings.forbidden_resources]
    if found:
        yield Violation(
            resource,
            f"rules[{index}] reaches {', '.join(map(str, found))}",
            f"take it out of rules[{index}].resources",
        )


def _subject(resource: Resource, numbered: tuple[int, object], settings: RightsSettings) -> Iterator[Finding]:
    index, subject = numbered
    name = text(subject, "name") or ""
    if name in settings.everybody:
        yield Violation(
            resource,
            f"subjects[{index}] is {name}, which is everybody",
            "name the group or account that needs it",
        )
    if resource.kind == "ClusterRoleBinding" and (
        name.startswith(team_group("")) or is_tenant_namespace(text(subject, "namespace") or "")
    ):
        yield Violation(
            resource,
            f"subjects[{index}] is {name}, who belongs to one tenant, and it holds in every namespace",
            "use a RoleBinding in the tenant's namespace",
        )


RULE: Final = ResourceRule(
    name="rbac-least",
    title="Roles name each right that they give, and give none that leads to others.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon EKS Benchmark",
        version="1.8.0",
        specification="4.1.1, 4.1.3, 4.1.8 (kubescape C-0185, C-0187, C-0191)",
    ),
    remediation="Name groups, resources and verbs. Bind tenants only inside their namespace, and give nobody "
    "escalate, bind, impersonate or the status and finalizers of namespaces.",
    settings=RightsSettings,
    selects=kinds("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    check=check,
)
