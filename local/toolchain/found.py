"""Programs that the machine already has in the pinned version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from local.toolchain.catalog import PULUMI, Program

_PROBE_SECONDS = 20


def on_path(program: Program) -> Path | None:
    """Return a program on PATH that reports the pinned version, or None."""
    if program.probe is None:
        return None
    path = shutil.which(program.name)
    return Path(path) if path and _reports(path, program.probe) == program.version else None


def official_pulumi() -> Path | None:
    """Return an official Pulumi installation in the pinned version: a CLI with its own Python host beside it."""
    path = on_path(PULUMI)
    return path if path and path.resolve().with_name("pulumi-language-python").exists() else None


def plugin_folder(home: Path, program: Program) -> Path:
    """Return where the engine looks for a provider below its home folder."""
    name = program.name.removeprefix("pulumi-resource-")
    return home / "plugins" / f"resource-{name}-v{program.version}"


def installed_provider(program: Program) -> Path | None:
    """Return a provider of the pinned version that a user's own Pulumi has already installed, or None."""
    home = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi"))
    path = plugin_folder(home, program) / program.name
    return path if path.exists() else None


@cache
def _reports(path: str, probe: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [path, *probe], capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"(\d+\.\d+\.\d+)", done.stdout + done.stderr)
    return match.group(1) if match else ""
