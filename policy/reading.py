"""Reading what a resource says when a part of it may be absent or not yet known.

At preview a value may be unknown until something else has been created. It stands in the properties as an
`Unknown` that says where it is. The functions here raise `UnknownValue` when they meet one on their way, and
only then: an unknown value that a rule does not need never keeps it from judging the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard


@dataclass(frozen=True)
class Unknown:
    """Stands for a value that preview cannot know; `path` says where, such as `spec.replicas`."""

    path: str


class UnknownValue(Exception):  # noqa: N818 - not an error: the rule decides later, when the value is known
    """A rule needed a value that preview cannot know."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known yet")
        self.path = path


def is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a value is an object with named fields."""
    # Rules read plain values, nearly always: the test for what only behaves like one is slow.
    return isinstance(value, dict) or isinstance(value, Mapping)  # noqa: SIM101


def is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value is a list; a text is not."""
    return isinstance(value, list) or (isinstance(value, Sequence) and not isinstance(value, (str, bytes)))


def known(value: object) -> object:
    """Return the value.

    Raises:
        UnknownValue: it is unknown.

    """
    if isinstance(value, Unknown):
        raise UnknownValue(value.path)
    return value


def field(node: object, *keys: str) -> object:
    """Return what stands at the keys, or None when any of them is absent.

    Raises:
        UnknownValue: the value, or something on the way to it, is unknown.

    """
    current = known(node)
    for key in keys:
        if not is_mapping(current):
            return None
        current = known(current.get(key))
    return current


def mapping(node: object, *keys: str) -> Mapping[str, object]:
    """Like `field`, for an object; empty when absent."""
    found = field(node, *keys)
    return found if is_mapping(found) else {}


def sequence(node: object, *keys: str) -> Sequence[object]:
    """Like `field`, for a list; empty when absent. Its items may be unknown."""
    found = field(node, *keys)
    return found if is_sequence(found) else ()


def text(node: object, *keys: str) -> str | None:
    """Like `field`, for a text; None when absent or of another type."""
    found = field(node, *keys)
    return found if isinstance(found, str) else None


def strings(node: object, path: str = "") -> Iterator[tuple[str, str] | Unknown]:
    """Every text at any depth with its path, and every value that is not known yet."""
    if isinstance(node, Unknown):
        yield node
    elif isinstance(node, str):
        yield path, node
    elif is_mapping(node):
        for key, value in node.items():
            yield from strings(value, f"{path}.{key}" if path else key)
    elif is_sequence(node):
        for index, value in enumerate(node):
            yield from strings(value, f"{path}[{index}]")
