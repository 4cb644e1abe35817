"""A dedicated tenant has nodes and a database that nobody else uses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field

from policy import aws
from policy.belonging import EnvironmentSettings, mark
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.objects import is_tenant_namespace, is_workload, namespace_of
from policy.pods import Pod, judge_pods
from policy.reading import is_mapping, mapping, sequence, text
from spec import labels
from spec.tiers import NodePool
from spec.vocabulary import Tier

_NODE_GROUP: Final = "eks/nodeGroup:NodeGroup"
_REPELS: Final = frozenset({"NoSchedule", "NoExecute", "NO_SCHEDULE", "NO_EXECUTE"})


class ComputeSettings(EnvironmentSettings):
    """How dedicated nodes are told, and whose they are."""

    pool_key: str = Field(labels.POOL, description="key of the label and of the taint of dedicated nodes")
    pool_value: str = Field(NodePool.DEDICATED.value, description="value of that label and taint")
    owner_key: str = Field(
        labels.TENANT,
        description="label that says which tenant's nodes they are; required where `environments` says so",
    )
    pool_required: bool = Field(
        default=True,
        description="whether this program declares the nodes, wherever it declares the namespace; false where "
        "the cluster is given",
    )


def check(resources: Sequence[Resource], settings: ComputeSettings) -> Iterator[Finding]:
    """Find dedicated tenants without nodes or a database of their own, and pods on the nodes of others."""
    walls = {
        name: resource
        for resource in resources
        if resource.kind == "Namespace" and (name := _name(resource)) is not None
    }
    for resource in resources:
        if resource.kind == "Namespace":
            yield from judge_each(resource, [resource], lambda each: _namespace(each, resources, settings))
        elif is_workload(resource.type):
            yield from judge_each(resource, [resource], lambda each: _workload(each, walls, settings))


def _namespace(
    namespace: Resource, resources: Sequence[Resource], settings: ComputeSettings
) -> Iterator[Finding]:
    tenant = mark(namespace, labels.TENANT)
    if tenant is None or mark(namespace, labels.TIER) != Tier.DEDICATED:
        return
    cell = mark(namespace, labels.CELL)
    others = (each for each in resources if each.kind == "Namespace")
    for other in (each for each in others if mark(each, labels.TENANT) not in (None, tenant)):
        if mark(other, labels.CELL) == cell:
            yield Violation(
                namespace,
                f"its database stands in the cell {cell}, together with that of {other.name}",
                "give the tenant a cell of its own",
            )
    needs_pool = settings.pool_required and settings.required_for(namespace)
    if needs_pool and not any(_is_pool_of(each, tenant, settings) for each in resources):
        yield Violation(
            namespace,
            f"no pool of nodes is labelled {settings.owner_key}={tenant} and tainted for dedicated tenants",
            f"declare a NodePool or node group with that label, the label {settings.pool_key}="
            f"{settings.pool_value}, and a taint NoSchedule of the latter",
        )


def _is_pool_of(resource: Resource, tenant: str, settings: ComputeSettings) -> bool:
    if resource.kind == "NodePool":
        template = mapping(resource.props, "spec", "template")
        found, taints = mapping(template, "metadata", "labels"), sequence(template, "spec", "taints")
    elif resource.kind == "NodeGroup":
        found, taints = mapping(resource.props, "labels"), sequence(resource.props, "taints")
    else:
        return False
    pool = (settings.pool_key, settings.pool_value)
    return (
        found.get(settings.owner_key) == tenant
        and found.get(settings.pool_key) == settings.pool_value
        and any(
            (text(taint, "key"), text(taint, "value")) == pool and text(taint, "effect") in _REPELS
            for taint in taints
        )
    )


def _name(namespace: Resource) -> str | None:
    metadata = namespace.props.get("metadata")
    name = metadata.get("name") if is_mapping(metadata) else None
    return name if isinstance(name, str) else None


def _workload(
    resource: Resource, walls: Mapping[str, Resource], settings: ComputeSettings
) -> Iterator[Finding]:
    namespace = namespace_of(resource) or ""
    if is_tenant_namespace(namespace):
        # The namespace is believed before the object, which anybody may label.
        owner = walls.get(namespace, resource)
        yield from judge_pods(resource, lambda pod: _pod(resource, owner, pod, settings))


def _pod(resource: Resource, owner: Resource, pod: Pod, settings: ComputeSettings) -> Iterator[Finding]:
    tolerations = sequence(pod.spec, "tolerations")
    if mark(owner, labels.TIER) != Tier.DEDICATED:
        if any(text(each, "key") in (None, "", settings.pool_key) for each in tolerations):
            yield Violation(
                resource,
                "its pods tolerate the taint of dedicated nodes, which others pay for",
                f"name another key than {settings.pool_key} in each of {pod.path}.tolerations",
            )
        return
    wanted = {settings.pool_key: settings.pool_value}
    if settings.required_for(owner):
        wanted[settings.owner_key] = mark(owner, labels.TENANT) or ""
    for key, value in wanted.items() if pod.complete else ():
        if list(_nodes(pod, key)) != [value]:
            yield Violation(
                resource,
                f"its pods may be placed on nodes without {key}={value}, which are not the tenant's",
                f"set {key}: {value} in {pod.path}.nodeSelector",
            )
    if pod.complete and not any(text(each, "key") == settings.pool_key for each in tolerations):
        yield Violation(
            resource,
            "its pods do not tolerate the taint of dedicated nodes, so they find no place",
            f"add a toleration of {settings.pool_key}={settings.pool_value} to {pod.path}.tolerations",
        )


def _nodes(pod: Pod, key: str) -> Sequence[object]:
    """Return the values of a label of which every node of the pod must have one; empty if it may lack it."""
    if (selected := mapping(pod.spec, "nodeSelector").get(key)) is not None:
        return (selected,)
    required = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = sequence(pod.spec, *required, "nodeSelectorTerms")
    for term in terms if len(terms) == 1 else ():
        for expression in sequence(term, "matchExpressions"):
            if (text(expression, "key"), text(expression, "operator")) == (key, "In"):
                return sequence(expression, "values")
    return ()


def _selects(token: str) -> bool:
    return is_workload(token) or aws.aws(_NODE_GROUP)(token)


RULE: Final = StackRule(
    name="dedicated-compute",
    title="A dedicated tenant has its own nodes and its own database, and nobody else runs there.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="AWS Well-Architected SaaS Lens", version="2022-12", specification="silo isolation"
    ),
    remediation="Declare a pool of nodes with the tenant's label and the taint of dedicated nodes, give the "
    "tenant's pods the selector and the toleration, and the tenant a cell of its own.",
    settings=ComputeSettings,
    selects=_selects,
    check=check,
)
