"""Loading one tenant file, or the environment of a stack file."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from pydantic import ValidationError

from spec.environment import EnvironmentSpec
from spec.explain import field_path, problems_of
from spec.model import SpecModel
from spec.problems import Problem, SpecError, closest, either, name_shown, printable, shown
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName
from spec.yaml_text import Location, line_numbers, parse, read_text

CONFIG_KEY: Final = "storefleet:environment"
"""Where a stack file holds the environment, under ``config``."""

Model = TypeVar("Model", bound=SpecModel)

_ABSENT: Final = {
    "config": f"add config: and, under it, {CONFIG_KEY}:",
    CONFIG_KEY: f"add {CONFIG_KEY}: and, under it, cluster, cluster_networks and cells",
}


def load_tenant(path: Path, root: Path | None = None) -> TenantSpec:
    """Load a tenant from its file; the name of the file is its id.

    Args:
        path: the file, ``<id>.yaml``.
        root: the project; messages show the path relative to it.

    Raises:
        SpecError: everything that is wrong with the file.

    """
    file = name_of(path, root)
    return tenant_of(read_text(path, file), path.stem, file)


def tenant_of(content: str | Mapping[str, Any], tenant_id: str, file: str) -> TenantSpec:
    """Return a tenant from the content of its file, as text or as what the text says.

    Raises:
        SpecError: everything that is wrong with it.

    """
    fix = "remove the line; to change the id, rename the file before the tenant exists"
    return named(TenantSpec, content, tenant_id, file, fix=fix)


def named(
    model: type[Model],
    content: str | Mapping[str, Any],
    name: str,
    file: str,
    *,
    given: str = "id",
    holder: str = "file",
    fix: str = "remove the line",
) -> Model:
    """Return what a file says, as a model one field of which is the name of the file.

    Args:
        model: the model.
        content: the content of the file, as text or as what the text says.
        name: the name of the file, without its ending; or of its folder.
        file: what messages call it.
        given: the field that the name is for.
        holder: what is named: the file, or its folder.
        fix: what to do about a file that states the name inside.

    Raises:
        SpecError: everything that is wrong with it.

    """
    text = content if isinstance(content, str) else ""
    data = parse(text, file) if isinstance(content, str) else dict(content)
    if given in data:
        line = line_numbers(text, file).get((given,)) if text else None
        message = f"is not written in the file: the name of the {holder} is the {given}"
        raise SpecError([Problem(file=file, field=given, line=line, message=message, fix=fix)])
    try:
        return model.model_validate({**data, given: name})
    except ValidationError as error:
        lines = line_numbers(text, file) if text else {}
        problems = problems_of(error, model, {**data, given: name}, file, lines=lines, given=given)
        raise SpecError(_of_the_name(problem, given, holder) for problem in problems) from None


def load_environment(
    source: Path | Mapping[str, Any], name: str, root: Path | None = None
) -> EnvironmentSpec:
    """Load an environment from its stack file, or from the value of ``storefleet:environment`` alone.

    Args:
        source: the stack file ``Pulumi.<name>.yaml``, or the mapping that the engine took from it.
        name: the environment, which is also the name of the stack.
        root: the project; messages show the path relative to it.

    Raises:
        SpecError: everything that is wrong with it.

    """
    environment_name = _environment_name(name)
    if isinstance(source, Path):
        file = name_of(source, root)
        text = read_text(source, file, hint=_ABSENT["config"])
        data = _environment_of(parse(text, file), file)
        lines = {
            location[2:]: line
            for location, line in line_numbers(text, file).items()
            if location[:2] == ("config", CONFIG_KEY) and len(location) > 2  # noqa: PLR2004
        }
    else:
        file, data, lines = f"stacks/Pulumi.{environment_name}.yaml", dict(source), dict[Location, int]()
    if "name" in data:
        message = "is not written in the file: the name of the stack is the environment"
        problem = Problem(
            file=file, field="name", line=lines.get(("name",)), message=message, fix="remove the line"
        )
        raise SpecError([problem])
    content = {**data, "name": environment_name}
    try:
        return EnvironmentSpec.model_validate(content)
    except ValidationError as error:
        raise SpecError(
            problems_of(error, EnvironmentSpec, content, file, lines=lines, given="name")
        ) from None


def name_of(path: Path, root: Path | None) -> str:
    """Return what messages call a file: its path relative to the project when it is inside it."""
    if root is not None and path.is_relative_to(root):
        path = path.relative_to(root)
    return printable(path.as_posix())


def located(problems: Iterable[Problem], root: Path) -> list[Problem]:
    """Return the problems of a project's files in the order of files and lines, with the lines filled in.

    The checks between files do not carry lines along: finding them again costs something only when there is
    a problem.
    """
    lines: dict[str, dict[str, int]] = {}
    found: list[Problem] = []
    for problem in problems:
        line = problem.line
        if line is None and problem.field:
            if problem.file not in lines:
                lines[problem.file] = _lines_by_field(root / problem.file, problem.file)
            line = lines[problem.file].get(problem.field)
        found.append(replace(problem, line=line))
    return sorted(found, key=lambda problem: (problem.file, problem.line or 0))


def _lines_by_field(path: Path, file: str) -> dict[str, int]:
    try:
        numbers = line_numbers(read_text(path, file), file)
    except SpecError:
        return {}
    prefix = ("config", CONFIG_KEY)
    return {
        field_path(location[2:] if location[:2] == prefix else location): line
        for location, line in numbers.items()
    }


def _of_the_name(problem: Problem, given: str, holder: str) -> Problem:
    if problem.field != given:
        return problem
    return Problem(
        file=problem.file,
        value=problem.value,
        message=f"the name of the {holder} {problem.message}",
        allowed=problem.allowed,
        fix=problem.fix.replace("write ", "rename it to ") + ".yaml"
        if problem.fix.startswith("write ")
        else problem.fix,
    )


def _environment_name(name: str) -> EnvironmentName:
    if name in set(EnvironmentName):
        return EnvironmentName(name)
    known = [each.value for each in EnvironmentName]
    nearest = closest(name, known)
    raise SpecError(
        [
            Problem(
                file=f"stacks/Pulumi.{printable(name[:80])}.yaml",
                message="there is no environment of this name",
                value=shown(name),
                allowed=either(known),
                fix=f"did you mean {nearest}?" if nearest else "",
            )
        ]
    )


def _environment_of(stack: Mapping[str, Any], file: str) -> dict[str, Any]:
    config = _mapping(stack, "config", "config", file)
    return _mapping(config, CONFIG_KEY, f"config.{CONFIG_KEY}", file)


def _mapping(holder: Mapping[str, Any], key: str, field: str, file: str) -> dict[str, Any]:
    found = holder.get(key)
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    if found is None:
        nearest = closest(key, holder)
        fix = f"rename {name_shown(nearest)} to {key}" if nearest else _ABSENT[key]
        problem = Problem(file=file, field=field, message="is missing", fix=fix)
    else:
        message = "is not a mapping: fields under it, indented"
        problem = Problem(file=file, field=field, value=shown(found), message=message)
    raise SpecError([problem])
