"""Every exception to a rule has an owner, a reason and a day on which it ends."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    ResourceRule,
    Settings,
    Severity,
    Undecided,
    Violation,
)
from policy.waivers import WAIVE_PREFIX


class WaiverSettings(Settings):
    """How long exceptions may last."""

    max_days: int = Field(180, description="most days, from the day of the run, until one expires")


def check(resource: Resource, settings: WaiverSettings) -> Iterator[Finding]:
    """Find exceptions that are malformed, expired, nobody's, too long, or for a rule that has none."""
    for note in resource.waivers:
        key = f"{WAIVE_PREFIX}{note.rule}"
        if note.unknown:
            yield Undecided(resource, note.unknown)
        elif note.problem:
            yield Violation(resource, f"its exception {key} does not hold: {note.problem}", note.fix)
        elif note.days_left > settings.max_days:
            yield Violation(
                resource,
                f"its exception {key} lasts for another {note.days_left} days",
                f"let it expire within {settings.max_days} days and have it renewed then",
            )


RULE: Final = ResourceRule(
    name="waivers-valid",
    title="Every exception to a rule is owned, reasoned and unexpired, and for a rule that allows one.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(name="ISO/IEC 27001", version="2022", specification="A.5.36"),
    remediation="Annotate the object with storefleet.dev/waive-<rule> and a JSON object of owner, reason and "
    "expires; tag an AWS resource with the same key and owner=… expires=… reason=….",
    settings=WaiverSettings,
    check=check,
    waivable=False,
)
