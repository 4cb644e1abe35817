"""Secrets come from the part of the secret store that belongs to whoever reads them."""

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
from policy.objects import is_cell_namespace, is_tenant_namespace, kinds, namespace_of
from policy.reading import field, is_mapping, mapping, sequence, text
from spec import labels
from spec.naming import cell_namespace, tenant_namespace


class SourceSettings(Settings):
    """How the secret store is divided."""

    tenant_prefix: str = Field(
        "storefleet/tenants/{tenant}/", description="what the keys of a tenant's secrets begin with"
    )
    cell_prefix: str = Field(
        "storefleet/cells/{cell}/", description="what the keys of a cell's secrets begin with"
    )


def check(resource: Resource, settings: SourceSettings) -> Iterator[Finding]:
    """Find secrets read from outside their owner's part, and stores that are open to every namespace."""
    if resource.kind == "ClusterSecretStore":
        yield from _store(resource)
    elif resource.kind == "ClusterExternalSecret":
        yield Violation(
            resource,
            "it puts one secret into several namespaces",
            "declare an ExternalSecret in each namespace, with its own key",
        )
    else:
        yield from _secret(resource, settings)


def _store(resource: Resource) -> Iterator[Finding]:
    conditions = sequence(resource.props, "spec", "conditions")
    if not conditions or any(_admits_all(condition) for condition in conditions):
        yield Violation(
            resource,
            "every namespace may read from it",
            "list the namespaces that may under spec.conditions, or use a SecretStore in the namespace",
        )


def _admits_all(condition: object) -> bool:
    # A selector on anything but the name that the API server gives is one that others can meet.
    selector = mapping(condition, "namespaceSelector", "matchLabels")
    return not sequence(condition, "namespaces") and not selector.get(labels.NAMESPACE_NAME)


def _secret(resource: Resource, settings: SourceSettings) -> Iterator[Finding]:
    prefix = _prefix(resource, settings)
    if prefix is None:
        return
    spec = mapping(resource.props, "spec")
    for index, entry in enumerate(sequence(spec, "data")):
        for keys in (("remoteRef", "key"), ("match", "remoteRef", "remoteKey")):
            path = f"spec.data[{index}].{'.'.join(keys)}"
            if field(entry, *keys) is not None:
                yield from _key(resource, path, text(entry, *keys), prefix)
    yield from judge_each(
        resource,
        list(enumerate(sequence(spec, "dataFrom"))),
        lambda entry: _from(resource, entry, prefix),
    )


def _from(resource: Resource, entry: tuple[int, object], prefix: str) -> Iterator[Finding]:
    index, fields = entry
    for part, name in (("extract", "key"), ("find", "path")):
        if is_mapping(field(fields, part)):
            path = f"spec.dataFrom[{index}].{part}.{name}"
            yield from _key(resource, path, text(fields, part, name), prefix)


def _key(resource: Resource, path: str, key: str | None, prefix: str) -> Iterator[Finding]:
    if key is None or not key.startswith(prefix) or ".." in key.split("/"):
        yield Violation(
            resource,
            f"{path} is not under {prefix}, so it may be somebody else's secret",
            f"keep the secret under {prefix}",
        )


def _prefix(resource: Resource, settings: SourceSettings) -> str | None:
    namespace = namespace_of(resource) or ""
    found = mapping(resource.props, "metadata", "labels")
    if is_tenant_namespace(namespace):
        # The label is believed only where it agrees with the namespace, which nobody can make up.
        tenant = text(found, labels.TENANT) or ""
        own = (
            tenant if tenant_namespace(tenant) == namespace else namespace.removeprefix(tenant_namespace(""))
        )
        return settings.tenant_prefix.replace("{tenant}", own)
    if is_cell_namespace(namespace):
        return settings.cell_prefix.replace("{cell}", namespace.removeprefix(cell_namespace("")))
    return None


RULE: Final = ResourceRule(
    name="secret-source",
    title="A secret is read from its owner's part of the secret store, through a store that others cannot use.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(name="CIS Amazon EKS Benchmark", version="1.8.0", specification="4.4.2"),
    remediation="Keep a tenant's secrets under its own prefix and read them through a SecretStore in its "
    "namespace, or a ClusterSecretStore whose conditions list the namespaces.",
    settings=SourceSettings,
    selects=kinds("ExternalSecret", "PushSecret", "ClusterExternalSecret", "ClusterSecretStore"),
    check=check,
)
