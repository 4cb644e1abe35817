"""The EKS cluster of an environment, as its stack file states it: version, access, pools of nodes."""

import ipaddress
import re
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from spec.model import SpecModel
from spec.problems import refusal
from spec.vocabulary import Cidr, Slug, TenantId

_ARN: Final = re.compile(r"arn:aws:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]{1,512}\Z", re.ASCII)
_INSTANCE: Final = re.compile(r"(?P<family>[a-z]+[0-9]+)(?P<options>[a-z-]*)\.[a-z0-9-]+\Z", re.ASCII)


def _principal(text: str) -> str:
    if not _ARN.match(text):
        allowed = "the ARN of one IAM role or user, such as arn:aws:iam::111122223333:role/developers"
        raise refusal("is not a principal", allowed=allowed)
    return text


PrincipalArn = Annotated[str, AfterValidator(_principal)]


class PoolTier(StrEnum):
    """What a pool of nodes is for."""

    GENERAL = "general"
    DEDICATED = "dedicated"
    DATA = "data"


class PoolSpec(SpecModel):
    """A pool of nodes of one kind."""

    tier: PoolTier
    """general: shared and hybrid tenants; dedicated: one tenant, others are kept off; data: the databases."""
    tenant: TenantId | None = None
    """The tenant that a dedicated pool belongs to."""
    arch: Literal["arm64", "amd64"] = "arm64"
    """Architecture: arm64 (Graviton, some 20 % cheaper) unless an image has no build for it."""
    instance_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    """Types of instance, the preferred first; several make it likelier that one is to be had."""
    spot: bool = False
    """Whether nodes are Spot: two thirds cheaper, and taken away at two minutes' notice."""
    min: Annotated[int, Field(strict=True, ge=0, le=200)]
    """Fewest nodes."""
    max: Annotated[int, Field(strict=True, ge=1, le=200)]
    """Most nodes; also what Karpenter may add beside them is bounded by it."""
    disk_gib: Annotated[int, Field(strict=True, ge=20, le=1000)] = 50
    """Root disk of a node, in GiB: images and logs, no data of tenants."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max < self.min:
            message = f"the most nodes ({self.max}) are fewer than the fewest ({self.min})"
            raise refusal(message, at=("max",), allowed=f"{self.min} or more")
        if self.spot and self.tier is not PoolTier.GENERAL:
            message = f"a {self.tier} pool cannot be Spot: its nodes carry what must not move at two minutes' notice"
            raise refusal(message, at=("spot",), fix="write spot: false, or use a general pool")
        if (self.tenant is not None) != (self.tier is PoolTier.DEDICATED):
            message = (
                "a dedicated pool belongs to one tenant, and none is named"
                if self.tenant is None
                else f"a {self.tier} pool belongs to no tenant"
            )
            raise refusal(message, at=("tenant",), fix="name the tenant in a dedicated pool, and only there")
        for place, name in enumerate(self.instance_types):
            found = _INSTANCE.match(name)
            if found is None:
                allowed = "a family, its generation and a size, such as m7g.xlarge"
                raise refusal("is not a type of instance", at=("instance_types", place), allowed=allowed)
            graviton = found["options"].startswith("g") or found["family"] in {"t4g", "a1"}
            if graviton != (self.arch == "arm64"):
                message = f"{name} is not of the architecture {self.arch}"
                raise refusal(
                    message, at=("instance_types", place), fix="correct arch, or choose another type"
                )
        return self


class HumanRole(StrEnum):
    """What people do with the platform; nobody has two of these at once without assuming another role."""

    DEVELOPER = "developer"
    RELEASE_MANAGER = "release-manager"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    BREAK_GLASS = "break-glass"


class KubernetesSpec(SpecModel):
    """The EKS cluster."""

    version: Literal["1.34", "1.35", "1.36"] = "1.35"
    """Version of Kubernetes; the add-ons' versions follow from it."""
    private: bool = True
    """Whether the API is reached from inside the VPC only."""
    allowed_cidrs: tuple[Cidr, ...] = ()
    """Addresses outside from which a public API is reached: never everyone's."""
    deletion_protection: bool = True
    """Whether AWS itself refuses to delete the cluster: whoever takes an environment down says so here first."""
    pools: Annotated[dict[Slug, PoolSpec], Field(min_length=1)]
    """The pools of nodes, by name."""
    access: dict[HumanRole, Annotated[tuple[PrincipalArn, ...], Field(min_length=1)]]
    """Who may assume each role: ARNs of IAM roles or users, usually of the identity centre."""

    @model_validator(mode="after")
    def _closed(self) -> Self:
        if self.private and self.allowed_cidrs:
            message = "addresses are allowed although the API is private"
            raise refusal(message, at=("allowed_cidrs",), fix="write private: false, or remove them")
        if not self.private and not self.allowed_cidrs:
            message = "a public API needs the addresses that may reach it"
            raise refusal(message, at=("allowed_cidrs",), fix="list the addresses of the offices or the VPN")
        for place, cidr in enumerate(self.allowed_cidrs):
            if ipaddress.ip_network(cidr).prefixlen < 16:  # noqa: PLR2004 - the size of a large company
                message = "is open to much of the internet"
                raise refusal(message, at=("allowed_cidrs", place), allowed="a range of /16 or smaller")
        for role in (HumanRole.OPERATOR, HumanRole.BREAK_GLASS):
            if role not in self.access:
                message = f"nobody may assume the role {role}: the cluster could be reached by nobody at all"
                raise refusal(message, at=("access",), fix=f"add {role}: and the ARNs of those who may")
        if common := set(self.access.get(HumanRole.AUDITOR, ())) & set(self.access[HumanRole.OPERATOR]):
            message = f"{min(common)} is both operator and auditor: nobody audits what they did themselves"
            raise refusal(message, at=("access", "auditor"), fix="give the two roles to different principals")
        general = [pool for pool in self.pools.values() if pool.tier is PoolTier.GENERAL]
        if all(pool.spot for pool in general):
            message = "no general pool is on demand: the operators must not vanish with the Spot nodes"
            raise refusal(message, at=("pools",), fix="add a pool of tier: general without spot: true")
        return self
