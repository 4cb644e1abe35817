"""The command that tells a release as a story, in a model of the world."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.output import clear_errors
from cli.release_facts import mistake, tell
from cli.story.tellings import STORIES
from local.state import ROOT
from spec.problems import Problem, SpecError, either, shown, suggestion


def register(app: typer.Typer) -> None:
    """Add the command to the group of releases."""
    app.command()(story)


def story(
    name: Annotated[str, typer.Argument(metavar="NAME", help="storefronts or dedicated")],
    *,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="where its repository is left; a new folder under /tmp otherwise"),
    ] = None,
) -> None:
    """Tell a release from its plan to its evidence, on the example tenants and in a model of shops under load."""
    with clear_errors():
        if name not in STORIES:
            problem = Problem(
                file="the command line",
                field="NAME",
                value=shown(name),
                message="is no story",
                allowed=either(sorted(STORIES)),
                fix=suggestion(name, STORIES),
            )
            raise SpecError([problem])
        root = Path(tempfile.mkdtemp(prefix="storefleet-story-")) if folder is None else folder.resolve()
        if root.exists() and any(root.iterdir()):
            raise mistake("--folder", f"{root} is not empty", "name a folder that is not there")
        root.mkdir(parents=True, exist_ok=True)
        endings = STORIES[name](root, ROOT, tell)
        tell("")
        for each in endings:
            tell(f"{each.plan.release} {each.kind}: {each.folder / 'scorecard.html'}")
