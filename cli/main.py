"""The `storefleet` command: what an engineer calls, one function a command."""

from __future__ import annotations

import os
import shlex
import signal
from typing import Annotated

import typer

from cli import calendars, dr, recovery, release, tenants
from cli import doctor as checks
from cli import node as real_node
from cli import status as overview
from cli.cost import cost
from cli.destroy import destroy, stop
from cli.output import clear_errors, console, progress
from cli.up import apply, ready_engine
from local.state import state

app = typer.Typer(
    help="Odoo for retailers as a service: the platform's environments, tenants and releases.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(tenants.app, name="tenants")
app.add_typer(dr.app, name="dr")
app.add_typer(calendars.app, name="calendars")
app.add_typer(release.app, name="release")
recovery.register(app)
# `tenant new` reads better than `tenants new`; both are there.
app.add_typer(tenants.app, name="tenant", hidden=True)
app.command()(cost)


@app.command()
def doctor() -> None:
    """Say what this machine has, what is missing, and how to get it."""
    with clear_errors():
        raise typer.Exit(checks.report(console))


@app.command()
def up(
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="real", help="also start a node on which pods run (Linux, root)"),
    ] = None,
) -> None:
    """Start the embedded environment and bring it to what the files say."""
    with clear_errors():
        applied = apply(progress(), real_node=node or None)
        console.print(
            overview.after_up(applied, pods=bool(real_node.status(state()))), markup=False, soft_wrap=True
        )


@app.command()
def preview() -> None:
    """Show what `up` would change, with the policy pack, and change nothing."""
    with clear_errors():
        applied = apply(progress(), only_preview=True)
        console.print(overview.planned(applied), markup=False, soft_wrap=True)


@app.command()
def down(
    destroy_name: Annotated[
        str | None,
        typer.Option("--destroy", metavar="NAME", help="also remove all its data; NAME must be 'local'"),
    ] = None,
) -> None:
    """Stop the embedded environment. Its data stays, and `up` goes on from there."""
    with clear_errors():
        if destroy_name is not None:
            destroy(state(), destroy_name, progress())
            return
        stop(state(), progress())


@app.command()
def status() -> None:
    """Show what runs, and whether the cluster holds exactly what the engine's state names."""
    with clear_errors():
        raise typer.Exit(overview.show(state(), console))


@app.command()
def env() -> None:
    """Print the variables with which plain `pulumi` and `kubectl` work: eval "$(storefleet env)"."""
    with clear_errors():
        engine = ready_engine(progress=None)
        variables = {**engine.variables, "KUBECONFIG": str(state().kubeconfig)}
        if "PULUMI_CONFIG_PASSPHRASE" in os.environ:  # the engine would take it instead of ours
            console.print("unset PULUMI_CONFIG_PASSPHRASE")
        for name, value in variables.items():
            console.print(f"export {name}={shlex.quote(value)}", markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; an end that is asked for in another way than by Ctrl-C is the same to it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup's stays
            signal.signal(number, _interrupt)
    app()


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt
