"""Nothing of a tenant points into another tenant, and nobody of another tenant is let in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
from policy.iam import service_accounts, statements
from policy.objects import is_cell_namespace, is_tenant_namespace, kinds, namespace_of
from policy.reading import UnknownValue, known, mapping, sequence, text
from spec import labels
from spec.naming import RESTORE_ROLE, team_group, tenant_namespace

_POSTGRES: Final = "kubernetes:postgresql.cnpg.io/"
_LAST_HBA: Final = ["host", "all", "all", "all", "reject"]
_RESTORE_HBA: Final = ["hostssl", "all", RESTORE_ROLE, "all", "cert"]
"""The one role that makes databases and renames them: it is there while a restore lasts, and has no password."""
_ASSOCIATION: Final = "eks/podIdentityAssociation:PodIdentityAssociation"


class ReferenceSettings(Settings):
    """How namespaces are told apart."""

    namespace_key: str = Field(
        labels.NAMESPACE_NAME,
        description="label by which network policies name a namespace; the API server sets it and nobody else",
    )


@dataclass(frozen=True)
class _Program:
    """The program's resources, and the cell of each tenant's namespace among them."""

    resources: Sequence[Resource]
    cells: Mapping[str, str | None]
    settings: ReferenceSettings


def check(resources: Sequence[Resource], settings: ReferenceSettings) -> Iterator[Finding]:
    """Find bindings, policies, volumes, routes, trust and databases that open from one tenant to another."""
    program = _Program(resources, dict(_cells(resources)), settings)
    for resource in resources:
        if judge := _JUDGES.get(resource.kind):
            yield from judge_each(resource, [resource], lambda each, judge=judge: judge(each, program))


def _cells(resources: Sequence[Resource]) -> Iterator[tuple[str, str | None]]:
    for resource in resources:
        if resource.kind == "Namespace":
            try:
                yield text(resource.props, "metadata", "name") or "", mark(resource, labels.CELL)
            except UnknownValue:
                continue


def _binding(resource: Resource, _program: _Program) -> Iterator[Finding]:
    here = namespace_of(resource) or ""
    for index, subject in enumerate(sequence(resource.props, "subjects")):
        name = text(subject, "name") or ""
        home = text(subject, "namespace") or here
        if name.startswith(team_group("")):
            home = tenant_namespace(name.removeprefix(team_group("")))
        if is_tenant_namespace(home) and home != here:
            yield Violation(
                resource,
                f"subjects[{index}] is {name}, who belongs to {home}",
                f"bind only subjects that belong to {here}",
            )


def _network(resource: Resource, program: _Program) -> Iterator[Finding]:
    here = namespace_of(resource) or ""
    if not (is_tenant_namespace(here) or is_cell_namespace(here)):
        return
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(sequence(resource.props, "spec", rules)):
            for peer in sequence(rule, peers):
                where = f"spec.{rules}[{index}]"
                yield from _peer(resource, (where, here), mapping(peer, "namespaceSelector"), program)


def _peer(
    resource: Resource, place: tuple[str, str], selector: Mapping[str, object], program: _Program
) -> Iterator[Finding]:
    where, here = place
    key = program.settings.namespace_key
    named = set(_named(selector, key))
    if selector and any(selector.values()) and not named:
        yield Violation(
            resource,
            f"{where} selects namespaces by labels that others may set",
            f"select them by {key}",
        )
    for other in sorted(named):
        if is_tenant_namespace(other) and other != here and not _at_home(resource, other, here, program):
            yield Violation(resource, f"{where} names {other}, which is another tenant's", "remove that peer")


def _named(selector: Mapping[str, object], key: str) -> Iterator[str]:
    if name := text(selector, "matchLabels", key):
        yield name
    for expression in sequence(selector, "matchExpressions"):
        if (text(expression, "key"), text(expression, "operator")) == (key, "In"):
            yield from (item for item in sequence(expression, "values") if isinstance(item, str))


def _at_home(resource: Resource, tenant: str, here: str, program: _Program) -> bool:
    """Whether a tenant's namespace may be named in the namespace of a cell: its own one."""
    if not is_cell_namespace(here):
        return False
    cell = program.cells.get(tenant, mark(resource, labels.CELL))
    return cell == mark(resource, labels.CELL)


def _volume(resource: Resource, program: _Program) -> Iterator[Finding]:
    home = text(resource.props, "spec", "claimRef", "namespace")
    tenant = mark(resource, labels.TENANT)
    if home and tenant and tenant_namespace(tenant) != home:
        yield Violation(
            resource,
            f"it is a volume of {tenant} and is kept for a claim in {home}",
            "correct its label or its claimRef",
        )
    if handle := _handle(resource):
        earlier = (each for each in program.resources if each.urn < resource.urn)
        for other in (each for each in earlier if each.kind == resource.kind):
            elsewhere = text(other.props, "spec", "claimRef", "namespace") != home
            if elsewhere and _handle(other) == handle:
                yield Violation(
                    resource,
                    f"it is the same storage as {other.title}, which is kept for another namespace",
                    "give each tenant storage of its own",
                )


