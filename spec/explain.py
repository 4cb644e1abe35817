"""From the errors of the models to problems that people can act on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spec.problems import Problem, closest, either, name_shown, printable, shown
from spec.yaml_text import Location

_WANTED: Final = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "list": "a list, each item on its own line after a dash",
    "tuple": "a list, each item on its own line after a dash",
    "dict": "a mapping: fields under it, indented",
    "model": "a mapping: fields under it, indented",
}
"""By the beginning of Pydantic's name for the error: what would have been right."""

_BOUNDS: Final = {
    "greater_than_equal": ("is too small", "at least {ge}"),
    "less_than_equal": ("is too large", "at most {le}"),
    "too_short": ("has too few items", "at least {min_length}"),
    "too_long": ("has too many items", "at most {max_length}"),
}

_TEXT_IN_QUOTES: Final = "put quotes around it"
_LIST_TAG: Final = "list"
_UNION_TAGS: Final = frozenset({"all", _LIST_TAG})


@dataclass(frozen=True)
class _Place:
    """Where one error stands: in the models, in the data, and for the reader."""

    model: type[BaseModel]
    loc: Location
    location: Location
    input: object

    @property
    def last(self) -> str:
        return str(self.location[-1]) if self.location else ""

    @property
    def value(self) -> str:
        return shown(self.input, self.last)


@dataclass(frozen=True)
class _Finding:
    message: str
    value: str = ""
    allowed: str = ""
    fix: str = ""


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    data: Mapping[str, Any],
    file: str,
    *,
    lines: Mapping[Location, int],
    given: str,
) -> list[Problem]:
    """Return one problem for each mistake, in the order of the lines.

    Args:
        error: what validating ``data`` as ``model`` raised.
        model: the model.
        data: what was validated.
        file: what messages call the file.
        lines: the line of each key and item, where known.
        given: the field that does not come from the file: nobody is told to write it.

    """
    errors = error.errors(include_url=False)
    missing = {each["loc"] for each in errors if each["type"] == "missing"}
    found = {
        each["loc"]: _misspelt(model, each["loc"], missing, given) for each in errors if _is_unknown(each)
    }
    problems: list[Problem] = []
    for each in errors:
        loc = (*each["loc"], *_further(each))
        if _is_echo(each) or loc in found.values():
            continue
        place = _Place(model, loc, _in_data(loc, data), each["input"])
        finding = _unknown_key(place, found[loc], given) if loc in found else _find(place, each)
        problem = Problem(
            file=file,
            line=_line_of(place.location, lines),
            field=field_path(place.location),
            message=finding.message,
            value=finding.value,
            allowed=finding.allowed,
            fix=finding.fix,
        )
        problems.append(problem)
    return sorted(problems, key=lambda problem: problem.line or 0)


