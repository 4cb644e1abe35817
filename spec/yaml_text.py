"""Reading YAML that people write: small, plain, without surprises, and with the line of every value.

It is the core of YAML 1.2 and no more: ``NO`` is the text NO (a country), not false; 12:30 is text, not a
number of seconds; a date is text until a field asks for a date. What only tricks need (anchors, aliases,
tags, several documents, nesting without end) is refused, and so is a key that stands twice.
"""

import re
from pathlib import Path
from typing import Any, Final, cast

import yaml

from spec.problems import Problem, SpecError, printable, shown

SIZE_LIMIT: Final = 256 * 1024
"""Largest file that is read, in bytes; a file of a person is some hundred times smaller."""
DEPTH_LIMIT: Final = 20

Location = tuple[str | int, ...]

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}\Z", re.ASCII)
_CONSTANTS: Final = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def read_text(path: Path, file: str, hint: str = "") -> str:
    """Return the text of a file.

    Args:
        path: the file.
        file: what messages call it.
        hint: how to fix its absence.

    Raises:
        SpecError: the file is missing, not a plain file, unreadable, too large or not UTF-8.

    """
    try:
        if not path.is_file():
            message = "is not a plain file" if path.exists() else "there is no such file"
            raise SpecError([Problem(file=file, message=message, fix=hint)])
        with path.open("rb") as stream:
            content = stream.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name is not a path"
        message = f"cannot be read: {reason}"
        raise SpecError([Problem(file=file, message=message)]) from None
    if len(content) > SIZE_LIMIT:
        allowed = f"at most {SIZE_LIMIT // 1024} KiB"
        raise SpecError(
            [Problem(file=file, message="is too large to be written by a person", allowed=allowed)]
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte {content[error.start]:#04x} is not part of a character"
        raise SpecError([Problem(file=file, line=line, message=message, fix="save it as UTF-8")]) from None


def parse(text: str, file: str) -> dict[str, Any]:
    """Return the mapping that a YAML text holds.

    Raises:
        SpecError: it is not YAML, not one mapping, or uses what is refused above.

    """
    return _Reader(file).read(text)


def line_numbers(text: str, file: str) -> dict[Location, int]:
    """Return the line, counted from 1, of every key and item of a text that ``parse`` accepted."""
    reader = _Reader(file, lines={})
    reader.read(text)
    return reader.lines or {}


class _Reader:
    """Builds plain values from the parser's events, without recursion."""

    def __init__(self, file: str, lines: dict[Location, int] | None = None) -> None:
        self.file = file
        self.lines = lines
        self._open: list[dict[str, object] | list[object]] = []
        self._keys: list[str | None] = []
        self._documents = 0
        self._root: object = None

    def read(self, text: str) -> dict[str, Any]:
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            said = printable(" ".join(part for part in (error.context, error.problem) if part))
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else None
            tab = line is not None and "\t" in "".join(text.split("\n")[line - 1 : line])
            fix = (
                "indent with spaces, not tabs"
                if tab
                else "check indentation, colons and quotes around this line"
            )
            raise self._refusal(f"is not YAML: {said}", line, fix) from None
        except yaml.YAMLError as error:
            said = printable(str(error).partition("\n")[0])
            raise self._refusal(f"is not YAML: {said}", None) from None
        root = self._root
        if not isinstance(root, dict):
            message = "is empty" if root is None else f"holds {shown(root)} instead of fields"
            raise SpecError([Problem(file=self.file, message=message, allowed="lines such as country: FR")])
        return cast("dict[str, Any]", root)

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._start({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._start([], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
            if self._keys:
                self._keys[-1] = None
        elif isinstance(event, yaml.AliasEvent):
            raise self._refusal("uses an alias (*)", _line_of(event), "write the value out, or quote it")
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                fix = "one file holds one document: remove the line ---"
                raise self._refusal("holds a second document", _line_of(event), fix)

    def _refuse_tricks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            raise self._refusal("uses an anchor (&)", _line_of(event), "write the value out, or quote it")
        if event.tag is not None:
            raise self._refusal("uses a tag (!)", _line_of(event), "remove it, or quote the value")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tricks(event)
        text = event.value
        quoted = not event.implicit[0]
        if self._awaits_key():
            self._key(text, event)
        elif quoted:
            self._add(text, event)
        elif text in _CONSTANTS:
            self._add(_CONSTANTS[text], event)
        elif _INTEGER.match(text):
            self._add(int(text), event)
        else:
            self._add(float(text) if _DECIMAL.match(text) else text, event)

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._keys[-1] is None and isinstance(self._open[-1], dict)

    def _key(self, key: str, event: yaml.Event) -> None:
        if key in self._open[-1]:
            fix = "keep one of the two"
            raise self._refusal(f"the key {shown(key)} stands twice", _line_of(event), fix)
        self._keys[-1] = key
        if self.lines is not None:
            self.lines[self._location()] = _line_of(event)

    def _start(self, value: dict[str, object] | list[object], event: yaml.CollectionStartEvent) -> None:
        self._refuse_tricks(event)
        if self._awaits_key():
            raise self._refusal("a key is a list or a mapping", _line_of(event), "quote the key")
        if len(self._open) >= DEPTH_LIMIT:
            raise self._refusal(f"is nested more than {DEPTH_LIMIT} levels deep", _line_of(event))
        self._add(value, event)
        self._open.append(value)
        self._keys.append(None)

    def _add(self, value: object, event: yaml.Event) -> None:
        if not self._open:
            self._root = value
            return
        holder, key = self._open[-1], self._keys[-1]
        if isinstance(holder, list):
            holder.append(value)
            if self.lines is not None:
                self.lines[self._location()] = _line_of(event)
        elif key is not None:
            holder[key] = value
            # The key of a list or mapping is kept until that ends: it is part of the way to what is inside.
            self._keys[-1] = key if isinstance(value, dict | list) else None

    def _location(self) -> Location:
        parts = zip(self._open, self._keys, strict=True)
        return tuple(len(holder) - 1 if key is None else key for holder, key in parts)

    def _refusal(self, message: str, line: int | None, fix: str = "") -> SpecError:
        return SpecError([Problem(file=self.file, line=line, message=message, fix=fix)])


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
