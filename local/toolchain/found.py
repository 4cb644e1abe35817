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
_VERSION = re.compile(r"(\d+\.\d+\.\d+)(?![\d.-])")
"""A version as programs print it; one with a dash after it is a release candidate or a private build."""

OURS = b"local.languagehost"
"""What the launcher of this project's own language host has in it."""


def on_path(program: Program) -> Path | None:
    """Return a program on PATH that reports the pinned version, or None."""
    if program.probe is None:
        return None
    path = shutil.which(program.name)
    return Path(path) if path and _reports(path, program.probe) == program.version else None


def official_pulumi() -> Path | None:
    """Return an official Pulumi installation in the pinned version: a CLI with its own Python host beside it."""
    path = on_path(PULUMI)
    host = path.resolve().with_name("pulumi-language-python") if path else None
    # In a shell with the variables of `storefleet env`, what is found on PATH is our own.
    return path if host and host.exists() and OURS not in host.read_bytes()[:1024] else None


def plugin_folder(home: Path, program: Program) -> Path:
    """Return where the engine looks for a provider below its home folder."""
    name = program.name.removeprefix("pulumi-resource-")
    return home / "plugins" / f"resource-{name}-v{program.version}"


def installed_provider(program: Program) -> Path | None:
    """Return a provider of the pinned version that a user's own Pulumi has already installed, or None."""
    home = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi"))
    folder = plugin_folder(home, program)
    path = folder / program.name
    # The engine keeps this file beside a plugin until its download is whole.
    half = folder.with_name(f"{folder.name}.partial").exists()
    return path if os.access(path, os.X_OK) and not half else None


@cache
def _reports(path: str, probe: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [path, *probe], capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"\d+\.\d+\.\d+\S*", done.stdout + done.stderr)
    version = _VERSION.match(match.group()) if match else None
    return version.group(1) if version else ""