def field_path(location: Location) -> str:
    """Write a location as people do: ``domains[1]``, ``cells.eu-1.tier``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + name_shown(part)
    return path


def _is_echo(error: ErrorDetails) -> bool:
    """Say whether an error only follows from another: a list is short because its items are wrong."""
    if error["type"] == "too_short":
        written = error["input"]
        return isinstance(written, Sequence) and len(cast("Sequence[object]", written)) > 0
    return error["type"] == "default_factory_not_called"


def _find(place: _Place, error: ErrorDetails) -> _Finding:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "refusal":
        value = "" if isinstance(place.input, Mapping | BaseModel) else place.value
        return _Finding(context["message"], value, context["allowed"], context["fix"])
    if kind == "missing":
        return _Finding("is missing", "", _help(place), f"add a line {printable(place.last)}: ...")
    if kind == "union_tag_not_found":
        return _no_tag(place)
    if kind in {"enum", "literal_error"}:
        return _choice(place, place.input, context["expected"])
    if kind == "union_tag_invalid":
        return _choice(place, context["tag"], context["expected_tags"])
    return _wrong_value(place, error)


def _no_tag(place: _Place) -> _Finding:
    tags = {str(tag) for each in _models_at(place.model, place.loc[:-1]) for tag in _tags(each)}
    return _Finding("is missing", "", either(sorted(tags)), f"add a line {place.last}: ...")


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _misspelt(model: type[BaseModel], loc: Location, missing: set[Location], given: str) -> Location | None:
    """Return where the field stands that an unknown key probably means, rather one that is missing."""
    parent = loc[:-1]
    absent = [str(each[-1]) for each in missing if each[:-1] == parent]
    meant = closest(loc[-1], absent) or closest(loc[-1], _keys_at(model, parent, given))
    return (*parent, meant) if meant else None


def _keys_at(model: type[BaseModel], loc: Location, given: str) -> list[str]:
    keys = {key for each in _models_at(model, loc) for key in each.model_fields}
    return sorted(keys if loc else keys - {given})


def _further(error: ErrorDetails) -> Location:
    """Return the way from where the error was raised to the field that it is about."""
    context = error.get("ctx", {})
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return (str(context["discriminator"]).strip("'"),)
    return context.get("at", ())


def _unknown_key(place: _Place, meant: Location | None, given: str) -> _Finding:
    if meant:
        return _Finding("is not a known key", fix=f"did you mean {meant[-1]}?")
    keys = _keys_at(place.model, place.loc[:-1], given)
    return _Finding("is not a known key", allowed=either(keys), fix="remove it")


def _choice(place: _Place, written: object, expected: str) -> _Finding:
    choices = [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",")]
    nearest = closest(written, choices)
    fix = f"did you mean {nearest}?" if nearest else ""
    allowed = either(choices) if len(choices) > 1 else _help(place)
    return _Finding("is not one of the choices", shown(written, place.last), allowed, fix)


def _wrong_value(place: _Place, error: ErrorDetails) -> _Finding:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        message, bound = _BOUNDS[kind]
        return _Finding(message, place.value, bound.format(**context))
    return _wrong_type(place, error)


def _wrong_type(place: _Place, error: ErrorDetails) -> _Finding:
    kind, written = error["type"], place.input
    wanted = next((words for prefix, words in _WANTED.items() if kind.startswith(prefix)), "")
    if not wanted:
        return _Finding(printable(error["msg"][:1].lower() + error["msg"][1:]), place.value, _help(place))
    fix = ""
    if wanted == "text" and isinstance(written, bool | int | float):
        fix = _TEXT_IN_QUOTES
    elif "number" in wanted and isinstance(written, str) and written.isdecimal():
        fix = "remove the quotes"
    elif "list" in wanted and isinstance(written, str):
        fix = "write it on the next line, after a dash"
    return _Finding(f"is not {wanted}", place.value, _help(place), fix)


def _line_of(location: Location, lines: Mapping[Location, int]) -> int | None:
    beginnings = (location[:length] for length in range(len(location), 0, -1))
    return next((lines[beginning] for beginning in beginnings if beginning in lines), None)


def _in_data(loc: Location, data: object) -> Location:
    """Drop from a model's location what is not in the data: the tags of unions and the marks of keys."""
    location: list[str | int] = []
    for place, part in enumerate(loc):
        ends = place == len(loc) - 1
        if isinstance(data, Mapping):
            holder = cast("Mapping[str | int, object]", data)
            if part == "[key]" and part not in holder:
                break
            if part not in holder and (not ends or _is_tag(part, holder)):
                continue
            data = holder.get(part)
        elif isinstance(data, list | tuple) and isinstance(part, int):
            data = cast("Sequence[object]", data)[part]
        elif part in _UNION_TAGS or not ends:
            continue
        location.append(part)
    return tuple(location)


def _is_tag(part: str | int, holder: Mapping[str | int, object]) -> bool:
    """Say whether the end of a location only names which member of a union the data are."""
    return part in [value for value in holder.values() if isinstance(value, str)]


def _models_at(model: type[BaseModel], loc: Location) -> list[type[BaseModel]]:
    models = [model]
    for part in loc:
        holders = [each for each in models if part in each.model_fields]
        tagged = [each for each in models if part in _tags(each)]
        if holders:
            models = [
                inner for each in holders for inner in _models_in(each.model_fields[str(part)].annotation)
            ]
        elif tagged:
            models = tagged
    return models


def _tags(model: type[BaseModel]) -> set[object]:
    """Return what tells a model of a union from the others; a field with several choices does not."""
    return {
        get_args(info.annotation)[0]
        for info in model.model_fields.values()
        if get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1
    }


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _help(place: _Place) -> str:
    names = [
        index for index, part in enumerate(place.loc) if isinstance(part, str) and part not in _UNION_TAGS
    ]
    if not names:
        return ""
    name = place.loc[names[-1]]
    for holder in _models_at(place.model, place.loc[: names[-1]]):
        info = holder.model_fields.get(str(name))
        if info is not None and info.description:
            words = " ".join(info.description.split()).rstrip(".")
            return words if words[1:2].isupper() else words[:1].lower() + words[1:]
    return ""
