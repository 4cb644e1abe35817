"""What the cluster of an environment in AWS consists of, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.eks.addons import AddonPlan, plan_addons
from components.tagging import tags
from spec import labels
from spec.aws import AwsSpec
from spec.environment import EnvironmentSpec
from spec.kubernetes import HumanRole, PoolSpec, PoolTier
from spec.regions import REGIONS
from spec.vocabulary import EnvironmentName, Sensitivity, Tier

CONTROL_PLANE_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
NODE_GROUP_NAME_LIMIT: Final = 63

_ACCESS: Final = "arn:aws:eks::aws:cluster-access-policy"
ACCESS_POLICIES: Final[Mapping[HumanRole, str]] = MappingProxyType(
    {
        # View leaves Secrets out; the Admin View policy does not.
        HumanRole.DEVELOPER: f"{_ACCESS}/AmazonEKSViewPolicy",
        HumanRole.RELEASE_MANAGER: f"{_ACCESS}/AmazonEKSViewPolicy",
        HumanRole.AUDITOR: f"{_ACCESS}/AmazonEKSViewPolicy",
        HumanRole.OPERATOR: f"{_ACCESS}/AmazonEKSClusterAdminPolicy",
        HumanRole.BREAK_GLASS: f"{_ACCESS}/AmazonEKSClusterAdminPolicy",
    }
)
"""What each role may do in the cluster. Release managers move releases by commits, so looking is enough."""

_AMI: Final = MappingProxyType({"arm64": "AL2023_ARM_64_STANDARD", "amd64": "AL2023_x86_64_STANDARD"})
_LOG_DAYS: Final = MappingProxyType({EnvironmentName.PRODUCTION: 365, EnvironmentName.DR: 365})
_LOG_DAYS_ELSEWHERE: Final = 30

_NODE_POLICIES: Final = (
    # The rights of the network add-on are not here: it has an identity of its own, and pods cannot borrow it.
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
)


@dataclass(frozen=True, kw_only=True)
class NodeGroupPlan:
    """One node group. A pool for data has one for each zone: its volumes cannot follow a node to another."""

    key: str
    pool: str
    name: str
    zones: tuple[str, ...]
    """Zones that it has nodes in; all of the region for what keeps nothing."""
    ami: str
    instance_types: tuple[str, ...]
    capacity: str
    smallest: int
    largest: int
    labels: Mapping[str, str]
    taint: str
    """Value of the taint ``storefleet.dev/pool``, which keeps off what does not tolerate it; empty for none."""
    disk_gib: int
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class EksPlan:
    """The whole cluster; names are physical ones."""

    name: str
    account: str
    region: str
    version: str
    services: str
    public: bool
    allowed_cidrs: tuple[str, ...]
    node_policies: tuple[str, ...]
    groups: tuple[NodeGroupPlan, ...]
    addons: tuple[AddonPlan, ...]
    access: tuple[tuple[HumanRole, str], ...]
    """Role -> the policy of EKS that it has in the whole cluster."""
    protected: bool
    """Whether AWS refuses to delete it."""
    scheduled: bool
    """Whether the smallest numbers of nodes are moved by a schedule, which the engine then leaves alone."""
    log_days: int
    tags: Mapping[str, str]
    reasons: tuple[str, ...]


def plan_eks(environment: EnvironmentSpec, aws: AwsSpec) -> EksPlan | None:
    """Plan the cluster of an environment; None where it stands by without one."""
    if aws.standby == "absent":
        return None
    name = f"storefleet-{environment.name.value}"
    groups = tuple(
        group
        for pool_name, pool in sorted(aws.kubernetes.pools.items())
        for group in _groups(environment, aws, pool_name, pool)
    )
    nodes = aws.standby != "pilot-light"
    return EksPlan(
        name=name,
        account=aws.account,
        region=aws.region,
        version=aws.kubernetes.version,
        services=aws.network.services,
        public=not aws.kubernetes.private,
        allowed_cidrs=aws.kubernetes.allowed_cidrs,
        node_policies=_NODE_POLICIES,
        groups=groups,
        addons=plan_addons(aws.kubernetes.version, nodes=nodes),
        access=tuple((role, ACCESS_POLICIES[role]) for role in HumanRole if role in aws.kubernetes.access),
        protected=aws.kubernetes.deletion_protection,
        scheduled=aws.hours is not None,
        log_days=_LOG_DAYS.get(environment.name, _LOG_DAYS_ELSEWHERE),
        tags=tags(environment, data_class=Sensitivity.INTERNAL),
        reasons=_reasons(aws),
    )


def _groups(
    environment: EnvironmentSpec, aws: AwsSpec, pool_name: str, pool: PoolSpec
) -> tuple[NodeGroupPlan, ...]:
    zones = REGIONS[aws.region].zones
    places = tuple((zone,) for zone in zones) if pool.tier is PoolTier.DATA else (zones,)
    asleep = aws.standby == "pilot-light"
    return tuple(
        NodeGroupPlan(
            key=key,
            pool=pool_name,
            name=key,
            zones=place,
            ami=_AMI[pool.arch],
            instance_types=pool.instance_types,
            capacity="SPOT" if pool.spot else "ON_DEMAND",
            smallest=0 if asleep else _share(pool.min, len(places)),
            largest=_share(pool.max, len(places)),
            labels=_labels(pool),
            taint="" if pool.tier is PoolTier.GENERAL else pool.tier.value,
            disk_gib=pool.disk_gib,
            tags=_tags(environment, pool),
            why=_WHY[pool.tier],
        )
        for place in places
        for key in [pool_name if len(places) == 1 else f"{pool_name}-{place[0][-1]}"]
    )


def _share(number: int, parts: int) -> int:
    return -(-number // parts)


def _labels(pool: PoolSpec) -> dict[str, str]:
    own = {labels.TENANT: pool.tenant} if pool.tenant is not None else {}
    return {labels.POOL: pool.tier.value, **own}


def _tags(environment: EnvironmentSpec, pool: PoolSpec) -> dict[str, str]:
    if pool.tenant is None:
        return tags(environment, data_class=Sensitivity.INTERNAL)
    return tags(environment, data_class=Sensitivity.INTERNAL, tenant=pool.tenant, tier=Tier.DEDICATED)


_WHY: Final = MappingProxyType(
    {
        PoolTier.GENERAL: "Operators, shared and hybrid tenants.",
        PoolTier.DEDICATED: "One tenant alone: the taint keeps off everybody else.",
        PoolTier.DATA: "The databases of the cells, a group for each zone: a volume cannot leave its zone.",
    }
)


def _reasons(aws: AwsSpec) -> tuple[str, ...]:
    reach = (
        "The API is reached from inside the VPC only."
        if aws.kubernetes.private
        else f"The API is reached from {', '.join(aws.kubernetes.allowed_cidrs)} and from inside the VPC."
    )
    reasons = [
        reach,
        "Who has which rights is in access entries: a role of AWS and a policy of EKS, and no map in the cluster.",
        "Whoever creates the cluster gets no rights by it: the operators' role has them.",
    ]
    if aws.standby == "pilot-light":
        reasons.append(
            "The cluster stands by without nodes, and without the add-ons that would wait for one: they come when "
            "standby is active."
        )
    if aws.hours is not None:
        reasons.append("A schedule moves the smallest numbers of nodes to nothing outside the office hours.")
    return tuple(reasons)
