"""What the operators of an environment in AWS are told, and in which order it can be: after they are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.edge.plan import TARGET_PORT
from components.extensions.files import tenant_volumes
from components.extensions.nodes import node_pools
from components.extensions.signatures import image_policies
from components.extensions.store import certificate_issuer, platform_secrets
from components.files.plan import FilesPlan
from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from spec.aws import AwsSpec
from spec.clusters import EksCluster
from spec.environment import EnvironmentSpec
from spec.tenant import TenantSpec

SERVICE: Final = "traefik"
"""The ingress controller's Service, in the namespace of the environment's ingress."""
_HTTPS: Final = 443


@dataclass(frozen=True, kw_only=True)
class ExtensionsPlan:
    """Objects that name only what is known; a volume a tenant and the binding of the balancer name what AWS makes."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]
    volumes: Mapping[str, KubeObject]
    """Tenant -> its volume, without its handle."""
    binding: KubeObject | None
    """What registers the ingress controller's pods with the balancer, without its target group; None off EKS."""


def plan_extensions(
    environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec], files: FilesPlan
) -> ExtensionsPlan | None:
    """Plan them; None where a second region stands by, because nothing there could act on them."""
    if aws.standby in {"pilot-light", "absent"}:
        return None
    on_eks = isinstance(environment.cluster, EksCluster)
    return ExtensionsPlan(
        wait_seconds=environment.wait_seconds,
        objects=(
            *image_policies(environment, aws),
            certificate_issuer(environment, aws),
            *platform_secrets(environment, aws),
            *(node_pools(environment, aws) if on_eks else ()),
        ),
        volumes=dict(tenant_volumes(environment, tenants, files)),
        binding=_binding(environment) if on_eks else None,
    )


def _binding(environment: EnvironmentSpec) -> KubeObject:
    spec = {
        "serviceRef": {"name": SERVICE, "port": _HTTPS},
        "targetType": "ip",
        "networking": {"ingress": [{"ports": [{"protocol": "TCP", "port": TARGET_PORT}]}]},
    }
    return KubeObject(
        key="balancer",
        manifest=manifest(
            "elbv2.k8s.aws/v1beta1",
            "TargetGroupBinding",
            SERVICE,
            namespace=environment.ingress_namespace,
            labels=environment_labels(environment.name),
            spec=spec,
        ),
        why="Pods of the ingress controller take part in the one balancer that the program made, and make no other.",
    )
