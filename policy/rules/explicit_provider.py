"""Nothing is created by a default provider, which goes wherever the environment happens to point."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from policy.frame import Finding, Level, Resource, ResourceRule, Settings, Severity, Violation

_PROVIDER_TYPE: Final = "pulumi:providers:"
_KUBERNETES_PROVIDER: Final = "pulumi:providers:kubernetes"

# The engine itself tells default providers by this prefix; an explicit one cannot be told apart from them.
_DEFAULT_PREFIX: Final = "default"


class ProviderSettings(Settings):
    """Which packages may keep their default provider."""

    harmless_packages: tuple[str, ...] = Field(
        ("pulumi", "random"),
        description="packages whose provider reaches nothing outside the program, so that it cannot be wrong",
    )


def check(resource: Resource, settings: ProviderSettings) -> Iterator[Finding]:
    """Find resources of a default provider, and Kubernetes providers that name no kubeconfig."""
    if resource.type == _KUBERNETES_PROVIDER:
        # Presence is enough and is always known: the content may come from a cluster yet to be created.
        if not _is_default(resource.name) and not resource.props.get("kubeconfig"):
            yield Violation(
                resource,
                "the provider names no kubeconfig, so it uses whichever cluster the shell points to",
                "pass kubeconfig= (a path) to the provider",
            )
        return
    provider = resource.provider
    if provider is None or not _is_default(provider.name):
        return
    package = provider.type.removeprefix(_PROVIDER_TYPE)
    if package not in settings.harmless_packages:
        yield Violation(
            resource,
            f"it would be created by the default {package} provider, which takes its target from the shell",
            "pass provider= in its ResourceOptions, or providers= to the component that it belongs to (and a "
            f"name that does not begin with {_DEFAULT_PREFIX!r} to the provider)",
        )


def _is_default(name: str) -> bool:
    return name.startswith(_DEFAULT_PREFIX)


RULE: Final = ResourceRule(
    name="explicit-provider",
    title="Every resource is created by a provider that the program names.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    remediation="Create one provider for each target with an explicit kubeconfig or account, and hand it to "
    "resources or their component. Disable default providers in the stack's configuration as well: "
    "pulumi:disable-default-providers.",
    settings=ProviderSettings,
    check=check,
    waivable=False,
)
