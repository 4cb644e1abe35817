"""Which rules of the policy pack judged an applied stack, by the engine's own report of the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from policy.rules import RULES
from tests.policy.cloud import CLOUD_BREAKS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ABOUT_AWS = tuple(rule for rule in RULES if rule.name in CLOUD_BREAKS)
"""The rules that judge what is in AWS: each has a way to be broken there."""


def passed(events: Path) -> frozenset[str]:
    """Return the rules that the engine says were asked and found nothing, in a run's event log."""
    names: set[str] = set()
    for line in events.read_text().splitlines():
        event: dict[str, Any] = json.loads(line) if line.strip() else {}
        for kind in ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent"):
            names |= set((event.get(kind) or {}).get("passed") or [])
    return frozenset(names)


def judged(resources: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Return how many of the resources in AWS each rule about AWS is shown."""
    types = [each["type"] for each in resources if each["type"].startswith("aws:")]
    return {rule.name: sum(map(rule.selects, types)) for rule in ABOUT_AWS}


def asleep(events: Path) -> tuple[str, ...]:
    """Return the rules about AWS that nobody asked in a run."""
    asked = passed(events)
    return tuple(rule.name for rule in ABOUT_AWS if rule.name not in asked)
