"""Telling credentials by the shape of the text around them.

Nothing marks a value as secret by the time a rule sees it, so names and forms decide. Functions here say
where a credential stands and never return it: what they return may be printed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_URL_WITH_PASSWORD: Final = re.compile(
    r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]*+://[^\s/?#:@]*:(?P<password>[^\s/?#@]+)@", re.ASCII
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")

# name=value anywhere (options, shell, connection strings); name: value only where a line or a JSON key
# begins, so that prose with a colon in it is left alone.
_VALUE: Final = r"""(?P<{0}>"[^"\n]*"|'[^'\n]*'|[^\s,;&"']+)"""
_ASSIGNMENT: Final = re.compile(
    r"""(?:^|[\s{,;&?"'])(?P<name>-{0,2}[A-Za-z_][\w.\-]*+)["']?[ \t]*+=[ \t]*""" + _VALUE.format("value"),
    re.MULTILINE,
)
_ENTRY: Final = re.compile(
    r"""(?:^[ \t]*(?:-[ \t]+)?|[{,][ \t]*)["']?(?P<name>[A-Za-z_][\w.\-]*+)["']?[ \t]*+:[ \t]*"""
    + _VALUE.format("value"),
    re.MULTILINE,
)
_COMMENT: Final = re.compile(r"^[ \t]*[#;].*$", re.MULTILINE)
_FLAG: Final = re.compile(r"--?[A-Za-z][\w\-]*\Z")

# A value that only says where the secret is: $(NAME), ${NAME}, $NAME, "$(cat …)", {{ … }} or a call.
_REFERENCE: Final = re.compile(r"""["']?(?:\$[({\w]|\{\{|`|[A-Za-z_][\w.]*[(\[])""", re.ASCII)
_NOTHING: Final = frozenset({"", "false", "none", "null", "true", "~", "|", ">", "|-", ">-"})

# Shorter words are found inside too many others to be looked for inside a name.
_LONGEST_WHOLE_WORD: Final = 4


@dataclass(frozen=True)
class SecretNames:
    """Which names are names of secrets.

    `words` of up to four letters must be a part of the name (`DB_PASS`), longer ones may be inside it
    (`PGPASSWORD`). A name that ends in one of `harmless_endings` only points to a secret or describes one.
    """

    words: Sequence[str]
    harmless_endings: Sequence[str]

    def match(self, name: str) -> bool:
        """Whether a variable, key or option of this name holds a secret."""
        parts = [part.lower() for part in _PART.findall(name)]
        joined = "".join(parts)
        # The shell's working directory.
        if joined in {"pwd", "oldpwd"} or joined.endswith(tuple(self.harmless_endings)):
            return False
        return any(
            word in parts if len(word) <= _LONGEST_WHOLE_WORD else word in joined for word in self.words
        )


def is_plaintext(value: str) -> bool:
    """Whether a value is itself the secret rather than a reference to it, or nothing."""
    return value.strip("\"' \t").lower() not in _NOTHING and not _REFERENCE.match(value)


def url_with_password(value: str) -> bool:
    """Whether a text contains a URL with a password in it: `scheme://user:password@host`."""
    return any(is_plaintext(found["password"]) for found in _URL_WITH_PASSWORD.finditer(value))


def private_key(value: str) -> bool:
    """Whether a text contains a private key in PEM form."""
    return _PRIVATE_KEY.search(value) is not None


def assigned_lines(value: str, names: SecretNames) -> Iterator[int]:
    """Yield the numbers (from 1) of the lines in which a secret name is given a value in plain text.

    Understands `name=value` in options, shell and connection strings, and `name: value` in YAML and JSON.
    Comments are passed over.
    """
    code = _COMMENT.sub("", value)
    starts = {
        found.start("name")
        for pattern in (_ASSIGNMENT, _ENTRY)
        for found in pattern.finditer(code)
        if names.match(found["name"]) and is_plaintext(found["value"])
    }
    yield from sorted({code.count("\n", 0, start) + 1 for start in starts})


def secret_arguments(arguments: Sequence[str], names: SecretNames) -> Iterator[int]:
    """Yield the positions of arguments with a secret in them: `--password=x`, or `x` after `--password`."""
    after_secret_flag = False
    for position, argument in enumerate(arguments):
        if (after_secret_flag and is_plaintext(argument)) or any(assigned_lines(argument, names)):
            yield position
        after_secret_flag = bool(_FLAG.match(argument)) and names.match(argument)
