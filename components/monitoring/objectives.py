"""Objectives of each tenant, and how fast their budgets burn.

The windows, factors and shares are those of Google's Site Reliability Workbook, chapter 5 ("multiwindow, multi-burn-
rate alerts"): a budget of 30 days that would be gone in two days wakes somebody after minutes, one that would be gone
just in time is looked at on a working day. The short window ends an alert soon after its cause.
"""

from dataclasses import dataclass
from typing import Any, Final

from components.monitoring.figures import INFO, LEAST_REQUESTS
from components.monitoring.pace import Pace


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A share of requests that may be bad over 30 days."""

    name: str
    bad: str
    """Bad requests a second, by tenant."""
    budget: float
    """The share that may be bad."""
    means: str


@dataclass(frozen=True, kw_only=True)
class Burn:
    """An alert: the budget burns `factor` times as fast as it may, over both windows (seconds)."""

    severity: str
    factor: float
    long: int
    short: int
    hold: int


OBJECTIVES: Final = (
    Objective(
        name="availability",
        bad="tenant:http_errors:rate",
        budget=0.001,
        means="answers that are errors of the shop (5xx); at most one in a thousand",
    ),
    Objective(
        name="latency",
        bad="tenant:http_slow:rate",
        budget=0.05,
        means="answers that took longer than 2 s; at most five in a hundred",
    ),
)
BURNS: Final = (
    Burn(severity="page", factor=14.4, long=3600, short=300, hold=120),
    Burn(severity="page", factor=6, long=21_600, short=1800, hold=900),
    Burn(severity="ticket", factor=1, long=259_200, short=21_600, hold=3600),
)
REQUESTS: Final = "tenant:http_requests:rate"
SERIES: Final = "tenant:bad_requests:ratio"


def objective_records(pace: Pace) -> list[dict[str, Any]]:
    """Return the share of bad requests over each window, by tenant and objective.

    The averages are taken of recorded rates, so a window of three days reads one series a tenant and not all of the
    ingress controller's.
    """
    windows = sorted({seconds for burn in BURNS for seconds in (burn.long, burn.short)})
    return [
        {
            "record": SERIES,
            "labels": {"objective": each.name, "window": _name(seconds)},
            "expr": (
                f"avg_over_time({each.bad}[{pace.of(seconds)}]) / "
                f"clamp_min(avg_over_time({REQUESTS}[{pace.of(seconds)}]), {LEAST_REQUESTS})"
            ),
        }
        for each in OBJECTIVES
        for seconds in windows
    ]


def burn_alerts(pace: Pace) -> list[dict[str, Any]]:
    """Return an alert for each objective and burn; each names its tenant, and the tenant's criticality and cell."""
    return [_alert(each, burn, pace) for each in OBJECTIVES for burn in BURNS]


def _alert(each: Objective, burn: Burn, pace: Pace) -> dict[str, Any]:
    bound = f"{burn.factor * each.budget:.6g}"
    long, short = (
        f'{SERIES}{{objective="{each.name}",window="{_name(seconds)}"}} > {bound}'
        for seconds in (burn.long, burn.short)
    )
    return {
        "alert": "StorefleetBudgetBurns",
        "expr": (
            f"({long} and on (tenant) {short}) * on (tenant) group_left (cell, ring, criticality) {INFO}"
        ),
        "for": pace.of(burn.hold),
        "labels": {"severity": burn.severity, "objective": each.name, "burn": f"{burn.factor:g}"},
        "annotations": {
            "summary": f"{{{{ $labels.tenant }}}} burns its budget of {each.name} {burn.factor:g} times too fast",
            "description": (
                f"The share is {{{{ $value | humanizePercentage }}}} of {each.means}. "
                f"Seen over {_name(burn.long)} and over {_name(burn.short)}."
            ),
        },
    }


def _name(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
