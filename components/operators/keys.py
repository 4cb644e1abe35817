"""List the value keys of a chart: the facts that the catalogue's values are compared with.

    python -m components.operators.keys <folder of an unpacked chart> [version]

writes `charts/<chart>.txt` beside this module. The version is for a chart whose folder has a placeholder in its
place. A listing begins with the chart's name and version. Then comes a line for each key that the chart's
`values.yaml` has or a template names, indented by one space below the key that holds it. A key that ends with `*`
is open: anything may stand below it, because the chart gives it no keys of its own (an empty map, a list, nothing
at all, a chart that it depends on), or because a template hands it on whole (`toYaml`). A top-level key that no
template reads is left out, unless a chart that it depends on reads it.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KeyPath: TypeAlias = tuple[str, ...]

FOLDER: Final = Path(__file__).parent / "charts"
"""Where the listings are, one file a chart."""
_TEMPLATES: Final = ("*.yaml", "*.yml", "*.tpl", "*.txt", "*.json")
_PATH: Final = r"\.Values((?:\.[A-Za-z0-9_]+)+)"
_NAMED: Final = re.compile(_PATH)
_INDEXED: Final = re.compile(r"index\s+\$?\.Values\s+\"([A-Za-z0-9_-]+)\"")
_DUG: Final = re.compile(r"dig((?:\s+\"[A-Za-z0-9_-]*\")+)\s+\$?" + _PATH)
_WHOLE: Final = re.compile(rf"toYaml\s+\(?\$?{_PATH}|{_PATH}\s*\|\s*toYaml")
_REST: Final = re.compile(rf"(?::=|with)\s*\(?\s*omit\s+\$?{_PATH}")
"""All of a value but some keys, under a name of its own."""
_BLOCK: Final = re.compile(
    rf"with\s+\$?{_PATH}\s*-?}}}}[^{{]{{0,120}}{{{{-?\s*(?:tpl\s+\(\s*)?(?:toYaml\s+\.|\.\s*\|\s*toYaml"
    r"|omit\s+\.\s+\"[^\"]*\"\s*\|\s*toYaml)"
)
"""`with` a value, and then the whole of it at once."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The value keys that one version of a chart reads."""

    chart: str
    version: str
    closed: frozenset[KeyPath]
    """Keys with a value or with keys of their own."""
    open: frozenset[KeyPath]
    """Keys below which anything may stand."""

    def reads(self, path: KeyPath) -> bool:
        """Say whether the chart reads the key at `path`, itself or as part of an open one."""
        return path in self.closed or any(path[:depth] in self.open for depth in range(1, len(path) + 1))


def listing_of(chart: Path, version: str = "") -> str:
    """Return the listing of an unpacked chart; raises OSError or `ValueError` where the folder holds none."""
    about = _mapping(chart / "Chart.yaml")
    values = _mapping(chart / "values.yaml")
    needs: list[dict[str, Any]] = about.get("dependencies") or []
    needed = {str(one.get("alias") or one["name"]) for one in needs}
    named, whole = _read_by_templates(chart)
    used = {path[0] for path in named} | needed | {"global"}
    tree = {str(key): value for key, value in values.items() if key in used}
    for path in sorted(named):
        _add(tree, path)
    for path in sorted(whole):
        _open(tree, path)
    tree |= dict.fromkeys(needed)
    return "\n".join([f"{about['name']} {version or about['version']}", *_lines(tree, 0)]) + "\n"


def load(chart: str) -> Listing:
    """Return the committed listing of a chart; raises OSError where there is none."""
    first, *lines = (FOLDER / f"{chart}.txt").read_text(encoding="utf-8").splitlines()
    name, version = first.split(" ")
    closed: set[KeyPath] = set()
    opened: set[KeyPath] = set()
    above: KeyPath = ()
    for line in lines:
        key = line.lstrip(" ")
        above = (*above[: len(line) - len(key)], key.removesuffix(" *"))
        (opened if key.endswith(" *") else closed).add(above)
    return Listing(chart=name, version=version, closed=frozenset(closed), open=frozenset(opened))


def paths_of(values: Mapping[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key that `values` sets to something else than a map of more keys."""
    for key, value in values.items():
        path = (*above, str(key))
        if isinstance(value, dict) and value:
            yield from paths_of(cast("dict[str, Any]", value), path)
        else:
            yield path


def _lines(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key in sorted(tree):
        value = tree[key]
        if value is None or value == {} or isinstance(value, list):
            yield f"{' ' * depth}{key} *"
            continue
        yield f"{' ' * depth}{key}"
        if isinstance(value, dict):
            below = cast("dict[Any, Any]", value)
            yield from _lines({str(name): each for name, each in below.items()}, depth + 1)


def _read_by_templates(chart: Path) -> tuple[set[KeyPath], set[KeyPath]]:
    """Return the paths that templates name, and those that they hand on whole."""
    named: set[KeyPath] = set()
    whole: set[KeyPath] = set()
    files = [file for pattern in _TEMPLATES for file in (chart / "templates").rglob(pattern)]
    for file in [*files, chart / "values.yaml"]:  # some values are templates themselves
        text = file.read_text(encoding="utf-8")
        named |= {_parts(path) for path in _NAMED.findall(text)}
        named |= {(name,) for name in _INDEXED.findall(text)}
        for keys, path in _DUG.findall(text):
            *dug, _default = re.findall(r"\"([^\"]*)\"", keys)
            named.add((*_parts(path), *dug))
        whole |= {_parts(one or other) for one, other in _WHOLE.findall(text)}
        whole |= {_parts(path) for path in (*_BLOCK.findall(text), *_REST.findall(text))}
    return named, whole


def _parts(path: str) -> KeyPath:
    return tuple(path.removeprefix(".").split("."))


def _add(tree: dict[str, Any], path: KeyPath) -> None:
    """Add a key that a template names; below an open one it may stand anyway."""
    for depth, key in enumerate(path):
        if key not in tree:
            tree[key] = "" if depth == len(path) - 1 else {}
            if depth < len(path) - 1:
                _add(tree[key], path[depth + 1 :])
            return
        if not tree[key] or not isinstance(tree[key], dict):
            return
        tree = tree[key]


def _open(tree: dict[str, Any], path: KeyPath) -> None:
    for key in path[:-1]:
        below = tree.get(key)
        if not below or not isinstance(below, dict):
            return
        tree = cast("dict[str, Any]", below)
    if isinstance(tree.get(path[-1]), dict):
        tree[path[-1]] = None


def _mapping(file: Path) -> dict[str, Any]:
    data: dict[str, Any] | None = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not data:
        raise ValueError(f"{file} is empty: this is no folder of a chart")
    return data


def main(arguments: list[str]) -> None:
    """Write the listing of the chart in the folder that is named first."""
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    text = listing_of(Path(arguments[0]), *arguments[1:])
    target = FOLDER / f"{text.split(' ', 1)[0]}.txt"
    target.write_text(text, encoding="utf-8")
    print(target)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
