"""The commands `storefleet drill` and `storefleet restore`, and those of backup with them."""

from __future__ import annotations

import getpass
import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.output import clear_errors, console, progress
from cli.recovery_backup import backup_app, checkpoint_app
from cli.recovery_jobs import checkpoint_job, restore_job
from cli.recovery_moment import moment
from cli.recovery_settings import Settings, tenant_id
from cli.recovery_shared import Database, DryRun, From, Jobs, Tenant, confirmed, told
from local.progress import duration
from recovery import catalogue
from recovery.database.databases import side_name
from recovery.database.throwaway import throwaway
from recovery.drill.plan import turn
from recovery.drill.run import SAMPLE, Drill
from recovery.drill.tenants import tenants_of
from recovery.restore.run import Restore
from recovery.store import keys
from recovery.trouble import RecoveryFailed
from spec.tiers import TIERS

drill_app = typer.Typer(
    help="Restore a backup into isolation and see whether it is one.", no_args_is_help=True
)
restore_app = typer.Typer(
    help="Bring one tenant back, beside what is there, then swap.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the four groups of commands."""
    app.add_typer(backup_app, name="backup")
    app.add_typer(checkpoint_app, name="checkpoint")
    app.add_typer(drill_app, name="drill")
    app.add_typer(restore_app, name="restore")
    restore_app.command("moment")(moment)
    restore_app.command("job")(restore_job)
    checkpoint_app.command("job")(checkpoint_job)


@drill_app.command("run")
def drill(
    tenant: Tenant,
    wanted: From = catalogue.LATEST,
    *,
    sample: Annotated[int, typer.Option(min=0, help="files that are opened and compared")] = SAMPLE,
    neutralise_command: Annotated[
        str | None, typer.Option(help="such as 'odoo-bin neutralize -d {database}'")
    ] = None,
    start_command: Annotated[
        str | None, typer.Option(help="such as 'odoo-bin -d {database} --stop-after-init'")
    ] = None,
    jobs: Jobs = 2,
    dry_run: DryRun = False,
) -> None:
    """Restore a backup on a server of its own, check it, time it, write the evidence; it ends with 1 if it failed."""
    with clear_errors():
        named, settings = tenant_id(tenant), Settings()
        store, tier = settings.store(), settings.tier()
        manifest = catalogue.chosen(store, named, wanted)
        major = manifest.facts.postgres // 10000
        if dry_run:
            console.print(
                f"  would restore {manifest.id} on a PostgreSQL {major} of its own, and remove it again"
            )
            return
        with throwaway(major, settings.scratch()) as server:
            evidence = Drill(
                manifest=manifest,
                store=store,
                evidence=settings.evidence(),
                identity=settings.identity(),
                server=server,
                scratch=settings.scratch(),
                limit=TIERS[tier].rto,
                by=getpass.getuser(),
                progress=progress(),
                jobs=jobs,
                sample=sample,
                neutralise_command=neutralise_command,
                start_command=start_command,
            ).run()
        told("drill", tenant, passed=evidence.passed, seconds=evidence.total_seconds, manifest=None)
        if not evidence.passed:
            raise RecoveryFailed(f"the drill of {tenant} from {manifest.id} failed: {evidence.reason}")
        console.print(
            f"Drill passed: {tenant} from {manifest.id} in {duration(evidence.total_seconds)}, and the tier promises "
            f"{duration(evidence.limit_seconds)}. Evidence {evidence.id}",
            markup=False,
            soft_wrap=True,
        )


@drill_app.command("weekly")
def weekly(cell: Annotated[str, typer.Argument(help="the cell's id")]) -> None:
    """Drill the tenant whose turn it is this week, of those in the store; what a job in the cluster calls."""
    with clear_errors():
        chosen = turn(cell, tenants_of(Settings().store(), cell), datetime.now(UTC).date())
    drill(chosen, catalogue.LATEST)


@drill_app.command("turn")
def whose_turn(
    cell: Annotated[str, typer.Argument(help="the cell's id")],
    tenants: Annotated[list[str], typer.Argument()],
) -> None:
    """Print whose backup of a cell is drilled this week."""
    with clear_errors():
        console.print(
            turn(cell, [tenant_id(each) for each in tenants], datetime.now(UTC).date()), markup=False
        )


@restore_app.command("run")
def restore(
    tenant: Tenant,
    wanted: From,
    *,
    confirm: Annotated[str, typer.Option(metavar="TENANT", help="the tenant's id again")] = "",
    database: Database = None,
    jobs: Jobs = 2,
    dry_run: DryRun = False,
) -> None:
    """Restore a tenant beside itself, verify it, swap by rename and keep the old one; run again, it goes on."""
    with clear_errors():
        named, settings = tenant_id(tenant), Settings()
        places = settings.places(jobs=jobs, sealing=False)
        manifest = catalogue.chosen(places.store, named, wanted)
        live = database or manifest.database
        lost = datetime.now(UTC) - manifest.facts.snapshot_at
        console.print(
            f"{live} goes back to {manifest.facts.snapshot_at:%Y-%m-%d %H:%M:%S} UTC: what was written in the last "
            f"{duration(lost.total_seconds())} is then only in what is kept",
            markup=False,
            soft_wrap=True,
        )
        if dry_run:
            console.print(
                f"  would load {manifest.id} as {side_name(live)}, verify it, and rename both", markup=False
            )
            return
        confirmed(
            tenant, confirm, f"storefleet restore run {tenant} --from {wanted}", "replaces a tenant's data"
        )
        began = time.monotonic()
        done = Restore(
            places=places,
            manifest=manifest,
            identity=settings.identity(),
            progress=progress(),
            database=database,
        ).run()
        total = time.monotonic() - began
        evidence = settings.evidence()
        if evidence is not None:
            text = json.dumps({**done.record(), "by": getpass.getuser()}, indent=1, sort_keys=True).encode()
            key = keys.restore(tenant, keys.new_id(datetime.now(UTC)))
            evidence.put(key, text, sha256=hashlib.sha256(text).hexdigest())
        console.print(
            f"Restored {live} from {manifest.id} in {duration(total)}. What was there is kept as {done.swapped.kept}; "
            f"{len(done.neighbours)} other databases of the cell are as they were.",
            markup=False,
            soft_wrap=True,
        )
