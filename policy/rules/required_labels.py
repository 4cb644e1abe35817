"""Everything says what it belongs to, so that it can be found, billed and cleaned up."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from policy.frame import Finding, Framework, Level, Resource, ResourceRule, Settings, Severity, Violation
from policy.objects import is_cell_namespace, is_kubernetes, is_tenant_namespace, namespace_of
from policy.reading import mapping, text
from spec import labels
from spec.naming import tenant_namespace


class LabelSettings(Settings):
    """Which labels objects carry, by where they are."""

    every_object: tuple[str, ...] = Field(
        (labels.MANAGED_BY, labels.PART_OF, labels.ENVIRONMENT),
        description="labels of every Kubernetes object",
    )
    tenant_objects: tuple[str, ...] = Field(
        (labels.TENANT, labels.TIER, labels.CELL, labels.DATA_CLASS, labels.COST_CENTRE),
        description="labels of a tenant's namespace and of everything in it",
    )
    cell_objects: tuple[str, ...] = Field(
        (labels.CELL, labels.TIER), description="labels of a cell's namespace and of everything in it"
    )
    tenant_namespaces: tuple[str, ...] = Field(
        (labels.ROLE, labels.RING), description="further labels of a tenant's namespace"
    )
    cell_namespaces: tuple[str, ...] = Field(
        (labels.ROLE,), description="further labels of a cell's namespace"
    )
    exempt_kinds: tuple[str, ...] = Field(
        ("CustomResourceDefinition",), description="kinds that other projects define and nobody relabels"
    )


def check(resource: Resource, settings: LabelSettings) -> Iterator[Finding]:
    """Find objects that lack a label, have an empty one, or name a tenant whose namespace they are not in."""
    # A chart or a folder of manifests is not an object; what it makes is judged by itself.
    if "apiVersion" not in resource.props or resource.kind in settings.exempt_kinds:
        return
    is_namespace = resource.kind == "Namespace"
    home = text(resource.props, "metadata", "name") if is_namespace else namespace_of(resource)
    present = mapping(resource.props, "metadata", "labels")
    missing = [
        key for key in _wanted(home, settings, is_namespace=is_namespace) if present.get(key) in (None, "")
    ]
    if missing:
        yield Violation(
            resource, f"it lacks the labels {', '.join(missing)}", "set them under metadata.labels"
        )
    if home is not None and is_tenant_namespace(home):
        tenant = text(present, labels.TENANT)
        if tenant and tenant_namespace(tenant) != home:
            yield Violation(
                resource,
                f"its label {labels.TENANT} is {tenant!r}, whose namespace is {tenant_namespace(tenant)}",
                f"label it with the tenant that {home} belongs to, or move it",
            )


def _wanted(home: str | None, settings: LabelSettings, *, is_namespace: bool) -> Sequence[str]:
    wanted = list(settings.every_object)
    if home is not None and is_tenant_namespace(home):
        wanted += [*settings.tenant_objects, *(settings.tenant_namespaces if is_namespace else ())]
    elif home is not None and is_cell_namespace(home):
        wanted += [*settings.cell_objects, *(settings.cell_namespaces if is_namespace else ())]
    return wanted


RULE: Final = ResourceRule(
    name="required-labels",
    title="Every object says who manages it, and whose it is.",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    framework=Framework(name="Kubescape DevOpsBest", version="2", specification="C-0076"),
    remediation="Take labels from the tenant, the cell or the environment that the object belongs to; the "
    "keys are in spec/labels.py.",
    settings=LabelSettings,
    selects=is_kubernetes,
    check=check,
)
