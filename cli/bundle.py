"""The command that writes the bundle of a release: its chart, and the values of an environment's tenants under it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import clear_errors, console
from local.state import ROOT
from release.bundle import SOURCE, bundle_digest, chart_files, chart_folder, tenant_values
from release.repository import write_whole
from spec.fleet import load_fleet
from spec.problems import Problem, SpecError
from spec.releases import load_release, manifest_file


def bundle(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="the release, a folder of releases/")],
    *,
    env: Annotated[str, typer.Option("--env", metavar="ENV", help="the environment")],
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", metavar="ID", help="only these tenants' values")
    ] = None,
) -> None:
    """Write a release's chart, where it has none yet, and the tenants' values under it; commits nothing."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        release = load_release(ROOT, version)
        folder = chart_folder(version)
        files = chart_files(ROOT, folder)
        if not files:
            files = chart_files(ROOT, SOURCE)
            for name, data in files.items():
                _replace(f"{folder}/{name}", data)
        digest = bundle_digest(files)
        if digest != release.manifest.bundle:
            raise SpecError([_other(version, release.manifest.bundle, digest)])
        only = {fleet.tenant(each).id for each in tenant or ()}
        texts = {
            file: text
            for file, text in tenant_values(fleet, release.manifest, fleet.day).items()
            if not only or file.rpartition("/")[2].removesuffix(".yaml") in only
        }
        changed = [file for file, text in texts.items() if _replace(file, text.encode())]
        console.print(
            f"{folder} is the chart {digest}. {len(changed)} of {len(texts)} files of values changed; commit them, "
            f"then storefleet release pointers or promote moves tenants to {version}.",
            markup=False,
            soft_wrap=True,
        )


def _other(version: str, stated: str, found: str) -> Problem:
    return Problem(
        file=manifest_file(version),
        field="bundle",
        value=stated,
        message="is not the digest of the release's chart",
        allowed=found,
        fix="of a new release: write this one. Of one that runs: bring its chart back from Git",
    )


def _replace(file: str, data: bytes) -> bool:
    """Write a file of the project in one step unless it is as it should be; tell whether it was written."""
    path = ROOT / file
    if path.exists() and path.read_bytes() == data:
        return False
    write_whole(path, data)
    return True
