"""The command that tells a release as a story, in a model of the world."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.output import clear_errors, progress
from cli.release_facts import mistake, tell
from cli.story.stage import Stage
from cli.story.tellings import BEFORE, MODEL, STORIES
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
        typer.Option(metavar="DIR", help="where it is left, and goes on; a new folder under /tmp otherwise"),
    ] = None,
) -> None:
    """Tell a release from its plan to its evidence, on the example tenants: a model of shops in a real Prometheus."""
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
        marked = root / "story"
        if (
            root.exists()
            and any(root.iterdir())
            and not (marked.is_file() and marked.read_text().strip() == name)
        ):
            message = f"{root} is not empty, and holds no story {name} that could go on"
            raise mistake("--folder", message, "name a folder that is not there")
        root.mkdir(parents=True, exist_ok=True)
        marked.write_text(f"{name}\n", encoding="utf-8")
        stage = Stage(folder=root, progress=progress(), at=BEFORE)
        tell(MODEL, f"\nKilled, it goes on: storefleet release story {name} --folder {root}")
        with stage.lit():
            if stage.begun:
                tell(f"It goes on at {stage.at:%Y-%m-%d %H:%M} UTC of the story.")
            endings = STORIES[name](stage, ROOT, tell)
        tell("")
        for each in endings:
            tell(f"{each.plan.release} {each.kind}: {each.folder / 'scorecard.html'}")
