"""What watches over the cost of an environment in AWS, and what is switched off and on by the clock."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from components.cost.peaks import changes
from components.eks.plan import EksPlan, NodeGroupPlan
from components.iam import assume_by_service, document, statement
from components.tagging import tags
from spec.aws import AwsSpec, OfficeHours
from spec.cloud_names import physical, role_name
from spec.environment import EnvironmentSpec
from spec.kubernetes import PoolTier
from spec.labels import ENVIRONMENT
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName, Sensitivity, TenantState, Tier

SCHEDULE_LIMIT: Final = 64
"""Longest name of a schedule."""
ANOMALY_SHARE: Final = 10
"""An anomaly is told from a tenth of the daily budget on, and from 10 dollars: less is not worth a mail."""
ANOMALY_LEAST_USD: Final = 10

_DAYS_OF_MONTH: Final = 30
_MORNING: Final = "04:00:00"
"""When nodes are changed for a peak, in UTC: night in every country that is served."""
_NAMED: Final = 8
"""How many tenants a schedule names: EventBridge Scheduler takes descriptions of 512 characters at the most."""
_UPDATE: Final = "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig"


@dataclass(frozen=True, kw_only=True)
class BudgetPlan:
    """What a month may cost, and who is told at which percentages of it."""

    name: str
    monthly_usd: int
    filter: str
    """The tag and its value that costs are counted by, as AWS writes it."""
    thresholds: tuple[int, ...]
    alerts: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AnomalyPlan:
    """What counts as an anomaly, and who is told once a day."""

    name: str
    specification: str
    least_usd: int
    alerts: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class SchedulePlan:
    """One switch by the clock: at `expression` in `time_zone`, a node group gets other sizes."""

    key: str
    name: str
    expression: str
    time_zone: str
    target: str
    input: str
    why: str


@dataclass(frozen=True, kw_only=True)
class CostPlan:
    """Budget, anomalies, schedules and the role by which the clock acts."""

    budget: BudgetPlan
    anomalies: AnomalyPlan
    group: str
    schedules: tuple[SchedulePlan, ...]
    role: str
    trust: str
    rights: str
    tags: Mapping[str, str]
    reasons: tuple[str, ...]


def plan_cost(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    tenants: Sequence[TenantSpec],
    cluster: EksPlan | None,
    *,
    today: date,
) -> CostPlan:
    """Plan the watch over an environment's cost, and the clock that its nodes follow.

    `today` decides which peaks are still to come: a schedule that has been is no longer in the plan.
    """
    own = tags(environment, data_class=Sensitivity.INTERNAL)
    name = f"storefleet-{environment.name.value}"
    return CostPlan(
        budget=BudgetPlan(
            name=name,
            monthly_usd=aws.budget.monthly_usd,
            filter=f"user:{ENVIRONMENT}${environment.name.value}",
            thresholds=aws.budget.thresholds,
            alerts=aws.budget.alerts,
            tags=own,
        ),
        anomalies=AnomalyPlan(
            name=name,
            specification=_monitored(f"user:{ENVIRONMENT}", environment.name.value),
            least_usd=max(ANOMALY_LEAST_USD, aws.budget.monthly_usd // _DAYS_OF_MONTH // ANOMALY_SHARE),
            alerts=aws.budget.alerts,
            tags=own,
        ),
        group=name,
        schedules=() if cluster is None else tuple(_schedules(environment, aws, tenants, cluster, today)),
        role=role_name(environment, "clock"),
        trust=assume_by_service("scheduler.amazonaws.com", account=aws.account),
        rights=document(
            statement(
                "ScaleNodes",
                ("eks:UpdateNodegroupConfig",),
                (f"arn:aws:eks:{aws.region}:{aws.account}:nodegroup/{name}/*/*",),
            )
        ),
        tags={**own, "Name": physical(environment, "clock")},
        reasons=_reasons(environment, aws),
    )


def _monitored(key: str, value: str) -> str:
    # With everything that is not asked for, as the provider reads it back: a monitor whose text differs is replaced,
    # and what it has learned is lost.
    unused = dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or"))
    tags = {"Key": key, "MatchOptions": None, "Values": [value]}
    return json.dumps({**unused, "Tags": tags}, sort_keys=True)


def _schedules(
    environment: EnvironmentSpec,
    aws: AwsSpec,
    tenants: Sequence[TenantSpec],
    cluster: EksPlan,
    today: date,
) -> Iterator[SchedulePlan]:
    for group in cluster.groups:
        if aws.hours is not None:
            yield from _office(cluster, group, aws.hours)
        elif environment.name is EnvironmentName.PRODUCTION:
            yield from _before_peaks(aws, cluster, group, tenants, today)


def _office(cluster: EksPlan, group: NodeGroupPlan, hours: OfficeHours) -> Iterator[SchedulePlan]:
    days = ",".join(day.upper() for day in hours.days)
    for word, clock, least, why in (
        ("on", hours.opens, group.smallest, "The environment is switched on in the morning."),
        ("off", hours.closes, 0, "Nobody works with the environment now, so nobody pays for its nodes."),
    ):
        hour, minute = (int(part) for part in clock.split(":"))
        expression = f"cron({minute} {hour} ? * {days} *)"
        clock_of = (expression, hours.time_zone)
        yield _switch(cluster, group, f"{word}-{group.key}", clock_of, (least, least), why)


def _before_peaks(
    aws: AwsSpec, cluster: EksPlan, group: NodeGroupPlan, tenants: Sequence[TenantSpec], today: date
) -> Iterator[SchedulePlan]:
    pool = aws.kubernetes.pools[group.pool]
    served = _served(pool.tier, pool.tenant, tenants)
    if pool.spot or not served or _is_helper(aws, group):
        return
    slowest = group.instance_types[0]
    for change in changes(served, slowest, usual=group.smallest, most=group.largest, today=today):
        busy = _some(change.tenants)
        why = f"Ready for the peaks of {busy}." if busy else "The peaks are over."
        yield _switch(
            cluster,
            group,
            f"peak-{group.key}-{change.day:%Y%m%d}",
            (f"at({change.day.isoformat()}T{_MORNING})", "UTC"),
            (group.smallest, change.nodes),
            why,
        )


def _some(tenants: Sequence[str]) -> str:
    """Return tenants as words that a schedule's description has room for, however many there are."""
    more = len(tenants) - _NAMED
    return ", ".join(tenants[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _served(pool: PoolTier, owner: str | None, tenants: Sequence[TenantSpec]) -> tuple[TenantSpec, ...]:
    """Return the tenants whose processes run in a pool; those of the databases' nodes do not grow with a peak."""
    active = [tenant for tenant in tenants if tenant.state is TenantState.ACTIVE]
    if pool is PoolTier.DEDICATED:
        return tuple(tenant for tenant in active if tenant.id == owner)
    if pool is PoolTier.GENERAL:
        return tuple(tenant for tenant in active if tenant.tier is not Tier.DEDICATED)
    return ()


def _is_helper(aws: AwsSpec, group: NodeGroupPlan) -> bool:
    """Whether another pool takes what the shared tenants need more: one does, the first that is on demand."""
    if aws.kubernetes.pools[group.pool].tier is not PoolTier.GENERAL:
        return False
    general = [
        name
        for name, pool in sorted(aws.kubernetes.pools.items())
        if pool.tier is PoolTier.GENERAL and not pool.spot
    ]
    return general[:1] != [group.pool]


def _switch(  # noqa: PLR0917 - what, when, to which sizes, and why
    cluster: EksPlan,
    group: NodeGroupPlan,
    key: str,
    when: tuple[str, str],
    sizes: tuple[int, int],
    why: str,
) -> SchedulePlan:
    if len(key) > SCHEDULE_LIMIT:
        raise ValueError(f"{key} is no name of a schedule: it is longer than {SCHEDULE_LIMIT} characters")
    least, wanted = sizes
    # The clock calls EKS by the names of its API in other languages: each begins with a capital.
    scaling = {"MinSize": least, "MaxSize": group.largest, "DesiredSize": wanted}
    return SchedulePlan(
        key=key,
        name=key,
        expression=when[0],
        time_zone=when[1],
        target=_UPDATE,
        input=json.dumps(
            {"ClusterName": cluster.name, "NodegroupName": group.name, "ScalingConfig": scaling}
        ),
        why=why,
    )


def _reasons(environment: EnvironmentSpec, aws: AwsSpec) -> tuple[str, ...]:
    reasons = [
        (
            f"Costs are counted by the tag {ENVIRONMENT}. Whoever pays the account's bill switches it on once, under "
            "Billing, Cost allocation tags: until then the budget and the anomalies see nothing."
        ),
    ]
    if aws.hours is not None:
        reasons.append(
            f"Nodes run on {', '.join(aws.hours.days)} from {aws.hours.opens} to {aws.hours.closes} "
            f"({aws.hours.time_zone}). Volumes stay, and with them the data."
        )
    elif environment.name is EnvironmentName.PRODUCTION:
        reasons.append(
            "Nodes for a peak are there the day before, by the calendars in the tenants' files. A peak that has "
            "begun when its file is written gets none by the clock: what it needs more, Karpenter adds."
        )
    return tuple(reasons)
