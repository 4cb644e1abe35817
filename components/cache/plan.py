"""Which caches an environment in AWS has, and what of them each tenant reaches."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.files.plan import sensitivity_of
from components.secrets.plan import TENANT_PREFIX
from components.storage.lifecycle import WITH_CUSTOMERS
from components.tagging import tags
from spec.aws import AwsSpec
from spec.cloud_names import physical
from spec.environment import CellSpec, EnvironmentSpec
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState, Tier

PORT: Final = 6379
ENGINE: Final = "valkey"
VERSION: Final = "8.0"
FAMILY: Final = "valkey8"

GROUP_LIMIT: Final = 40
"""Longest id of a replication group, a user or a group of users; no two dashes in a row, none at the end."""

NODE_TYPES: Final[Mapping[Tier, str]] = MappingProxyType(
    {
        Tier.SHARED: "cache.t4g.small",
        Tier.HYBRID: "cache.t4g.small",
        Tier.DEDICATED: "cache.t4g.medium",
    }
)
"""Tier of a cell -> type of node. A session is some 5 kB, so 1.4 GB hold 200,000; chosen, not measured."""

HOST_FIELD: Final = "cache-host"
"""Field of the tenant's Secret from which its processes read the host."""
_HASH_DIGITS: Final = 8

COMMANDS: Final = (
    "-@all +@read +@write +@connection +@transaction +@pubsub -@dangerous -scan -randomkey -dbsize -pubsub"
)
"""What a tenant's processes may call: values of their own; nothing that lists, empties or configures. SCAN is held
to no pattern, and the name of a key is the id of somebody's session."""


@dataclass(frozen=True, kw_only=True)
class UserPlan:
    """A tenant's user: it reaches the keys and channels that begin with its own id, and no other."""

    key: str
    tenant: str
    id: str
    name: str
    access: str
    entry: str
    """Entry of the secret store that says where the cache is. No secret; its name is chosen by AWS, and in the second
    region it is another one, so it is not replicated with the passwords."""
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class CachePlan:
    """The cache of a cell and its users."""

    key: str
    cell: str
    name: str
    node_type: str
    nodes: int
    users: tuple[UserPlan, ...]
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class CachesPlan:
    """All caches; names are physical ones."""

    name: str
    caches: tuple[CachePlan, ...]
    maintenance: str
    tags: Mapping[str, str]
    reasons: tuple[str, ...]


def access_of(tenant_id: str) -> str:
    """Return what a tenant's user may do, in any form of the cache: keys and channels that begin with its id."""
    # No id holds a colon, so the keys of `a` never begin like those of `a-b`.
    return f"~{tenant_id}:* &{tenant_id}:* {COMMANDS}"


def cache_entry(tenant_id: str) -> str:
    """Return the entry of the secret store from which a tenant learns where its cache is, where AWS names it."""
    return f"{TENANT_PREFIX}{tenant_id}/cache"


def in_pods(environment: EnvironmentSpec) -> bool:
    """Say whether the caches of an environment are pods of its cells: the other form is a service of AWS.

    A second region that stands by has neither.
    """
    aws = environment.aws
    return aws is None or (aws.cache == "pod" and aws.standby not in {"absent", "pilot-light"})


def plan_caches(
    environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec]
) -> CachesPlan | None:
    """Plan a cache for each cell with tenants; None where sessions are kept in pods, or nothing runs that has any."""
    if aws.cache != "elasticache" or aws.standby in {"absent", "pilot-light"}:
        return None
    there = [tenant for tenant in tenants if tenant.state is not TenantState.PURGED]
    return CachesPlan(
        name=physical(environment, "cache"),
        caches=tuple(
            _cache(environment, aws, cell, spec, members)
            for cell, spec in sorted(environment.cells.items())
            if (members := [each for each in there if each.cell == cell])
        ),
        maintenance="sun:03:00-sun:04:00",
        tags=tags(environment, data_class=sensitivity_of(()), residency=aws.jurisdiction),
        reasons=(
            "One cache a cell: what is too much for one shop's sessions is the trouble of its own cell.",
            (
                "Nothing is evicted and nothing is backed up: a full cache refuses, a lost one logs people out, and "
                "neither loses anything else."
            ),
        ),
    )


def service_id(name: str, limit: int = GROUP_LIMIT) -> str:
    """Return a name as ElastiCache takes it: cut to `limit`, with a hash of the whole, and no two dashes in a row."""
    plain = "-".join(part for part in name.split("-") if part)
    if len(plain) <= limit and plain == name:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{plain[: limit - _HASH_DIGITS - 1].rstrip('-')}-{digest}"


def _cache(
    environment: EnvironmentSpec, aws: AwsSpec, cell: str, spec: CellSpec, tenants: Sequence[TenantSpec]
) -> CachePlan:
    name = service_id(physical(environment, cell))
    customers = environment.name in WITH_CUSTOMERS
    return CachePlan(
        key=cell,
        cell=cell,
        name=name,
        node_type=NODE_TYPES[spec.tier],
        nodes=2 if customers else 1,
        users=tuple(_user(environment, aws, tenant) for tenant in tenants),
        tags={
            **tags(
                environment,
                data_class=sensitivity_of(tenants),
                cell=cell,
                tier=spec.tier,
                residency=aws.jurisdiction,
            ),
            "Name": name,
        },
        why=f"Sessions of the tenants of cell {cell}"
        + (", in two zones." if customers else "; a restart logs them out."),
    )


def _user(environment: EnvironmentSpec, aws: AwsSpec, tenant: TenantSpec) -> UserPlan:
    return UserPlan(
        key=tenant.id,
        tenant=tenant.id,
        id=service_id(physical(environment, tenant.id)),
        name=tenant.id,
        access=f"on {access_of(tenant.id)}",
        entry=cache_entry(tenant.id),
        tags=tags(
            environment,
            data_class=tenant.data_sensitivity,
            cost_centre=tenant.cost_centre,
            tenant=tenant.id,
            tier=tenant.tier,
            cell=tenant.cell,
            residency=aws.jurisdiction,
        ),
    )
