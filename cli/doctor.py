"""What this machine has and lacks, and how to get it."""

from __future__ import annotations

import platform
import shutil
import sys
from typing import TYPE_CHECKING

from rich.table import Table

from cli import node
from local.toolchain import cache, catalog, found
from local.toolchain.build import locate, room
from local.trouble import EnvironmentTrouble, from_os_error

if TYPE_CHECKING:
    from rich.console import Console

_PYTHON = (3, 11)
_ORIGIN = {
    "installed": "on this machine",
    "cached": "built, in the cache",
    "missing": "will be built by `make up`",
}


def report(console: Console) -> int:
    """Print the state of every program; return 0 when `make up` can work here, else 3."""
    table = Table("program", "version", "state", "cold build", box=None)
    missing: list[catalog.Program] = []
    for program in catalog.PROGRAMS:
        location = locate(program)
        on_demand = program.on_demand and location.origin == "missing"
        state = "built when it is first used" if on_demand else _ORIGIN[location.origin]
        build = "" if location.origin != "missing" else f"about {program.minutes:g} min"
        if location.origin == "missing" and not on_demand:
            missing.append(program)
        table.add_row(program.name, program.version, state, build)
    console.print(table)
    engine = (
        "the official one on PATH"
        if found.official_pulumi()
        else "ours, with the language host of this project"
    )
    console.print(f"\nPulumi: {engine}")
    console.print(f"cache:  {cache.root()}")
    console.print(f"a node on which pods run: {node.possible()}", soft_wrap=True)
    problems = _problems(missing)
    if missing:
        minutes = sum(program.minutes for program in missing)
        console.print(
            f"`make up` will build for about {minutes:.0f} min on two cores, once for this machine."
        )
        console.print(
            f"To skip most of it: install Pulumi v{catalog.PULUMI_VERSION} with its Python host and "
            f"`pulumi plugin install resource kubernetes v{catalog.KUBERNETES_PROVIDER_VERSION}`, and put "
            "etcd, kwok and the Kubernetes programs in the versions above on PATH."
        )
    for problem in problems:
        console.print(f"problem: {problem}", markup=False)
    console.print("Nothing is in the way." if not problems else "")
    return 3 if problems else 0


def _problems(missing: list[catalog.Program]) -> list[str]:
    problems: list[str] = []
    if sys.version_info < _PYTHON:
        problems.append(f"Python {platform.python_version()} is too old: 3.11 or newer is needed")
    if shutil.which("git") is None:
        problems.append("git is not on PATH: install it with the system's package manager")
    if platform.system() not in {"Linux", "Darwin"}:
        problems.append(f"{platform.system()} is not supported: use Linux, macOS or WSL")
    try:
        room(missing)
    except EnvironmentTrouble as trouble:
        problems.append(str(trouble))
    except OSError as error:
        problems.append(str(from_os_error(error, "looking at the cache")))
    return problems