def _handle(volume: Resource) -> str | None:
    return text(volume.props, "spec", "csi", "volumeHandle")


def _claim(resource: Resource, program: _Program) -> Iterator[Finding]:
    wanted, here = text(resource.props, "spec", "volumeName"), namespace_of(resource)
    for volume in program.resources:
        if wanted and volume.kind == "PersistentVolume" and text(volume.props, "metadata", "name") == wanted:
            home = text(volume.props, "spec", "claimRef", "namespace")
            if home != here:
                yield Violation(
                    resource,
                    f"spec.volumeName is {wanted}, which is kept for {home or 'no namespace'}",
                    f"name a volume whose claimRef is in {here}",
                )


def _route(resource: Resource, _program: _Program) -> Iterator[Finding]:
    here = namespace_of(resource) or ""
    for index, route in enumerate(sequence(resource.props, "spec", "routes")):
        for part in ("services", "middlewares"):
            for item in sequence(route, part):
                if "@" in (text(item, "name") or "") and is_tenant_namespace(here):
                    yield Violation(
                        resource,
                        f"spec.routes[{index}].{part} names {text(item, 'name')}, which is not in {here}",
                        "name only what is in the namespace, without @",
                    )
                other = text(item, "namespace") or here
                if other != here and is_tenant_namespace(other):
                    yield Violation(
                        resource,
                        f"spec.routes[{index}].{part} leads to {other}, which is another tenant's",
                        f"name only what is in {here}",
                    )


def _role(resource: Resource, program: _Program) -> Iterator[Finding]:
    tenant = mark(resource, labels.TENANT) if resource.type.startswith("aws:") else None
    if tenant is None:
        return
    own = tenant_namespace(tenant)
    for statement in statements(aws.document(resource.props, "assumeRolePolicy"), "Allow"):
        for _, namespace, name in service_accounts(statement):
            if namespace != own:
                yield Violation(
                    resource,
                    f"it is a role of {tenant} and trusts {name} in {namespace}",
                    f"trust only service accounts in {own}",
                )
    for association in aws.linked(list(aws.of_type(program.resources, _ASSOCIATION)), "roleArn", resource):
        if (namespace := known(association.props.get("namespace"))) != own:
            yield Violation(
                association,
                f"it gives a role of {tenant} to pods in {namespace}",
                f"set its namespace to {own}",
            )


def _cluster(resource: Resource, _program: _Program) -> Iterator[Finding]:
    """Find PostgreSQL clusters in which the role of a tenant may connect to the database of another."""
    if not resource.type.startswith(_POSTGRES):
        return
    rules = [
        each.split() if isinstance(each, str) else []
        for each in sequence(resource.props, "spec", "postgresql", "pg_hba")
    ]
    if not rules or rules[-1] != _LAST_HBA:
        yield Violation(
            resource,
            "its last rule of pg_hba refuses nobody, and the operator's own lets in everybody",
            f"end spec.postgresql.pg_hba with {' '.join(_LAST_HBA)!r}",
        )
    for index, rule in enumerate(rules):
        if rule[1:2] == ["all"] and rule[-1:] != ["reject"] and rule != _RESTORE_HBA:
            yield Violation(
                resource,
                f"spec.postgresql.pg_hba[{index}] lets a role into every database",
                "name sameuser, or one database, in its second field",
            )
    if known(mapping(resource.props, "spec").get("enableSuperuserAccess")) is True:
        yield Violation(
            resource,
            "its superuser may log in with a password, past every wall between the databases",
            "set spec.enableSuperuserAccess to false",
        )


_JUDGES: Final[Mapping[str, Callable[[Resource, _Program], Iterator[Finding]]]] = {
    "Cluster": _cluster,
    "RoleBinding": _binding,
    "NetworkPolicy": _network,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "IngressRoute": _route,
    "Role": _role,
}

RULE: Final = StackRule(
    name="no-cross-tenant-ref",
    title="Nothing of a tenant refers to another tenant.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="NSA/CISA Kubernetes Hardening Guidance", version="1.2", specification="namespace separation"
    ),
    remediation="Let subjects, network peers, volumes, routes and trusted identities of a tenant be its own; "
    "name namespaces by the label that the API server sets; close pg_hba but for the database of a role's own name.",
    settings=ReferenceSettings,
    selects=aws.either(
        kinds("Namespace", *(kind for kind in _JUDGES if kind != "Role")), aws.aws(aws.ROLE, _ASSOCIATION)
    ),
    check=check,
)
