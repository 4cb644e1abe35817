"""How many nodes a pool has on which day, so that they are there before a peak: from the tenants' calendars."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from spec.peaks import Peak
from spec.quantity import quantity_value
from spec.sizes import need_of
from spec.tenant import TenantSpec

HORIZON_DAYS: Final = 400
"""How far ahead schedules are made: every peak of the coming year. Each `up` moves it on."""
LEAD: Final = timedelta(days=1)
"""How long before the first day of a peak its nodes are there: a day covers every time zone, and a look at them."""
TRAIL: Final = timedelta(days=2)
"""After the last day of a peak they stay until the second morning: the evening of the last day is the busiest."""

USABLE: Final = Decimal("0.9")
"""Share of a node's cores that pods get; the system and the daemons of each node have the rest."""

_SIZE: Final = re.compile(r"(?P<number>[0-9]*)(?P<size>nano|micro|small|medium|large|xlarge|metal)", re.ASCII)
_CORES: Final = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_CORES_PER_NUMBER: Final = 4


def cores_of(instance_type: str) -> int:
    """Return the virtual cores of a type of instance by its size, such as 4 for ``m7g.xlarge``.

    Holds for the general, compute and memory families. A `medium` of a family that is not burstable has one.

    Raises:
        ValueError: the size says nothing about the cores.

    """
    family, _, size = instance_type.partition(".")
    found = _SIZE.fullmatch(size)
    if found is None or found["size"] == "metal":
        raise ValueError(f"{instance_type}: its size does not say how many cores it has")
    if found["number"]:
        return int(found["number"]) * _CORES_PER_NUMBER
    if found["size"] == "medium" and not family.startswith("t"):
        return 1
    return _CORES[found["size"]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """The morning on which a pool gets another number of nodes, and the tenants whose peaks ask for it."""

    day: date
    nodes: int
    tenants: tuple[str, ...]


def changes(
    tenants: Sequence[TenantSpec], instance_type: str, *, usual: int, most: int, today: date
) -> tuple[Change, ...]:
    """Return when a pool's number of nodes changes, from tomorrow on and in the order of the days.

    Args:
        tenants: those whose processes run in the pool.
        instance_type: of its nodes.
        usual: nodes outside any peak.
        most: nodes that it may have; a peak that asks for more gets these.
        today: what has been is not planned.

    """
    cores = cores_of(instance_type) * USABLE
    found: list[Change] = []
    before = _nodes(tenants, today, cores, usual, most)
    for number in range(1, HORIZON_DAYS + 1):
        day = today + timedelta(days=number)
        nodes = _nodes(tenants, day, cores, usual, most)
        if nodes != before:
            busy = tuple(tenant.id for tenant in tenants if _factor(tenant, day) > 1)
            found.append(Change(day=day, nodes=nodes, tenants=busy))
            before = nodes
    return tuple(found)


def _nodes(tenants: Sequence[TenantSpec], day: date, cores: Decimal, usual: int, most: int) -> int:
    extra = sum((_extra(tenant, _factor(tenant, day)) for tenant in tenants), Decimal(0))
    return min(usual + math.ceil(extra / cores), max(usual, most))


def _extra(tenant: TenantSpec, factor: Decimal) -> Decimal:
    """Return the cores that a tenant's web processes take beyond the usual, as far as its quota lets them."""
    web, quota = tenant.preset.processes.web, tenant.preset.quota
    room = quantity_value(quota.requests_cpu) - need_of(tenant.preset.processes).requests_cpu
    wanted = quantity_value(web.cpu_request) * web.replicas * (factor - 1)
    return max(min(wanted, room), Decimal(0))


def _factor(tenant: TenantSpec, day: date) -> Decimal:
    factors = [Decimal(str(peak.factor)) for peak in tenant.peaks if _is_ready(peak, day)]
    return max(factors, default=Decimal(1))


def _is_ready(peak: Peak, day: date) -> bool:
    return any(starts - LEAD <= day < ends + TRAIL for starts, ends in _seasons(peak, day))


def _seasons(peak: Peak, day: date) -> Iterator[tuple[date, date]]:
    if not peak.recurring:
        yield date.fromisoformat(peak.starts), date.fromisoformat(peak.ends)
        return
    for year in range(day.year - 1, day.year + 2):
        starts = _of_year(peak.starts, year)
        ends = _of_year(peak.ends, year if peak.ends >= peak.starts else year + 1)
        yield starts, ends


def _of_year(text: str, year: int) -> date:
    # In a year without it, the 29th of February is the 28th.
    month, day = (int(part) for part in text.split("-"))
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, day - 1)
