"""The commands `storefleet backup` and `storefleet checkpoint`."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.output import clear_errors, console, progress
from cli.recovery_settings import CELL, IDENTITY, Settings, tenant_id
from cli.recovery_shared import (
    Database,
    DryRun,
    From,
    Image,
    Jobs,
    Missing,
    Tenant,
    checked_release,
    confirmed,
    told,
)
from local.progress import duration
from recovery import catalogue
from recovery.backup.run import Backup
from recovery.backup.stage import Order
from recovery.drill.tenants import settle
from recovery.readback import read_back
from recovery.retention.run import apply, planned
from recovery.store.sealing import generate
from recovery.trouble import RecoveryFailed
from spec.problems import Problem, SpecError
from spec.tiers import RETENTION, TIERS

if TYPE_CHECKING:
    from recovery.manifest import Manifest

backup_app = typer.Typer(help="Back one tenant up, and look after its backups.", no_args_is_help=True)
checkpoint_app = typer.Typer(help="Take and verify the checkpoint of a release.", no_args_is_help=True)
_KEY_MODE: Final = 0o600
_NIGHTLY_JOBS: Final = 2
"""Tables dumped at once at night: two of the connections that a cell keeps back for tasks."""


@backup_app.command("take")
def take(
    tenant: Tenant,
    *,
    database: Database = None,
    image: Image = None,
    accept_missing: Missing = None,
    jobs: Jobs = 2,
    dry_run: DryRun = False,
) -> None:
    """Take a backup; interrupted, the same command goes on with it."""
    with clear_errors():
        order = Order(tenant=tenant_id(tenant), database=database or tenant, image=image)
        _take(order, accept_missing or [], jobs, dry_run)


@backup_app.command("nightly")
def nightly(tenant: Tenant) -> None:
    """Take a backup, then remove what has expired; what a job in the cluster calls.

    What cannot be removed makes no good backup a bad one: it is said, and the next night tries again.
    """
    with clear_errors():
        named = tenant_id(tenant)
        _take(Order(tenant=named, database=named), [], _NIGHTLY_JOBS, dry_run=False)
        settings = Settings()
        store, cell = settings.store(), settings.variables.get(CELL, "")
        if cell:
            settle(store, named, cell)
        try:
            plan = planned(store, named)
            removed = apply(store, named, plan, progress())
        except RecoveryFailed as error:
            console.print(f"What has expired stays for another day: {error}", markup=False, soft_wrap=True)
        else:
            held = f" Files stay: {removed.held}." if removed.held else ""
            console.print(
                f"{removed.objects} objects had expired and were removed.{held}", markup=False, soft_wrap=True
            )


@checkpoint_app.command("take")
def checkpoint(
    tenant: Tenant,
    release: Annotated[str, typer.Option(help="the release that it is taken for")],
    *,
    database: Database = None,
    image: Image = None,
    accept_missing: Missing = None,
    jobs: Jobs = 2,
    dry_run: DryRun = False,
) -> None:
    """Take the checkpoint of a release: a backup that is read back and bound to (tenant, release)."""
    with clear_errors():
        checked_release(release)
        order = Order(
            tenant=tenant_id(tenant),
            database=database or tenant,
            kind="checkpoint",
            release=release,
            image=image,
        )
        _take(order, accept_missing or [], jobs, dry_run)


@checkpoint_app.command("verify")
def verify_checkpoint(
    tenant: Tenant, release: Annotated[str, typer.Option(help="the release that is to start")]
) -> None:
    """Read the checkpoint of a release back; it ends with 0 only when the release could be undone with it."""
    with clear_errors():
        checked_release(release)
        named = tenant_id(tenant)
        _verify(catalogue.checkpoint_of(Settings().store(), named, release))


@backup_app.command("verify")
def verify(tenant: Tenant, wanted: From = catalogue.LATEST) -> None:
    """Read every object of a backup back; with the private key at hand, open it too."""
    with clear_errors():
        named = tenant_id(tenant)
        _verify(catalogue.chosen(Settings().store(), named, wanted))


@backup_app.command("list")
def show(tenant: Tenant) -> None:
    """Show the backups of a tenant; what has no good manifest is none, and the reason is shown."""
    with clear_errors():
        named = tenant_id(tenant)
        found = catalogue.listed(Settings().store(), named)
        for each in found:
            console.print(_line(each), markup=False, soft_wrap=True)
        if not found:
            console.print(f"{tenant} has no backup", markup=False)


@backup_app.command("prune")
def prune(
    tenant: Tenant,
    *,
    confirm: Annotated[str, typer.Option(metavar="TENANT", help="the tenant's id again")] = "",
    dry_run: DryRun = False,
) -> None:
    """Remove backups that have expired, and the files that no other one needs."""
    with clear_errors():
        named = tenant_id(tenant)
        store = Settings().store()
        plan = planned(store, named)
        for reason in plan.reasons:
            mark = "keeps" if reason.keeps else "goes "
            console.print(f"  {mark} {reason.id}: {reason.why}", markup=False, soft_wrap=True)
        if plan.held:
            console.print(f"  {plan.held}", markup=False, soft_wrap=True)
        console.print(f"{len(plan.remove)} objects to remove")
        if dry_run:
            return
        confirmed(tenant, confirm, "storefleet backup prune", "removes backups")
        apply(store, tenant, plan, progress())


@backup_app.command("keygen")
def keygen(
    file: Annotated[Path, typer.Argument(help="where the private key goes; it must not exist")],
) -> None:
    """Make a pair of keys: backups are sealed to the public one, and only the file opens them."""
    with clear_errors():
        if file.exists():
            problem = Problem(
                file="the command line",
                field="FILE",
                value=str(file),
                message="is there already, and backups may be sealed to its key",
                allowed="the path of a new file",
            )
            raise SpecError([problem])
        private, public = generate()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _KEY_MODE), "w") as target:
            target.write(f"# public key: {public}\n{private}\n")
        console.print(public, markup=False)


def _take(order: Order, accept_missing: list[str], jobs: int, dry_run: bool) -> None:
    settings = Settings()
    places, tier = settings.places(jobs=jobs), settings.tier()
    kept = RETENTION[TIERS[tier].backup_class]
    if dry_run:
        console.print(
            f"  would dump {order.database}, send it and its files to {places.store.bucket} at "
            f"{places.store.endpoint}, and keep them {kept.days} days",
            markup=False,
            soft_wrap=True,
        )
        return
    began = time.monotonic()
    try:
        made = Backup(
            places=places,
            order=order,
            kept=kept,
            progress=progress(),
            accept_missing=frozenset(accept_missing),
        ).run()
    except RecoveryFailed:
        told(order.kind, order.tenant, passed=False, seconds=time.monotonic() - began, manifest=None)
        raise
    total = time.monotonic() - began
    told(order.kind, order.tenant, passed=True, seconds=total, manifest=made)
    console.print(
        f"{order.kind.capitalize()} {made.id} of {order.tenant} is good: {len(made.files)} files, "
        f"{made.stored_size / 1024**2:.1f} MiB, {duration(total)}, kept until {made.expires_at:%Y-%m-%d}.\n"
        f"Manifest {made.digest}",
        markup=False,
        soft_wrap=True,
    )


def _verify(manifest: Manifest) -> None:
    settings = Settings()
    key = settings.identity() if settings.variables.get(IDENTITY) else None
    with progress().step(f"{manifest.tenant}: read {manifest.id} back") as step:
        seen = read_back(settings.store(), manifest, key)
        step.result = f"{seen.objects} objects, {seen.size / 1024**2:.1f} MiB"
    opened = "read back and opened" if seen.opened else "read back; without a private key nothing was opened"
    console.print(
        f"{manifest.id} is whole: {opened}. Manifest {manifest.digest}", markup=False, soft_wrap=True
    )


def _line(each: catalogue.Listed) -> str:
    if each.manifest is None:
        return f"  none  {each.id}: {each.reason}"
    made = each.manifest
    what = f"checkpoint of {made.release}" if made.kind == "checkpoint" else "backup"
    rows = sum(table.rows for table in made.facts.tables)
    kept: timedelta = made.expires_at - datetime.now(UTC)
    return (
        f"  good  {each.id}: {what}, {rows} rows counted, {len(made.files)} files, "
        f"{made.stored_size / 1024**2:.1f} MiB, kept {max(0, kept.days)} more days"
    )
