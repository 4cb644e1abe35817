"""The cluster's API is not open to the world, says who did what, and its network policies hold from the start."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from pydantic import Field

from policy import aws
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
from policy.reading import field, mapping, sequence, text

_ADDON: Final = "eks/addon:Addon"
_WORLD: Final = ("0.0.0.0/0", "::/0")


class ClusterSettings(Settings):
    """What an EKS cluster is measured against."""

    logs: tuple[str, ...] = Field(
        ("api", "audit", "authenticator"), description="logs of the control plane that are kept"
    )
    authentication_mode: str = Field("API", description="how identities are mapped to rights")
    network_addon: str = Field("vpc-cni", description="add-on that carries out network policies")


def check(resources: Sequence[Resource], settings: ClusterSettings) -> Iterator[Finding]:
    """Find clusters with an open endpoint, without audit logs, or whose network policies start open."""
    for cluster in aws.of_type(resources, aws.CLUSTER):
        judges = (_endpoint, _logs, _network)
        yield from judge_each(cluster, judges, lambda judge, own=cluster: judge(own, resources, settings))


def _endpoint(
    cluster: Resource, _resources: Sequence[Resource], settings: ClusterSettings
) -> Iterator[Finding]:
    network = mapping(cluster.props, "vpcConfig")
    if field(network, "endpointPrivateAccess") is not True:
        yield Violation(
            cluster, "nodes reach its API over the internet", "set vpcConfig.endpointPrivateAccess to true"
        )
    # Both are what EKS does when nothing is said.
    allowed = sequence(network, "publicAccessCidrs") or ("0.0.0.0/0",)
    if field(network, "endpointPublicAccess") is not False and any(each in _WORLD for each in allowed):
        yield Violation(
            cluster,
            "its API is open to every address",
            "set vpcConfig.endpointPublicAccess to false, or publicAccessCidrs to the addresses that need it",
        )
    mode = text(cluster.props, "accessConfig", "authenticationMode")
    if mode != settings.authentication_mode:
        yield Violation(
            cluster,
            "who has access is also decided by a ConfigMap in the cluster",
            f"set accessConfig.authenticationMode to {settings.authentication_mode}",
        )


def _logs(cluster: Resource, _resources: Sequence[Resource], settings: ClusterSettings) -> Iterator[Finding]:
    kept = sequence(cluster.props, "enabledClusterLogTypes")
    if missing := [log for log in settings.logs if log not in kept]:
        yield Violation(cluster, f"it keeps no {', '.join(missing)} log", "add it to enabledClusterLogTypes")


def _network(
    cluster: Resource, resources: Sequence[Resource], settings: ClusterSettings
) -> Iterator[Finding]:
    addons = [
        addon
        for addon in aws.linked(list(aws.of_type(resources, _ADDON)), "clusterName", cluster)
        if text(addon.props, "addonName") == settings.network_addon
    ]
    if not addons:
        yield Violation(
            cluster,
            "nothing carries out its network policies",
            f"declare the add-on {settings.network_addon} with enableNetworkPolicy",
        )
    for addon in addons:
        values = _values(addon)
        if str(values.get("enableNetworkPolicy")).lower() != "true":
            yield Violation(
                addon, "it ignores network policies", "set enableNetworkPolicy to true in configurationValues"
            )
        elif text(values, "env", "NETWORK_POLICY_ENFORCING_MODE") != "strict":
            yield Violation(
                addon,
                "a pod is open until its policies have been carried out",
                "set env.NETWORK_POLICY_ENFORCING_MODE to strict in configurationValues",
            )


def _values(addon: Resource) -> Mapping[str, object]:
    try:
        parsed: object = json.loads(text(addon.props, "configurationValues") or "{}")
    except ValueError:
        return {}
    return cast("Mapping[str, object]", parsed) if isinstance(parsed, dict) else {}


RULE: Final = StackRule(
    name="eks-baseline",
    title="The cluster's API is closed to the world and audited, and network policies hold from the start.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon EKS Benchmark", version="1.8.0", specification="2.1.1, 4.3.2, 5.4.1, 5.4.2"
    ),
    remediation="Close or allow-list the public endpoint, keep audit logs, and set the VPC CNI add-on to carry "
    "out network policies in strict mode.",
    settings=ClusterSettings,
    selects=aws.aws(aws.CLUSTER, _ADDON),
    check=check,
)
