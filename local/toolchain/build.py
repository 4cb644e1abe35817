"""Builds the programs that are neither installed nor cached, one after the other, with progress."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from local.toolchain import cache, files, found, golang
from local.toolchain.catalog import CRDS, GO_VERSION, KWOK_FILES, PROGRAMS, PROVIDERS, Files, Program
from local.trouble import EnvironmentTrouble, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.progress import Progress

_COLD_BYTES = 15 * 1024**3
"""What a cold build of everything was seen to write: modules, Go's build cache and the programs."""

Origin = Literal["installed", "cached", "missing"]


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a program is, and how it came there (``missing``: it will be built there)."""

    path: Path
    origin: Origin


def locate(program: Program) -> Location:
    """Say where a program is or will be, without building or writing anything."""
    there = found.installed_provider(program) if program in PROVIDERS else found.on_path(program)
    if there:
        return Location(path=there, origin="installed")
    folder = cache.root() / "programs" / f"{program.name}-{program.version}-{_program_key(program)}"
    path = folder / program.name
    return Location(path=path, origin="cached" if os.access(path, os.X_OK) else "missing")


def ensure(
    progress: Progress, programs: Iterable[Program] | None = None, more: Sequence[Files] = ()
) -> dict[str, Path]:
    """Return a path for each program (default: all that `make up` needs), building what is missing.

    `more` are files of modules to fetch beside those that `make up` needs.

    Raises EnvironmentTrouble with advice when something cannot be had; what is finished stays finished.
    """
    wanted = [p for p in PROGRAMS if not p.on_demand] if programs is None else list(programs)
    missing = [p for p in wanted if locate(p).origin == "missing"]
    absent = [f for f in (*CRDS, KWOK_FILES, *more) if not cache.finished(files.folder(f))]
    if missing or absent:
        try:
            _make(progress, missing, absent)
        except OSError as error:
            raise from_os_error(error, "building the toolchain") from error
    return {program.name: locate(program).path for program in wanted}


def _make(progress: Progress, missing: list[Program], absent: list[Files]) -> None:
    room(missing)
    with progress.step("toolchain: the build cache") as step, cache.lock(step):
        step.note = f"Go {GO_VERSION}"
        go = golang.find()
        # Another process may have built some of them while this one waited for the lock.
        missing = [p for p in missing if locate(p).origin == "missing"]
        step.result = f"{len(missing)} to build, about {sum(p.minutes for p in missing):.0f} min on two cores"
    for number, program in enumerate(missing, start=1):
        with progress.step(f"toolchain {number}/{len(missing)}: {program.name} {program.version}") as step:
            step.note = f"usually {program.minutes:g} min cold"
            with cache.lock(step):
                if locate(program).origin == "missing":
                    _build(go, program)
    if absent:
        with progress.step(f"toolchain: manifests of {len(absent)} controllers") as step, cache.lock(step):
            for item in absent:
                step.note = f"{item.module} {item.version}"
                files.fetch(go, item)


def _program_key(program: Program) -> str:
    sources = [path.read_bytes() for path in cache.module_files(program.module)]
    return cache.key(GO_VERSION, program.package, program.linker, program.copies, *sources)


def room(missing: Sequence[Program]) -> None:
    """Raise EnvironmentTrouble when the disk of the cache has no room to build some programs."""
    cache.root().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache.root()).free
    share = sum(p.minutes for p in missing) / sum(p.minutes for p in PROGRAMS)
    if free < _COLD_BYTES * share:
        raise EnvironmentTrouble(
            f"the toolchain build needs about {_COLD_BYTES * share / 1024**3:.0f} GB under {cache.root()}, and "
            f"{free / 1024**3:.1f} GB are free. Free some space, or set STOREFLEET_CACHE to a folder on a larger disk."
        )


def _build(go: golang.Go, program: Program) -> None:
    folder = locate(program).path.parent
    module = cache.root() / "modules" / f"{program.module}-{cache.key(program.name)}"
    shutil.rmtree(module, ignore_errors=True)
    shutil.copytree(cache.MODULES / program.module, module)
    for source, inside in program.copies:
        record = go.download(source, None, module)
        _copy_in(Path(record["Dir"], inside), module, program.version)
    linker = " ".join(["-s", "-w", *(f"-X {setting}" for setting in program.linker)])
    with cache.making(folder) as target:
        go.run(["build", f"-ldflags={linker}", "-o", str(target / program.name), program.package], module)
    shutil.rmtree(module)


def _copy_in(source: Path, module: Path, version: str) -> None:
    text = source.read_text()
    if source.name == "schema.json":  # the module's own has no version; the engine asks for one
        text = json.dumps({**json.loads(text), "version": version})
    (module / source.name).write_text(text)
