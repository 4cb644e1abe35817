"""What is wrong with what somebody wrote, as they read it: the place, the value, what is allowed, the fix."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic_core import PydanticCustomError

SHOWN_PROBLEMS: Final = 20
"""A message lists at most this many problems: more than that nobody reads."""

_SHOWN_CHARACTERS: Final = 60
_NOT_SHOWN: Final = "(not shown: it looks like a secret)"

_SECRET_NAME: Final = re.compile(
    r"passw|pwd|secret|token|api.?key|access.?key|private.?key|credential|authori[sz]ation|secure",
    re.IGNORECASE,
)
_SECRET_VALUE: Final = re.compile(
    r"-----BEGIN"  # a PEM block
    r"|://[^/\s:@]*:[^/\s@]+@"  # a URL with a password in it
    r"|\b(AKIA|ASIA)[0-9A-Z]{12,}"  # an AWS access key
    r"|\b(ghp|gho|ghs|glpat|xox[abp]|sk|pk|rk)[_-][\w-]{8,}"  # tokens of well-known services
    r"|\beyJ[\w-]{10,}"  # a JSON web token
    r"|AGE-SECRET-KEY-"  # the private half of a pair of age
    r"|\bv1:[A-Za-z0-9+/=]{8,}:"  # a value encrypted by Pulumi
    r"|(?=[A-Za-z0-9+/_-]*[0-9])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{28,}"
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake. ``str()`` gives the message that users see."""

    file: str
    """Path of the file, relative to the project when it is inside it."""
    message: str
    """What is wrong, as a clause without a full stop."""
    field: str = ""
    """Dotted path inside the file, such as ``domains[1]``; empty for the file as a whole."""
    value: str = ""
    """The offending value, ready to print (see ``shown``); empty when there is none."""
    allowed: str = ""
    """What would be accepted."""
    fix: str = ""
    """What to do about it."""
    line: int | None = None
    """Line in the file, counted from 1, where it is known."""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        lines = [": ".join(part for part in (place, self.field, self.message) if part)]
        details = (("value", self.value), ("allowed", self.allowed), ("fix", self.fix))
        lines += [f"  {name}: {text}" for name, text in details if text]
        return "\n".join(lines)


class SpecError(Exception):
    """One or more problems in what somebody wrote. Commands print it and end with exit code 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:SHOWN_PROBLEMS]]
        left = len(self.problems) - len(shown)
        if left:
            shown.append(f"... and {left} more; these come first in the order of the files")
        return "\n".join(shown)


def refusal(
    message: str, *, at: tuple[str | int, ...] = (), allowed: str = "", fix: str = ""
) -> PydanticCustomError:
    """Return the error for a validator to raise: its parts reach the user's message as they are.

    Args:
        message: what is wrong.
        at: for the validator of a whole model, the way from there to the field.
        allowed: what would be accepted.
        fix: what to do about it.

    """
    # The template must not be parsed for placeholders: the text may contain what the user wrote.
    return PydanticCustomError(
        "refusal", "{message}", {"message": message, "at": at, "allowed": allowed, "fix": fix}
    )


def closest(word: object, candidates: Iterable[str]) -> str | None:
    """Return the candidate that ``word`` is most likely a misspelling of, if any is near."""
    if not isinstance(word, str) or len(word) > _SHOWN_CHARACTERS:
        return None
    folded = {candidate.lower().replace("-", "_"): candidate for candidate in candidates}
    matches = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def suggestion(word: object, candidates: Iterable[str], otherwise: str = "") -> str:
    """Return ``did you mean <candidate>?`` for a near miss, else ``otherwise``."""
    nearest = closest(word, candidates)
    return f"did you mean {nearest}?" if nearest else otherwise


def printable(text: str) -> str:
    """Return ``text`` with everything that a terminal might act on, or cannot encode, escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def looks_secret(text: str) -> bool:
    """Say whether ``text`` has the shape of a password, key or token, and so must not be repeated."""
    return _SECRET_VALUE.search(text[:256]) is not None


def name_shown(name: str) -> str:
    """Return a key as a message may show it: cut to 80 characters, printable, and never a secret."""
    return "(not shown)" if looks_secret(name) else printable(name[:80])


def shown(value: object, name: str = "") -> str:
    """Return ``value`` as a message may show it: on one line, cut to 60 characters, and never a secret.

    Args:
        value: what the user wrote, as the YAML loader gave it.
        name: the field it stands in; a name such as ``db_password`` hides the value.

    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    if _SECRET_NAME.search(name) or looks_secret(text):
        return _NOT_SHOWN
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return f'"{printable(text)}"' if isinstance(value, str) else text


def either(words: Iterable[str]) -> str:
    """Join alternatives for a message: ``a, b or c``."""
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
