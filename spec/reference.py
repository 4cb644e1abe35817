"""The reference of a stack file's fields, from the models' own words. ``python -m spec.reference`` writes it anew."""

import json
import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from spec.environment import EnvironmentSpec

PAGE: Final = Path("docs/reference/environment-spec.md")
"""Where the reference stands in the project."""
_HEAD: Final = """\
# The environment spec

What stands under `storefleet:environment` in `stacks/Pulumi.<environment>.yaml`. A field that is left out has its
default; an unknown one is refused with the name that was probably meant. This page is written by
`python -m spec.reference`.
"""


def page() -> str:
    """Return the whole page: a table for each model, the environment first."""
    schema = EnvironmentSpec.model_json_schema()
    definitions: Mapping[str, Any] = schema["$defs"]
    models = {"EnvironmentSpec": schema, **definitions}
    shown = {name: model for name, model in models.items() if model.get("properties")}
    return "\n".join(
        [_HEAD, *("\n".join(_table(name, model, shown)) + "\n" for name, model in shown.items())]
    )


def _table(name: str, model: Mapping[str, Any], shown: Container[str]) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield str(model.get("description", "")).split("\n\n", maxsplit=1)[0].replace("\n", " ")
    yield ""
    yield "| field | default | what it is |"
    yield "|---|---|---|"
    required = set(cast("list[str]", model.get("required", [])))
    for field, about in cast("dict[str, dict[str, Any]]", model["properties"]).items():
        default = "required" if field in required else _default(about)
        text = str(about.get("description", "")).replace("\n", " ").replace("|", "\\|")
        yield f"| `{field}` | {default} | {text} {_others(about, shown)}|"


def _default(about: Mapping[str, Any]) -> str:
    if "default" not in about:
        return "see there"
    value = about["default"]
    if isinstance(value, dict):
        return "its own defaults"
    return f"`{json.dumps(value)}`"


def _others(about: Mapping[str, Any], shown: Container[str]) -> str:
    """Return the names of the models that a field holds, as links to their tables."""
    text = json.dumps(about)
    names = sorted({piece.split('"', 1)[0] for piece in text.split("#/$defs/")[1:]})
    return "".join(f"[{name}](#{name.lower()}) " for name in names if name in shown)


def main() -> None:
    """Write the page into the project that the command runs in."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")


if __name__ == "__main__":
    main()
