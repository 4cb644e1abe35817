"""Who reaches a tenant's pods, and whom they reach."""

from collections.abc import Sequence
from typing import Final

from components.cache.plan import PORT as CACHE_PORT
from components.labelling import tenant_labels
from components.manifests import KubeObject
from components.network import DATA_PORTS, Rule, namespace_peer, network_policy, ports, to_dns
from components.vpc.cidrs import SubnetTier
from components.vpc.plan import tier_cidrs
from spec import labels
from spec.environment import EnvironmentSpec
from spec.naming import cell_namespace, tenant_namespace
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState

ODOO_PORTS: Final = (8069, 8072)
"""HTTP and websocket, where Odoo listens unless told otherwise."""

WITH_DATA_ACCESS: Final = frozenset({TenantState.ACTIVE, TenantState.SUSPENDED})
"""The states in which something of the tenant runs: its processes, or the backups of one that is suspended."""


def plan_walls(tenant: TenantSpec, environment: EnvironmentSpec) -> tuple[KubeObject, ...]:
    """Plan the NetworkPolicies of a tenant's namespace: nothing, then what its state needs, then what it names."""
    outside = _integrations(tenant, environment)
    return (
        KubeObject(
            key="default-deny",
            manifest=network_policy(
                "default-deny",
                namespace=tenant_namespace(tenant.id),
                labels=tenant_labels(tenant, environment.name),
                ingress=(),
                egress=(),
            ),
            why="Nothing reaches the tenant's pods and they reach nothing, unless another policy says so.",
        ),
        _ways(tenant, environment),
        *(() if outside is None else (outside,)),
    )


def cell_access(tenant: TenantSpec, environment: EnvironmentSpec) -> KubeObject:
    """Plan the tenant's way into its cell; it stands in the cell's namespace."""
    namespace = tenant_namespace(tenant.id)
    return KubeObject(
        key="cell-access",
        manifest=network_policy(
            f"from-{namespace}",
            namespace=cell_namespace(tenant.cell),
            labels=tenant_labels(tenant, environment.name),
            ingress=[{"from": [namespace_peer(namespace)], "ports": ports(*DATA_PORTS)}],
        ),
        why=(
            f"Opens the data of cell {tenant.cell} to this tenant. Each tenant brings its own, so "
            "that one more tenant changes nothing that exists."
        ),
    )


def _ways(tenant: TenantSpec, environment: EnvironmentSpec) -> KubeObject:
    dns = to_dns(environment.dns)
    if tenant.state not in WITH_DATA_ACCESS:
        return _allow(tenant, environment, (), [dns], "Only DNS, as everywhere; nothing runs here.")
    here = namespace_peer(tenant_namespace(tenant.id))
    to_data = {"to": [namespace_peer(cell_namespace(tenant.cell))], "ports": ports(*DATA_PORTS)}
    egress = [{"to": [here]}, dns, to_data]
    if tenant.state is TenantState.SUSPENDED:
        why = f"What a backup needs: DNS and the data of cell {tenant.cell}. The shop is closed."
        return _allow(tenant, environment, (), egress, why)
    router = namespace_peer(environment.ingress_namespace)
    to_cache = _to_cache(environment)
    return _allow(
        tenant,
        environment,
        [{"from": [here]}, {"from": [router], "ports": ports(*ODOO_PORTS)}],
        [*egress, *to_cache],
        "The ways that a shop needs: between its own pods, in from the ingress controller, out to "
        f"DNS and to the data of cell {tenant.cell}"
        + (
            "; its cache is a service of AWS in the subnets for data, and lets in whoever has its password."
            if to_cache
            else "."
        ),
    )


def _to_cache(environment: EnvironmentSpec) -> Sequence[Rule]:
    """Return the way to ElastiCache: its addresses change, so the subnets that it may stand in are named."""
    aws = environment.aws
    if aws is None or aws.cache != "elasticache" or aws.standby in {"absent", "pilot-light"}:
        return ()
    subnets = [{"ipBlock": {"cidr": cidr}} for cidr in tier_cidrs(aws, SubnetTier.DATA)]
    return [{"to": subnets, "ports": ports(CACHE_PORT)}]


def _integrations(tenant: TenantSpec, environment: EnvironmentSpec) -> KubeObject | None:
    """Plan the ways out of the cluster; None where the tenant has none, or nothing of it may leave."""
    names = sorted(set(tenant.integrations))
    if not names or tenant.state is not TenantState.ACTIVE:
        return None
    peers = [environment.peers[name] for name in names]
    return KubeObject(
        key="integrations",
        manifest=network_policy(
            "integrations",
            namespace=tenant_namespace(tenant.id),
            labels=tenant_labels(tenant, environment.name),
            egress=[
                {"to": [{"ipBlock": {"cidr": peer.cidr}}], "ports": ports(*peer.ports)} for peer in peers
            ],
            but_not=labels.COPY,
        ),
        why=f"The shop calls {', '.join(names)}. A copy of its data, which a rehearsal runs on, does not.",
    )


def _allow(
    tenant: TenantSpec,
    environment: EnvironmentSpec,
    ingress: Sequence[Rule],
    egress: Sequence[Rule],
    why: str,
) -> KubeObject:
    return KubeObject(
        key="allow",
        manifest=network_policy(
            "allow",
            namespace=tenant_namespace(tenant.id),
            labels=tenant_labels(tenant, environment.name),
            ingress=ingress,
            egress=egress,
        ),
        why=why,
    )
