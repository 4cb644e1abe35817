"""A release's bundle: its chart, and each tenant's values under it.

The chart lies in the release's folder: one that all releases share would move every tenant at once. The values are a
file for each tenant and release: a pointer that moves takes both with it, and its revert brings both back.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import yaml

from components.delivery.plan import CHART, values_file
from components.workload.plan import plan_workload
from components.workload.values import ReleaseValues
from spec.fleet import Fleet
from spec.problems import Problem, SpecError, either
from spec.releases import RELEASES_FOLDER, ManifestSpec, manifest_file

SOURCE: Final = "gitops/charts/tenant"
"""The chart that the next release is made of, relative to the project."""
ROLES: Final = ("odoo", "tools")
"""The images that a chart needs, by their roles in a manifest."""

_HEADER: Final = (
    "# Written by `storefleet release bundle`, from the tenant's file and the manifest of {release}.\n"
)


def chart_folder(version: str) -> str:
    """Return the folder of a release's chart, relative to the project."""
    return f"{RELEASES_FOLDER}/{version}/{CHART}"


def chart_files(root: Path, folder: str) -> dict[str, bytes]:
    """Return the files of a chart by their paths in it; none where there is no such folder."""
    base = root / folder
    found = sorted(path for path in base.rglob("*") if path.is_file() and not path.name.endswith(".partial"))
    return {path.relative_to(base).as_posix(): path.read_bytes() for path in found}


def bundle_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of a chart: of the list of its files with their SHA-256, in the order of their paths."""
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def release_values(manifest: ManifestSpec) -> ReleaseValues:
    """Return what a release's manifest gives to the charts of all tenants.

    Raises:
        SpecError: it lacks an image that the chart needs.

    """
    missing = [role for role in ROLES if role not in manifest.images]
    if missing:
        problem = Problem(
            file=manifest_file(manifest.version),
            field="images",
            message=f"lacks the image {', '.join(missing)}, which the chart runs",
            allowed=either(list(ROLES)),
        )
        raise SpecError([problem])
    return ReleaseValues.model_validate(
        {
            "version": manifest.version,
            "odoo": manifest.series,
            "image": manifest.images["odoo"],
            "tools": manifest.images["tools"],
        }
    )


def tenant_values(fleet: Fleet, manifest: ManifestSpec, today: date) -> dict[str, str]:
    """Return the texts of the files of values of an environment under a release, by their paths.

    A tenant that runs nothing any more has none.
    """
    release = release_values(manifest)
    texts: dict[str, str] = {}
    for tenant in fleet.tenants:
        plan = plan_workload(tenant, fleet.environment, release, today=today)
        if plan is not None:
            header = _HEADER.format(release=manifest.version)
            body = yaml.safe_dump(plan.values.document(), sort_keys=False, width=110, allow_unicode=True)
            file = values_file(fleet.environment.name.value, manifest.version, tenant.id)
            texts[file] = f"{header}{body}"
    return texts
