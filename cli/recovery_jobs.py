"""The commands `storefleet restore job` and `storefleet checkpoint job`: what is applied to a cluster, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.engine.installation import LOCAL
from cli.output import clear_errors
from cli.recovery_settings import tenant_id
from cli.recovery_shared import From, Tenant, checked_release
from components.recovery.by_hand import checkpoint_command, started_by_hand
from components.recovery.jobs import BACKUP, IDENTITY_KEY
from components.recovery.restore import AUTHORITY, CERTIFICATE, RESTORE, object_name, plan_restore
from components.recovery.tenants import plan_tenant_backups
from local.state import ROOT
from recovery.moment.beside import as_yaml
from spec.fleet import load_fleet
from spec.naming import cell_namespace, tenant_namespace
from spec.problems import Problem, SpecError, shown

if TYPE_CHECKING:
    from spec.environment import EnvironmentSpec
    from spec.tenant import TenantSpec

Env = Annotated[str, typer.Option("--env", help="the environment")]


def restore_job(tenant: Tenant, wanted: From, *, env: Env = LOCAL) -> None:
    """Print what restores a tenant inside the cluster: a role, a way to the store and a Job; the steps beside them."""
    with clear_errors():
        spec, environment = _of(tenant, env)
        objects = plan_restore(spec, environment, wanted)
        if not objects:
            raise _nothing(env)
        _tell(_steps(spec, object_name(RESTORE, wanted)))
        typer.echo(as_yaml(each.manifest for each in objects), nl=False)


def checkpoint_job(
    tenant: Tenant,
    release: Annotated[str, typer.Option(help="the release that it is taken for")],
    *,
    env: Env = LOCAL,
) -> None:
    """Print the Job that takes the checkpoint of a release inside the cluster: the pod of the tenant's backup."""
    with clear_errors():
        checked_release(release)
        spec, environment = _of(tenant, env)
        planned = {each.key: each.manifest for each in plan_tenant_backups(spec, environment)}
        if BACKUP not in planned:
            raise _nothing(env)
        name = object_name("checkpoint", release)
        made = started_by_hand(planned[BACKUP], name, checkpoint_command(spec.id, release))
        _tell(
            [f"It ends well when the checkpoint was read back: kubectl -n {_home(spec)} logs -f job/{name}"]
        )
        typer.echo(as_yaml([made]), nl=False)


def _of(tenant: str, env: str) -> tuple[TenantSpec, EnvironmentSpec]:
    fleet = load_fleet(ROOT, env)
    return fleet.tenant(tenant_id(tenant)), fleet.environment


def _home(tenant: TenantSpec) -> str:
    return tenant_namespace(tenant.id)


def _steps(tenant: TenantSpec, job: str) -> list[str]:
    cell, home = cell_namespace(tenant.cell), _home(tenant)
    fields = {"ca.crt": AUTHORITY, "tls.crt": CERTIFICATE, "tls.key": CERTIFICATE}
    fetched = "; ".join(
        f"kubectl -n {cell} get secret {secret} -o go-template='{{{{index .data \"{name}\" | base64decode}}}}' > {name}"
        for name, secret in fields.items()
    )
    held = " ".join(f"--from-file={name}" for name in fields)
    key = f"--from-file={IDENTITY_KEY}=<file with the private key>"
    made = f"kubectl -n {home} create secret generic {RESTORE} {held} {key}"
    gone = f"kubectl -n {home} delete secret {RESTORE}; kubectl -n {cell} delete databaserole {RESTORE}"
    return [
        f"Stop the tenant's processes: kubectl -n {home} scale deployment --all --replicas=0",
        "Apply what is printed. The Job waits for the Secret of the next step.",
        f"Bring it the role's certificate and the private key: {fetched}; {made}",
        f"Follow it: kubectl -n {home} logs -f job/{job}. It goes on where it was interrupted.",
        f"Take away what nobody may keep: {gone}; rm {' '.join(fields)}",
        "Start the processes again.",
    ]


def _tell(steps: list[str]) -> None:
    aside = Console(stderr=True, highlight=False)
    for number, step in enumerate(steps, 1):
        aside.print(f"{number}. {step}", markup=False, soft_wrap=True)


def _nothing(env: str) -> SpecError:
    return SpecError(
        [
            Problem(
                file=f"stacks/{env}.yaml",
                field="recovery",
                value=shown(env, "--env"),
                message="backs up no data of this tenant, so that there is nothing to restore from",
                allowed="an environment whose stack file names recovery:, and a tenant that is active or suspended",
            )
        ]
    )
