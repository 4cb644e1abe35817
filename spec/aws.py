"""An environment's AWS side, as its stack file states it: only what differs from the defaults here."""

import ipaddress
import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from spec.kubernetes import KubernetesSpec
from spec.model import SpecModel
from spec.problems import either, refusal
from spec.regions import REGIONS, RegionName, regions_of
from spec.vocabulary import Cidr, Email, Fqdn, Jurisdiction, Slug, TimeZone

VPC_PREFIXES: Final = range(16, 19)
"""Sizes of a VPC that the plan of subnets has room in: /16 is also the largest that AWS allows."""

_ACCOUNT: Final = re.compile(r"[0-9]{12}\Z", re.ASCII)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)


def _account(text: str) -> str:
    if not _ACCOUNT.match(text):
        digits = re.sub(r"[^0-9]", "", text)
        fix = f'write "{digits}"' if _ACCOUNT.match(digits) else "read it with: aws sts get-caller-identity"
        raise refusal(
            "is not an account id of AWS", allowed='12 digits in quotes, such as "111122223333"', fix=fix
        )
    return text


def _clock(text: str) -> str:
    if not _CLOCK.match(text):
        raise refusal("is not a time of day", allowed="hours and minutes from 00:00 to 23:59, such as 07:30")
    return text


AccountId = Annotated[str, AfterValidator(_account), Field(json_schema_extra={"pattern": "^[0-9]{12}$"})]
Clock = Annotated[str, AfterValidator(_clock)]


EndpointName = Literal[
    "autoscaling", "ec2", "ecr-api", "ecr-dkr", "eks", "eks-auth", "elasticloadbalancing", "kms", "logs",
    "secretsmanager", "sqs", "ssm", "ssmmessages", "ec2messages", "sts",
]  # fmt: skip


