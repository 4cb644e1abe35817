"""Charts made of an operator's definitions (CRDs), so that Helm and not the engine's state holds them.

As resources of the engine the definitions would be two megabytes of its state, which it writes at every step. As
templates of a chart they cost it one line each, are upgraded like anything else, and stay when the release goes
(`helm.sh/resource-policy: keep`): with a definition would go every database that it defines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.controlplane.bootstrap import definitions
from local.progress import Progress
from local.toolchain import published
from local.toolchain.build import ensure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from components.operators.plan import OperatorsPlan


def prepare(plan: OperatorsPlan, root: Path) -> None:
    """Write the charts of definitions that a plan refers to, below the root of the project.

    Fetches the modules that are not in the cache yet. Raises EnvironmentTrouble where one cannot be had.
    """
    if not plan.crd_charts:
        return
    ensure(Progress(), programs=())
    modules = {each.name: each for each in published.CRDS}
    for chart in plan.crd_charts:
        module = modules[chart.module]
        write_chart(root / chart.folder, chart.module, module.version, definitions((module,)))


def write_chart(folder: Path, name: str, version: str, definitions: Iterable[Mapping[str, Any]]) -> None:
    """Write a chart of definitions into `folder`: the same bytes for the same definitions, nothing else in it.

    Args:
        folder: made when it is not there; templates of an earlier version are removed.
        name: of the chart.
        version: of the module that the definitions come from, such as `v1.30.0`.
        definitions: CustomResourceDefinitions, as the API server takes them.

    Raises:
        OSError: the folder cannot be written.

    """
    templates = folder / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    chart = {"apiVersion": "v2", "name": name, "version": version.removeprefix("v"), "type": "application"}
    _write(folder / "Chart.yaml", json.dumps(chart, indent=1))
    wanted: set[str] = set()
    for definition in definitions:
        metadata: dict[str, Any] = dict(definition["metadata"])
        metadata["annotations"] = {**metadata.get("annotations", {}), "helm.sh/resource-policy": "keep"}
        text = json.dumps({**definition, "metadata": metadata}, sort_keys=True)
        file = templates / f"{metadata['name']}.json.yaml"
        # What looks like a template in a definition's text is not one.
        _write(file, text.replace("{{", '{{ "{{" }}'))
        wanted.add(file.name)
    for left in templates.iterdir():
        if left.name not in wanted:
            left.unlink()


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
