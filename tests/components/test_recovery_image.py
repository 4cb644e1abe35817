"""The image of the recovery jobs holds what their command imports: it would end at its first line otherwise."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "recovery" / "image" / "Dockerfile"
PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}


def copied():
    lines = re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return {source for source, target in lines if source == target}


def file_of(module):
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


@cache
def named_in(path):
    """Every module that a file may import, wherever in it: what is imported late is missing late."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return {one for one in found if one.split(".")[0] in PACKAGES}


def reached(*starts):
    waiting, seen = [*starts], {}
    while waiting:
        module = waiting.pop()
        path = file_of(module)
        if path is None or module in seen:
            continue
        seen[module] = path
        parts = module.split(".")
        waiting += named_in(path)
        waiting += [".".join(parts[:depth]) for depth in range(1, len(parts))]
    return seen


def test_the_image_has_every_package_that_the_command_may_import():
    modules = reached("cli.main", "cli.__main__")
    assert len(modules) > 100, "the walk found next to nothing: it would pass whatever the image holds"
    missing = {module.split(".")[0] for module in modules} - copied()
    assert not missing, f"the jobs would end with ModuleNotFoundError: COPY {', '.join(sorted(missing))}"


def test_the_image_has_nothing_that_is_not_there():
    for source in copied():
        assert (ROOT / source).exists(), f"the build would end at COPY {source}"


def test_no_secret_and_no_state_is_copied():
    assert not {"stacks", "tenants", ".storefleet", "."} & copied()
