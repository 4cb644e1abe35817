"""What tenants are told: before, during and after their wave, and when they went back. The wording is in templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from release.planner import end_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from release.ledger import Step
    from release.plan import Plan, Wave
    from spec.releases import ManifestSpec
    from spec.tenant import TenantSpec

TEMPLATES: Final = Path(__file__).with_name("messages")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message to the people of one tenant."""

    tenant: str
    to: tuple[str, ...]
    subject: str
    text: str

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {"tenant": self.tenant, "to": list(self.to), "subject": self.subject, "text": self.text}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a message is about."""

    plan: Plan
    wave: Wave
    manifest: ManifestSpec
    at: datetime


def messages(step: Step, told: Told, tenants: Iterable[TenantSpec]) -> list[Message]:
    """Return the messages of a step to some tenants, in the clock of each, the business contact first."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701 - plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(f"{step.removeprefix('notice-')}.txt.j2")
    found: list[Message] = []
    for tenant in tenants:
        zone = ZoneInfo(tenant.time_zone)

        def moment(at: datetime, zone: ZoneInfo = zone) -> str:
            return f"{at.astimezone(zone):%A %d %B %Y, %H:%M} ({zone.key})"

        text = template.render(
            tenant=tenant,
            manifest=told.manifest,
            plan=told.plan,
            wave=told.wave,
            ends=end_of(told.wave),
            at=told.at,
            moment=moment,
            touched=_touched(told.manifest.integrations, tenant.integrations),
        )
        subject, _, body = text.partition("\n")
        people = (tenant.contacts.business, tenant.contacts.technical)
        found.append(
            Message(
                tenant=tenant.id,
                to=tuple(dict.fromkeys(people)),
                subject=subject.removeprefix("Subject: "),
                text=body.strip() + "\n",
            )
        )
    return found


def _touched(changed: Sequence[str], used: Sequence[str]) -> list[str]:
    return [each for each in changed if each in used]
