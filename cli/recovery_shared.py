"""What the commands of backup and recovery share: their options, confirmation, and what monitoring is told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.recovery_settings import CELL, METRICS, PUSHGATEWAY, Settings
from recovery import catalogue, metrics
from recovery.store import keys
from spec.problems import Problem, SpecError, shown

if TYPE_CHECKING:
    from recovery.manifest import Manifest

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="the tenant's id")]
From = Annotated[str, typer.Option("--from", help="a backup's id, a release, or latest")]
Database = Annotated[str | None, typer.Option(help="its database; named like the tenant unless stated")]
Jobs = Annotated[int, typer.Option(min=1, max=16, help="tables dumped or restored at once")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be done, do nothing")]
Missing = Annotated[
    list[str] | None,
    typer.Option("--accept-missing", help="a file known to be lost, by name; may be repeated"),
]
Image = Annotated[str | None, typer.Option(help="digest of the image of the tenant's processes")]


def told(kind: str, tenant: str, *, passed: bool, seconds: float, manifest: Manifest | None) -> None:
    """Tell monitoring how a run ended, where somebody listens."""
    variables = Settings().variables
    cell = variables.get(CELL, "")
    found = metrics.after(
        kind,
        tenant=tenant,
        cell=cell,
        passed=passed,
        seconds=seconds,
        at=time.time(),
        size=manifest.stored_size if manifest else None,
    )
    if variables.get(METRICS):
        metrics.write(Path(variables[METRICS]), f"storefleet-{kind}-{tenant}", found)
    if variables.get(PUSHGATEWAY):
        metrics.push(variables[PUSHGATEWAY], f"storefleet_{kind}", {"tenant": tenant}, found)


def confirmed(tenant: str, confirm: str, command: str, does: str) -> None:
    """Refuse a command that destroys unless it names the tenant twice; raises SpecError."""
    if confirm == tenant:
        return
    problem = Problem(
        file="the command line",
        field="--confirm",
        message=f"names the tenant again, because this {does}",
        value=shown(confirm) if confirm else "",
        allowed=tenant,
        fix=f"{command} --confirm {tenant}",
    )
    raise SpecError([problem])


def checked_release(release: str) -> None:
    """Refuse what cannot name a release, and so a key in the store; raises SpecError."""
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    if not release or set(release) - allowed or keys.is_id(release) or release == catalogue.LATEST:
        problem = Problem(
            file="the command line",
            field="--release",
            value=shown(release),
            message="is no name of a release",
            allowed="lower-case letters, digits, dots, dashes and underscores, such as 2026.11.2",
        )
        raise SpecError([problem])
