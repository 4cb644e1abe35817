"""Which names lead to an environment in AWS, where they lead when its region is lost, and who proves them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from components.tagging import tags
from spec.aws import AwsSpec, zone_of
from spec.cloud_names import PREFIX, physical
from spec.environment import EnvironmentSpec
from spec.problems import Problem, SpecError
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName, Sensitivity, TenantState

Certificates: TypeAlias = Literal["cert-manager", "acm"]

BALANCER_LIMIT: Final = 32
"""Longest name of a balancer or target group."""
ACM_LIMIT: Final = 25
"""Certificates that a balancer takes beside its first one, unless AWS raises the quota."""
TTL_SECONDS: Final = 60
"""How long others remember where a name leads, and so the least that moving to the second region takes."""
HEALTH_PATH: Final = "/ping"
"""What is asked of the ingress controller, by its own name: no tenant's process answers for all of them."""
HEALTH_SECONDS: Final = 30
HEALTH_FAILURES: Final = 3
TARGET_PORT: Final = 8443
"""Where the ingress controller's pods take HTTPS: the port `websecure` of Traefik's chart."""

REACHED: Final = frozenset({TenantState.ACTIVE, TenantState.SUSPENDED})
"""States whose names still lead here: a suspended shop says that it is closed."""


@dataclass(frozen=True, kw_only=True)
class ZonePlan:
    """A DNS zone; `id` is that of a zone that is already there, and None for one that is made here."""

    key: str
    name: str
    id: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RecordPlan:
    """One record. `leads_to` is a host name; None stands for the balancer itself (an alias).

    `failover` is PRIMARY or SECONDARY of a pair; the primary one counts while the health check passes.
    """

    key: str
    zone: str
    name: str
    leads_to: str | None
    failover: str | None
    why: str


@dataclass(frozen=True, kw_only=True)
class CertificatePlan:
    """A certificate of ACM for names that all lie in zones of ours; `zones` has each name's."""

    key: str
    names: tuple[str, ...]
    zones: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class OwnersStep:
    """What the owner of a zone elsewhere sets there: this name, as an alias (CNAME) of that one."""

    name: str
    leads_to: str
    why: str


@dataclass(frozen=True, kw_only=True)
class EdgePlan:
    """All names and the balancer; `group` and `targets` are physical names. No balancer: nothing stands here."""

    name: str
    targets: str
    balanced: bool
    ingress_host: str
    zones: tuple[ZonePlan, ...]
    records: tuple[RecordPlan, ...]
    checked: bool
    """Whether the health of the ingress is watched, because there is somewhere else to lead to."""
    certificates: tuple[CertificatePlan, ...]
    steps: tuple[OwnersStep, ...]
    protect: bool
    tags: Mapping[str, str]
    group_tags: Mapping[str, str]
    reasons: tuple[str, ...]


def plan_edge(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    tenants: Sequence[TenantSpec],
    *,
    certificates: Certificates = "cert-manager",
) -> EdgePlan:
    """Plan the names of an environment and its tenants.

    The environment dr has its own ingress and no tenant's name: those are production's records, the second half of
    which leads here.

    Raises:
        SpecError: more certificates of ACM than a balancer takes.

    """
    second = aws.stands_in_for is not None
    here = () if second else tuple(tenant for tenant in tenants if tenant.state in REACHED)
    name = f"{PREFIX}-{environment.name.value}"
    balanced = aws.standby != "absent"
    planned = tuple(_certificates(environment, aws, here)) if certificates == "acm" else ()
    if len(planned) - 1 > ACM_LIMIT:
        raise _too_many(environment, len(planned) - 1)
    own = tags(environment, data_class=Sensitivity.INTERNAL)
    return EdgePlan(
        name=name,
        targets=physical(environment, "https"),
        balanced=balanced,
        ingress_host=aws.ingress_host,
        zones=tuple(
            ZonePlan(key=zone.replace(".", "-"), name=zone, id=spec.id, tags={**own, "Name": zone})
            for zone, spec in sorted(aws.zones.items())
            if spec.source != "elsewhere"
        ),
        records=tuple(_records(aws, here, balanced=balanced)),
        checked=aws.standby_host is not None and balanced,
        certificates=planned,
        steps=tuple(_steps(aws, here)),
        protect=environment.name is EnvironmentName.PRODUCTION,
        tags={**own, "Name": name},
        group_tags={
            **tags(environment, data_class=Sensitivity.INTERNAL, role="load-balancer"),
            "Name": f"{name}-edge",
        },
        reasons=_reasons(aws, certificates),
    )


