"""What monitoring is told: in Prometheus' text format, into a folder that node-exporter reads, or to a Pushgateway.

What succeeded last is written by a success alone, so a job that fails, or is gone, lets it grow old: the alert is on
its age.
"""

from __future__ import annotations

import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from recovery.trouble import RecoveryFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "storefleet_"
_PUSH_SECONDS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One sample: a gauge, its unit in its name."""

    name: str
    value: float
    help: str
    labels: Mapping[str, str]


def text(metrics: Iterable[Metric]) -> str:
    """Return samples in Prometheus' text format, each name once with its help."""
    lines: list[str] = []
    described: set[str] = set()
    for each in sorted(metrics, key=lambda one: (one.name, sorted(one.labels.items()))):
        name = f"{PREFIX}{each.name}"
        if name not in described:
            lines += [f"# HELP {name} {each.help}", f"# TYPE {name} gauge"]
            described.add(name)
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(each.labels.items()))
        lines.append(f"{name}{{{labels}}} {each.value:.17g}")
    return "\n".join(lines) + "\n"


def after(
    kind: str, *, tenant: str, cell: str, passed: bool, seconds: float, at: float, size: int | None = None
) -> list[Metric]:
    """Return what a backup or a drill says about itself: `at` in seconds since 1970."""
    labels = {"tenant": tenant, "cell": cell}
    found = [
        Metric(
            name=f"{kind}_last_run_timestamp_seconds",
            value=at,
            help=f"When a {kind} last ended.",
            labels=labels,
        ),
        Metric(
            name=f"{kind}_last_run_passed",
            value=float(passed),
            help=f"1: the last {kind} was good.",
            labels=labels,
        ),
        Metric(name=f"{kind}_seconds", value=seconds, help=f"How long the last {kind} took.", labels=labels),
    ]
    if passed:
        about = f"When a {kind} was last good; its age is what alerts."
        found.append(
            Metric(name=f"{kind}_last_success_timestamp_seconds", value=at, help=about, labels=labels)
        )
    if size is not None:
        about = f"Bytes in the store that the last {kind} needs."
        found.append(Metric(name=f"{kind}_stored_bytes", value=size, help=about, labels=labels))
    return found


def write(folder: Path, job: str, metrics: Iterable[Metric]) -> list[Path]:
    """Write samples into files of a textfile folder, each at once; successes into one that failures leave alone."""
    known = list(metrics)
    good = [each for each in known if "last_success" in each.name]
    written: list[Path] = []
    for name, some in (
        (f"{job}.prom", [each for each in known if each not in good]),
        (f"{job}-good.prom", good),
    ):
        if not some:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", delete=False, encoding="utf-8") as half:
            half.write(text(some))
        target = folder / name
        Path(half.name).chmod(0o644)
        Path(half.name).replace(target)
        written.append(target)
    return written


def push(url: str, job: str, grouping: Mapping[str, str], metrics: Iterable[Metric]) -> None:
    """Add samples to a group of a Pushgateway; what this run does not say stays as it was.

    Raises:
        RecoveryFailed: it was not taken.

    """
    place = "".join(f"/{quote(key, safe='')}/{quote(value, safe='')}" for key, value in grouping.items())
    target = f"{url.rstrip('/')}/metrics/job/{quote(job, safe='')}{place}"
    if not target.startswith(("http://", "https://")):
        raise RecoveryFailed(f"{url} is no address of a Pushgateway")
    request = urllib.request.Request(target, data=text(metrics).encode(), method="POST")  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_PUSH_SECONDS):  # noqa: S310 - checked above
            pass
    except (urllib.error.URLError, OSError) as error:
        raise RecoveryFailed(f"the metrics were not taken by {url}: {error}") from error


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
