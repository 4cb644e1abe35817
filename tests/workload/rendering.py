"""The chart through the real Helm, and its renders on file."""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.progress import Progress
from local.state import ROOT
from local.toolchain import catalog
from local.toolchain.build import ensure

CHART = ROOT / "gitops" / "charts" / "tenant"
GOLDEN = ROOT / "tests" / "golden"

Object = dict[str, Any]


@cache
def helm() -> str:
    """Return the real Helm, built at its pinned version where it is not there yet."""
    return str(ensure(Progress(), [catalog.HELM])[catalog.HELM.name])


def run(
    values: Mapping[str, Any], folder: Path, *, command: str = "template"
) -> subprocess.CompletedProcess[str]:
    """Run Helm on the chart with the values; nothing is looked up in a cluster."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(dict(values), sort_keys=False))
    name = ["odoo"] if command == "template" else []
    versions = ["--kube-version", "1.37.0"]
    return subprocess.run(
        [helm(), command, *name, str(CHART), "--values", str(file), *versions],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def golden_name(case: str) -> str:
    """Return the name of the file with a case's render."""
    return f"workload.{case}.yaml"


def golden(case: str) -> list[Object]:
    """Return the objects of a render on file."""
    text = (GOLDEN / golden_name(case)).read_text(encoding="utf-8")
    return [one for one in yaml.safe_load_all(text) if one]
