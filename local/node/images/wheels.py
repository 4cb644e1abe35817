"""Python packages as the content of images: the wheels of uv.lock, checked by hash, for the Python of the image."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from uv import find_uv_bin

from local.node.images import tree
from local.state import ROOT
from local.trouble import EnvironmentTrouble, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.node.images.tree import Tree

PYTHON: Final = "3.13"
"""Of Debian's suite."""
_SECONDS: Final = 900
_NAME: Final = re.compile(r"^([A-Za-z0-9_.-]+)==")


@dataclass(frozen=True, kw_only=True)
class Wheels:
    """Which packages of uv.lock: those of a group (none: the project's own), all or `only` some, `without` others."""

    group: str | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def content(wheels: Wheels) -> Tree:
    """Return what the wheels hold, as a folder of modules. Programs that installers write are left out."""
    requirements = _chosen(_exported(wheels), wheels.only)
    with tempfile.TemporaryDirectory() as place:
        pinned, target = Path(place, "requirements.txt"), Path(place, "target")
        pinned.write_text(requirements)
        _uv(
            *("pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *(
                "--python-version",
                PYTHON,
                "--python-platform",
                "x86_64-manylinux_2_28",
                "--link-mode",
                "copy",
            ),
            *("--target", str(target), "--requirements", str(pinned)),
        )
        # What an installer notes of itself differs from run to run.
        noted = (
            "*.dist-info/INSTALLER",
            "*.dist-info/RECORD",
            "*.dist-info/REQUESTED",
            "*.dist-info/uv_*",
            ".lock",
        )
        return tree.without(tree.of_folder(target), noted)


def key(wheels: Wheels | None) -> str:
    """Return what decides the content of wheels: the lock, as far as they are chosen from it."""
    return _chosen(_exported(wheels), wheels.only) if wheels else ""


def _exported(wheels: Wheels) -> str:
    chosen = ("--only-group", wheels.group) if wheels.group else ("--no-dev",)
    pruned = [word for name in wheels.without for word in ("--prune", name)]
    return _uv("export", "--frozen", "--no-emit-project", "--no-header", "--no-annotate", *chosen, *pruned)


def _chosen(exported: str, only: Sequence[str]) -> str:
    if not only:
        return exported
    lines: list[str] = []
    keep = False
    for line in exported.splitlines():
        if found := _NAME.match(line):
            keep = found[1] in only
        if keep:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _uv(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        [find_uv_bin(), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        advice = explain(done.stderr) or "The lines above are uv's own."
        raise EnvironmentTrouble(f"uv {arguments[0]} failed:\n{done.stderr.strip()}\n{advice}")
    return done.stdout
