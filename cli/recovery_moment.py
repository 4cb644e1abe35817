"""The command `storefleet restore moment`: what recovers a whole cell beside itself, printed and not applied."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from cli.engine.installation import LOCAL
from cli.moments import instant
from cli.output import clear_errors
from components.cells.plan import plan_cell
from components.database.backups import kept_days
from local.progress import duration
from local.state import ROOT
from recovery.moment.beside import as_yaml, objects_beside
from recovery.moment.plan import Base, plan_moment
from spec.fleet import load_fleet
from spec.problems import Problem, SpecError, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spec.environment import EnvironmentSpec


def moment(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="the cell's id")],
    *,
    to: Annotated[str, typer.Option(metavar="TIME", help="the last moment that counts, in UTC")],
    backups: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="what `kubectl get backups.postgresql.cnpg.io -o json` says; - reads it"
        ),
    ],
    heartbeat: Annotated[str, typer.Option(metavar="TIME", help="the newest heartbeat that was archived")],
    env: Annotated[str, typer.Option("--env", help="the environment")] = LOCAL,
) -> None:
    """Print the objects that recover a cell beside itself to a moment; what is given up is told beside them."""
    with clear_errors():
        environment = load_fleet(ROOT, env).environment
        spec = environment.cells.get(cell)
        if spec is None:
            raise _unknown(cell, environment, env)
        never = datetime.min.replace(tzinfo=UTC)
        plan = plan_moment(
            cell,
            instant(to, "--to", never),
            bases_of(backups),
            [instant(heartbeat, "--heartbeat", never)],
            window=timedelta(days=kept_days(environment, spec)),
        )
        aside = Console(stderr=True, highlight=False)
        replayed, lost = (duration(each.total_seconds()) for each in (plan.replayed, plan.lost))
        base, target = (f"{each:%Y-%m-%d %H:%M:%S} UTC" for each in (plan.base.finished_at, plan.target))
        lines = [
            f"From base backup {plan.base.id}, finished {base}: {replayed} of log are replayed.",
            f"Given up: {lost}, from {target} to the newest heartbeat. Only the old cluster, which stays, has it.",
            *(f"{number}. {step}" for number, step in enumerate(plan.steps, 1)),
        ]
        for line in lines:
            aside.print(line, markup=False, soft_wrap=True)
        typer.echo(as_yaml(objects_beside(plan, plan_cell(cell, spec, environment).objects, spec)), nl=False)


def bases_of(path: str) -> list[Base]:
    """Return the base backups that are complete, of a list as kubectl prints it.

    Raises:
        SpecError: the file cannot be read, or is no such list.

    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return bases_in(cast("list[dict[str, dict[str, str]]]", json.loads(text)["items"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) else "it is no list of Backups as kubectl prints it"
        )
        problem = Problem(
            file="the command line",
            field="--backups",
            value=shown(path),
            message=f"cannot be used: {reason}",
            fix="kubectl -n cell-<id> get backups.postgresql.cnpg.io -o json > backups.json",
        )
        raise SpecError([problem]) from None


def bases_in(backups: Iterable[Mapping[str, Mapping[str, str]]]) -> list[Base]:
    """Return the base backups that are complete, of the operator's objects."""
    return [
        Base(id=status["backupId"], finished_at=datetime.fromisoformat(status["stoppedAt"]).astimezone(UTC))
        for status in (each.get("status", {}) for each in backups)
        if status.get("phase") == "completed" and "backupId" in status and "stoppedAt" in status
    ]


def _unknown(cell: str, environment: EnvironmentSpec, env: str) -> SpecError:
    return SpecError(
        [
            Problem(
                file="the command line",
                field="CELL",
                value=shown(cell),
                message=f"is no cell of {env}",
                allowed=", ".join(sorted(environment.cells)),
                fix=suggestion(cell, environment.cells),
            )
        ]
    )
