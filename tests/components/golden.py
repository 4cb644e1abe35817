"""Comparison with committed files; `UPDATE_GOLDEN=1 pytest tests/components` writes them anew."""

import os
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from components.manifests import KubeObject

FOLDER = Path(__file__).parent.parent / "golden"


def check_golden(name: str, text: str, consequence: str) -> None:
    """Fail when `text` differs from the committed file; `consequence` says what a difference means."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == expected, (
        f"{path.name} differs: {consequence} If it is meant: UPDATE_GOLDEN=1, and review."
    )


class _Plain(yaml.SafeDumper):
    """Writes a part that occurs twice twice: anchors are for programs."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(objects: Iterable[KubeObject], reasons: Iterable[str] = ()) -> str:
    """Write planned objects as people read them: each with its key and its reason above it."""
    documents = "".join(
        "---\n"
        + _comment(f"{one.key}{' (protected)' if one.protect else ''}: {one.why}")
        + yaml.dump(dict(one.manifest), Dumper=_Plain, sort_keys=False, width=110)
        for one in objects
    )
    return "".join(_comment(reason) for reason in reasons) + documents


def _comment(text: str) -> str:
    return textwrap.fill(text, 110, initial_indent="# ", subsequent_indent="#   ") + "\n"
