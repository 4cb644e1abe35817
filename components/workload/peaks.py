"""When a tenant's processes are made ready: before its own peaks, and while an environment is switched on.

KEDA's cron trigger knows minute, hour, day and month, and no year. A season of every year is written as it is; one of
a single year only while it is the next one on its days, so these values are made anew with each release.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from components.workload.values import Window
from spec.aws import OfficeHours
from spec.peaks import Peak
from spec.tenant import TenantSpec

READY_HOUR: Final = 22
"""On the evening before a season's first day: pods, nodes and images are there before its first visitor."""
OVER_HOUR: Final = 2
"""In the night after its last day: tills that close late, and the orders that they send."""
_COMMON_YEAR: Final = 2001
_HORIZON: Final = timedelta(days=330)
"""Further away, the same day of this year would come first."""


def least_pods(tenant: TenantSpec, size: int) -> int:
    """Return how many of `size` pods an ordinary day needs.

    A tenant's processes are sized for its busiest day (`peak_orders_per_day` of its tier, or its file's overrides).
    On an ordinary one the orders are fewer by the largest factor among its peaks; two pods stay, so that the loss of a
    node is not an outage. Without a peak there is nothing to save by.
    """
    return max(min(2, size), math.ceil(size / _busiest(tenant)))


def peak_windows(tenant: TenantSpec, size: int, today: date) -> tuple[Window, ...]:
    """Return the windows of a tenant's peaks: in the busiest all of `size` pods, in others in proportion."""
    return tuple(_peaks(tenant, size, today))


def office_window(hours: OfficeHours, replicas: int) -> Window:
    """Return the window in which an environment that sleeps is awake."""
    days = ",".join(day.upper() for day in hours.days)
    opens, closes = (clock.split(":") for clock in (hours.opens, hours.closes))
    return Window(
        name="office hours",
        time_zone=hours.time_zone,
        start=f"{int(opens[1])} {int(opens[0])} * * {days}",
        end=f"{int(closes[1])} {int(closes[0])} * * {days}",
        replicas=replicas,
    )


def _busiest(tenant: TenantSpec) -> float:
    return max((peak.factor for peak in tenant.peaks), default=1)


def _peaks(tenant: TenantSpec, size: int, today: date) -> Iterator[Window]:
    for peak in tenant.peaks:
        # The share first: a product of the two may be above `size` by the last digit.
        replicas = math.ceil(size * (peak.factor / _busiest(tenant)))
        bounds = _recurring(peak) if peak.recurring else _once(peak, today)
        if replicas > least_pods(tenant, size) and bounds is not None:
            start, end = bounds
            yield Window(
                name=peak.name,
                time_zone=tenant.time_zone,
                start=f"0 {READY_HOUR} {start.day} {start.month} *",
                end=f"0 {OVER_HOUR} {end.day} {end.month} *",
                replicas=replicas,
            )


def _once(peak: Peak, today: date) -> tuple[date, date] | None:
    start = date.fromisoformat(peak.starts) - timedelta(days=1)
    end = date.fromisoformat(peak.ends) + timedelta(days=1)
    return (start, end) if end >= today and start - today < _HORIZON else None


def _recurring(peak: Peak) -> tuple[date, date]:
    """Return the days around a season of every year; none is a 29 February, which comes every fourth year."""
    start = date.fromisoformat(f"{_COMMON_YEAR}-{peak.starts.replace('02-29', '02-28')}") - timedelta(days=1)
    end = date.fromisoformat(f"{_COMMON_YEAR}-{peak.ends.replace('02-29', '02-28')}") + timedelta(days=1)
    return start, end
