"""Identities may do what they need, be taken on by whom they are for, and ports are open to whom they serve."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from pydantic import Field

from policy import aws
from policy.belonging import mark
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Settings,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.iam import conditions, everything, is_open, principals, service_accounts, statements, texts
from policy.reading import field, known, sequence, text
from spec import labels

_GROUP: Final = "ec2/securityGroup:SecurityGroup"
_RULE: Final = "ec2/securityGroupRule:SecurityGroupRule"
_INGRESS: Final = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_POLICIES: Final = (
    "iam/groupPolicy:GroupPolicy",
    "iam/policy:Policy",
    "iam/rolePolicy:RolePolicy",
    "iam/userPolicy:UserPolicy",
)
_ATTACHMENTS: Final = (
    "iam/groupPolicyAttachment:GroupPolicyAttachment",
    "iam/policyAttachment:PolicyAttachment",
    "iam/rolePolicyAttachment:RolePolicyAttachment",
    "iam/userPolicyAttachment:UserPolicyAttachment",
)
_WORLD: Final = ("0.0.0.0/0", "::/0")


class ScopeSettings(Settings):
    """What is never given, and what may be open."""

    forbidden_policies: tuple[str, ...] = Field(
        ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess"),
        description="policies of AWS that nobody is given, by the end of their ARN",
    )
    open_ports: tuple[int, ...] = Field(
        (443,), description="ports that a load balancer may open to the world"
    )
    balancer_role: str = Field(
        "load-balancer",
        description="value of the tag storefleet.dev/role of a load balancer's security group",
    )


def check(resources: Sequence[Resource], settings: ScopeSettings) -> Iterator[Finding]:
    """Find policies that allow everything, trust in anybody, and ports that are open to the world."""
    groups = list(aws.of_type(resources, _GROUP))
    for resource in resources:
        kind = resource.type.removeprefix("aws:")
        yield from judge_each(
            resource, _JUDGES.get(kind, ()), lambda judge, own=resource: judge(own, groups, settings)
        )


def _policy(resource: Resource, _groups: Sequence[Resource], _settings: ScopeSettings) -> Iterator[Finding]:
    yield from _allows(resource, aws.document(resource.props, "policy"), "policy")


def _allows(resource: Resource, document: Mapping[str, object] | None, where: str) -> Iterator[Finding]:
    for statement in statements(document, "Allow"):
        if "NotAction" in statement or everything(texts(statement, "Action")):
            yield Violation(resource, f"{where} allows every action", "name the actions that are needed")
        elif "NotResource" in statement or (
            everything(texts(statement, "Resource"))
            and any(action.endswith(":*") for action in texts(statement, "Action"))
        ):
            yield Violation(
                resource,
                f"{where} allows all of a service on every resource",
                "name the actions, or the resources by their ARNs",
            )


def _attachment(
    resource: Resource, _groups: Sequence[Resource], settings: ScopeSettings
) -> Iterator[Finding]:
    # AWS' own policies are named outright; the ARN of one of the program's may not be known yet.
    arn = resource.props.get("policyArn")
    yield from _given(resource, [arn], settings)


def _given(resource: Resource, arns: Sequence[object], settings: ScopeSettings) -> Iterator[Finding]:
    for arn in arns:
        name = arn.rpartition("/")[2] if isinstance(arn, str) else ""
        if name in settings.forbidden_policies:
            yield Violation(
                resource,
                f"it gives {name}, which leads to every right",
                "attach a policy that names the rights",
            )


def _role(resource: Resource, _groups: Sequence[Resource], settings: ScopeSettings) -> Iterator[Finding]:
    for inline in sequence(resource.props, "inlinePolicies"):
        yield from _allows(resource, aws.document(inline, "policy"), "inlinePolicies")
    managed = resource.props.get("managedPolicyArns")
    yield from _given(resource, aws.listed(managed), settings)


def _trust(resource: Resource, _groups: Sequence[Resource], _settings: ScopeSettings) -> Iterator[Finding]:
    for statement in statements(aws.document(resource.props, "assumeRolePolicy"), "Allow"):
        if is_open(statement):
            yield Violation(resource, "anybody may take it on", "name the principals in assumeRolePolicy")
        oidc = [
            name for kind, name in principals(statement) if kind == "Federated" and "oidc-provider/" in name
        ]
        if oidc and not _is_exact(statement):
            yield Violation(
                resource,
                "any workload of the cluster may take it on",
                "require with StringEquals that …:sub is system:serviceaccount:<namespace>:<name> and …:aud is "
                "sts.amazonaws.com",
            )


def _is_exact(statement: Mapping[str, object]) -> bool:
    accounts = list(service_accounts(statement))
    exact = bool(accounts) and all(
        operator == "StringEquals" and namespace and name and "*" not in namespace + name
        for operator, namespace, name in accounts
    )
    audience = any(
        operator == "StringEquals" and key.endswith(":aud") for operator, key, _ in conditions(statement)
    )
    return exact and audience


def _group(resource: Resource, _groups: Sequence[Resource], settings: ScopeSettings) -> Iterator[Finding]:
    balancer = _is_balancer(resource, settings)
    for index, rule in enumerate(sequence(resource.props, "ingress")):
        yield from _open(resource, f"ingress[{index}]", rule, settings, balancer=balancer)


def _group_rule(resource: Resource, groups: Sequence[Resource], settings: ScopeSettings) -> Iterator[Finding]:
    if resource.kind == "SecurityGroupRule" and text(resource.props, "type") != "ingress":
        return
    balancer = any(
        _is_balancer(group, settings) for group in groups if aws.refers(resource, "securityGroupId", group)
    )
    yield from _open(resource, "it", resource.props, settings, balancer=balancer)


def _open(
    resource: Resource, where: str, fields: object, settings: ScopeSettings, *, balancer: bool
) -> Iterator[Finding]:
    lists = (sequence(fields, "cidrBlocks"), sequence(fields, "ipv6CidrBlocks"))
    sources = [known(source) for given in lists for source in given]
    sources += [text(fields, "cidrIpv4"), text(fields, "cidrIpv6")]
    if not any(source in _WORLD for source in sources):
        return
    ports = field(fields, "fromPort"), field(fields, "toPort")
    if not (balancer and ports[0] == ports[1] and ports[0] in settings.open_ports):
        yield Violation(
            resource,
            f"{where} opens a port to every address",
            "name the addresses or the security group; only a load balancer's group, tagged "
            f"{labels.ROLE}={settings.balancer_role}, may open port {', '.join(map(str, settings.open_ports))}",
        )


def _is_balancer(group: Resource, settings: ScopeSettings) -> bool:
    return mark(group, labels.ROLE) == settings.balancer_role


_Judge: TypeAlias = Callable[[Resource, Sequence[Resource], ScopeSettings], Iterator[Finding]]

_JUDGES: Final[Mapping[str, Sequence[_Judge]]] = {
    **dict.fromkeys(_POLICIES, (_policy,)),
    **dict.fromkeys(_ATTACHMENTS, (_attachment,)),
    aws.ROLE: (_role, _trust),
    _GROUP: (_group,),
    _RULE: (_group_rule,),
    _INGRESS: (_group_rule,),
}

RULE: Final = StackRule(
    name="iam-sg-scoped",
    title="Rights in the cloud are named, given to exactly one workload, and ports are not open to the world.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon Web Services Foundations Benchmark", version="3.0.0", specification="1.16, 5.2, 5.3"
    ),
    remediation="Name actions and resources; bind a role to one service account of one namespace; open ports "
    "to security groups or addresses, and to the world only port 443 of a load balancer.",
    settings=ScopeSettings,
    selects=aws.aws(*_JUDGES),
    check=check,
)