class NetworkSpec(SpecModel):
    """The VPC: its addresses, and its ways out."""

    cidr: Cidr = "10.64.0.0/16"
    """Addresses of the VPC, a private /16 to /18: nodes, pods and load balancers get theirs from here."""
    services: Cidr = "172.20.0.0/16"
    """Addresses of the cluster's services: virtual, and known nowhere else."""
    nat: Literal["none", "one", "zone"] = "one"
    """Ways out to the internet: none, one for all zones, or one in each zone."""
    endpoints: tuple[EndpointName, ...] = ("ecr-api", "ecr-dkr", "sts")
    """Services of AWS that get an interface endpoint (paid by the hour and zone); S3 always has its gateway."""
    reserved: dict[Slug, Cidr] = Field(default_factory=dict)
    """Networks that this one is or will be joined with (other environments, an office), by name."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        own = ipaddress.ip_network(self.cidr)
        if own.version != 4 or not own.is_private or own.prefixlen not in VPC_PREFIXES:  # noqa: PLR2004
            message = f"the addresses of the VPC ({self.cidr}) are not a private range of a size that can be divided"
            allowed = "a /16, /17 or /18 inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
            raise refusal(message, at=("cidr",), allowed=allowed)
        if _overlap(self.services, self.cidr):
            raise _overlapping(self.services, "the VPC", self.cidr, at=("services",))
        for name, cidr in self.reserved.items():
            for holder, held in (("the VPC", self.cidr), ("the services", self.services)):
                if _overlap(cidr, held):
                    raise _overlapping(cidr, holder, held, at=("reserved", name))
        return self


def _overlapping(cidr: str, holder: str, held: str, *, at: tuple[str | int, ...]) -> PydanticCustomError:
    fix = "give each network addresses of its own: what overlaps can never be joined"
    return refusal(f"{cidr} overlaps {holder} ({held})", at=at, fix=fix)


def _overlap(one: str, other: str) -> bool:
    a, b = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return a.version == b.version and a.overlaps(b)


class ZoneSpec(SpecModel):
    """A DNS zone that tenants' domains or the platform's own names lie in."""

    source: Literal["made", "given", "elsewhere"] = "made"
    """made: a hosted zone of this stack; given: a hosted zone of this account; elsewhere: the owner's own DNS,
    where the owner points each name at the ingress and nothing is written from here."""
    id: Annotated[str, Field(pattern=r"^Z[A-Z0-9]{1,31}$")] | None = None
    """Id of a given hosted zone."""

    @model_validator(mode="after")
    def _identified(self) -> Self:
        if (self.id is not None) != (self.source == "given"):
            message = "a given zone has an id, and no other has one"
            raise refusal(message, at=("id",), allowed="an id such as Z0123456789ABC, with source: given")
        return self


class BudgetSpec(SpecModel):
    """What the environment may cost, and who is told."""

    monthly_usd: Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
    """Expected cost of a month, in US dollars, as AWS bills."""
    alerts: Annotated[tuple[Email, ...], Field(min_length=1, max_length=10)]
    """Who gets the alerts."""
    thresholds: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=1, le=1000)], ...], Field(min_length=1, max_length=5)
    ] = (50, 80, 100)
    """At which percentages of it an alert is sent."""


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class OfficeHours(SpecModel):
    """When an environment is on; outside these hours its nodes are scaled to nothing."""

    time_zone: TimeZone
    """Time zone of the hours."""
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    """Days on which it is on."""
    opens: Clock = "07:00"
    """When it is switched on."""
    closes: Clock = "20:00"
    """When it is switched off, on the same day."""

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.closes <= self.opens:
            message = f"it closes at {self.closes}, before it opens at {self.opens}"
            raise refusal(message, at=("closes",), allowed=f"later than {self.opens}, on the same day")
        return self


class AwsSpec(SpecModel):
    """An account and a region of AWS, and what the environment has there."""

    account: AccountId
    """The account, in 12 digits: any other is refused, whatever credentials the shell has."""
    region: RegionName
    """Where the environment is; its law decides whose data may lie there."""
    dr_region: RegionName | None = None
    """Where copies of backups go and the second region stands by: under the same law. None: no copies."""
    stands_in_for: RegionName | None = None
    """In the environment dr: the region whose loss it is for."""
    owner: Email
    """Who answers for the environment; a tag of everything in it."""
    network: NetworkSpec = NetworkSpec()
    """The VPC."""
    kubernetes: KubernetesSpec
    """The cluster."""
    zones: dict[Fqdn, ZoneSpec] = Field(default_factory=dict)
    """The DNS zones: every domain of a tenant lies in one."""
    ingress_host: Fqdn
    """The name of this environment's ingress, which the tenants' domains lead to. It lies in a zone above."""
    standby_host: Fqdn | None = None
    """The name of the ingress that stands by in the other region; None: nowhere to fail over to."""
    budget: BudgetSpec
    """What it may cost."""
    hours: OfficeHours | None = None
    """When it is on; None: always."""
    cache: Literal["elasticache", "pod"] = "pod"
    """Where sessions are kept: a managed Valkey, or a pod of each cell."""
    standby: Literal["pilot-light", "absent", "active"] | None = None
    """In the environment dr: cluster without nodes, no cluster at all, or everything on (what a rebuild sets)."""
    log_days: Annotated[int, Field(strict=True, ge=30, le=3650)] | None = None
    """How many days logs and the record of who did what are kept; None: 400 where customers are, 60 elsewhere."""
    object_storage: Literal["s3", "given"] = "s3"
    """Where objects are kept: buckets made here, or a store that is already there."""
    operators: Literal["helm", "installed"] = "helm"
    """Where operators come from: charts, or whoever installed them already."""

    @property
    def jurisdiction(self) -> Jurisdiction:
        """The law that the region is under."""
        return REGIONS[self.region].jurisdiction

    @model_validator(mode="after")
    def _regions(self) -> Self:
        for field, other in (("dr_region", self.dr_region), ("stands_in_for", self.stands_in_for)):
            if other is None:
                continue
            fitting = [name for name in regions_of(self.jurisdiction) if name != self.region]
            allowed = (
                either(fitting) if fitting else f"none: {self.jurisdiction} has one region, so leave it out"
            )
            if other == self.region:
                raise refusal(f"{other} is the region itself", at=(field,), allowed=allowed)
            if REGIONS[other].jurisdiction is not self.jurisdiction:
                message = (
                    f"{other} is under the law of {REGIONS[other].jurisdiction}, and {self.region} under that of "
                    f"{self.jurisdiction}: copies of the data would leave their jurisdiction"
                )
                raise refusal(message, at=(field,), allowed=allowed)
        return self

    @model_validator(mode="after")
    def _ingress_in_a_zone(self) -> Self:
        zone = zone_of(self.ingress_host, self.zones)
        if zone is None or self.zones[zone].source == "elsewhere":
            message = f"no zone of this account holds {self.ingress_host}"
            fix = "add its zone under zones, made here or given with its id"
            raise refusal(message, at=("ingress_host",), fix=fix)
        return self


def zone_of(host: str, zones: dict[str, ZoneSpec]) -> str | None:
    """Return the zone that a host name lies in, the most specific one; None when there is none."""
    labels = host.split(".")
    names = (".".join(labels[place:]) for place in range(len(labels)))
    return next((name for name in names if name in zones), None)
