"""The files of a folder in which each file describes one thing and is named after it."""

from pathlib import Path

from spec.loader import name_of
from spec.problems import Problem, printable


def files_in(root: Path, folder: str) -> tuple[list[Path], list[Problem]]:
    """Return the YAML files of a folder of the project in the order of their names, and what is overlooked there.

    Raises:
        OSError: the folder cannot be read.

    """
    paths: list[Path] = []
    problems: list[Problem] = []
    for path in sorted((root / folder).iterdir()):
        if path.name.startswith("."):  # of editors
            continue
        if path.suffix == ".yaml":
            paths.append(path)
        elif path.suffix.lower() in {".yml", ".yaml", ".json"}:
            fix = f"rename it to {printable(path.stem)}.yaml"
            message = "does not end in .yaml, so it would be overlooked"
            problems.append(Problem(file=name_of(path, root), message=message, fix=fix))
    return paths, problems