def _records(aws: AwsSpec, tenants: Sequence[TenantSpec], *, balanced: bool) -> Iterator[RecordPlan]:
    if not balanced:
        return
    own = zone_of(aws.ingress_host, aws.zones)
    if own is None:
        raise ValueError(f"no zone holds {aws.ingress_host}: the spec would have refused it")
    yield RecordPlan(
        key="ingress",
        zone=own,
        name=aws.ingress_host,
        leads_to=None,
        failover=None,
        why="The environment's own name: what tenants' names lead to, and what is asked whether it is there.",
    )
    for tenant in tenants:
        for host in tenant.domains:
            zone = zone_of(host, aws.zones)
            if zone is not None and aws.zones[zone].source != "elsewhere" and host != aws.ingress_host:
                yield from _of_host(aws, tenant, host, zone)


def _of_host(aws: AwsSpec, tenant: TenantSpec, host: str, zone: str) -> Iterator[RecordPlan]:
    key = f"{tenant.id}-{host.replace('.', '-')}"
    if host == zone:
        # DNS has no CNAME at the top of a zone, and an alias of AWS leads to what is in this account only.
        why = f"{host} is the top of its zone: it leads to this region's balancer, and is moved by hand."
        yield RecordPlan(key=key, zone=zone, name=host, leads_to=None, failover=None, why=why)
        return
    why = f"A name of {tenant.id}."
    if aws.standby_host is None:
        yield RecordPlan(key=key, zone=zone, name=host, leads_to=aws.ingress_host, failover=None, why=why)
        return
    for failover, target in (("PRIMARY", aws.ingress_host), ("SECONDARY", aws.standby_host)):
        yield RecordPlan(
            key=key if failover == "PRIMARY" else f"{key}-standby",
            zone=zone,
            name=host,
            leads_to=target,
            failover=failover,
            why=f"{why} While this region's ingress does not answer, it leads to {aws.standby_host}.",
        )


def _certificates(
    environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec]
) -> Iterator[CertificatePlan]:
    own = tags(environment, data_class=Sensitivity.INTERNAL)
    named: list[tuple[str, tuple[str, ...], dict[str, str]]] = [("ingress", (aws.ingress_host,), own)]
    for tenant in tenants:
        marks = tags(
            environment,
            data_class=Sensitivity.INTERNAL,
            cost_centre=tenant.cost_centre,
            tenant=tenant.id,
            tier=tenant.tier,
            cell=tenant.cell,
        )
        named.append((tenant.id, tenant.domains, marks))
    for key, hosts, marks in named:
        zones = {host: zone for host in hosts if (zone := _our_zone(aws, host)) is not None}
        if zones:
            yield CertificatePlan(
                key=key,
                names=tuple(zones),
                zones=MappingProxyType(zones),
                tags={**marks, "Name": next(iter(zones))},
            )


def _our_zone(aws: AwsSpec, host: str) -> str | None:
    zone = zone_of(host, aws.zones)
    return zone if zone is not None and aws.zones[zone].source != "elsewhere" else None


def _steps(aws: AwsSpec, tenants: Sequence[TenantSpec]) -> Iterator[OwnersStep]:
    for tenant in tenants:
        for host in tenant.domains:
            if _our_zone(aws, host) is None:
                yield OwnersStep(
                    name=host,
                    leads_to=aws.ingress_host,
                    why=f"{tenant.id} keeps the DNS of this name: nothing leads here before its owner says so.",
                )


def _too_many(environment: EnvironmentSpec, number: int) -> SpecError:
    return SpecError(
        [
            Problem(
                file=f"stacks/Pulumi.{environment.name.value}.yaml",
                field="aws",
                message=f"{number} tenants need a certificate of ACM, and a balancer takes {ACM_LIMIT}",
                fix="let cert-manager make the certificates: it has no such limit",
            )
        ]
    )


def _reasons(aws: AwsSpec, certificates: Certificates) -> tuple[str, ...]:
    proof = (
        "The ingress controller ends TLS with certificates of cert-manager, which proves names by DNS."
        if certificates == "cert-manager"
        else "The balancer ends TLS with certificates of ACM, and encrypts anew towards the ingress controller."
    )
    reasons = [
        proof,
        "Port 443 alone is open, on one balancer; pods register with it, and nothing in the cluster makes another.",
    ]
    if aws.standby_host is not None:
        seconds = HEALTH_SECONDS * HEALTH_FAILURES + TTL_SECONDS
        reasons.append(
            f"When the ingress fails {HEALTH_FAILURES} checks, names lead to {aws.standby_host}, and everybody has "
            f"heard of it after some {seconds} seconds. No call to an API of AWS is needed for it."
        )
    return tuple(reasons)
