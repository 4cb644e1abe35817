"""Kubernetes manifests from Go modules: downloaded, checked by hash, kept as JSON, never built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from local.toolchain import cache
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from local.toolchain.catalog import Files
    from local.toolchain.golang import Go


def folder(files: Files) -> Path:
    """Return the cache folder of a module's manifests, present or not."""
    return cache.root() / "files" / f"{files.name}-{files.version}-{cache.key(files.sum, *files.patterns)}"


def documents(files: Files) -> list[dict[str, Any]]:
    """Return the manifests of a module that was fetched before."""
    return [json.loads(path.read_text()) for path in paths(files)]


def paths(files: Files) -> list[Path]:
    """Return a file for each manifest of a module that was fetched before."""
    return sorted(folder(files).glob("*.json"))


def fetch(go: Go, files: Files) -> None:
    """Download a module into Go's module cache and keep its manifests, unless they are there.

    Raises EnvironmentTrouble where the module is not the pinned one, or has none of the files.
    """
    target = folder(files)
    if cache.finished(target):
        return
    record = go.download(files.module, files.version, cache.root())
    if record["Sum"] != files.sum:
        raise EnvironmentTrouble(
            f"{files.module} {files.version} has the hash {record['Sum']}, and {files.sum} is pinned in "
            "local/toolchain/catalog.py. Do not use it; find out which of the two is wrong."
        )
    source = Path(record["Dir"])
    found = [path for pattern in files.patterns for path in sorted(source.glob(pattern))]
    if not found:
        raise EnvironmentTrouble(f"{files.module} {files.version} has none of {', '.join(files.patterns)}")
    with cache.making(target) as partial:
        for path in found:
            for document in yaml.load_all(path.read_text(), Loader=_Loader):
                if document is not None:
                    name = f"{document['kind']}-{document['metadata']['name']}.json"
                    (partial / name).write_text(json.dumps(document))


class _Loader(yaml.CSafeLoader):
    """PyYAML's C loader, for which a lone ``=`` is a string, as it is for every Kubernetes tool."""


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    del loader
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:value", _text)
