"""Reading IAM policies: statements, who they are for, and when they hold."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policy.aws import listed
from policy.reading import is_mapping, mapping

_SERVICE_ACCOUNT: Final = re.compile(r"system:serviceaccount:(?P<namespace>[^:]*):(?P<name>.*)\Z")


def statements(document: Mapping[str, object] | None, effect: str) -> Iterator[Mapping[str, object]]:
    """Yield the statements of a policy document with the effect, `Allow` or `Deny`."""
    for statement in listed((document or {}).get("Statement")):
        if is_mapping(statement) and statement.get("Effect") == effect:
            yield statement


def texts(statement: Mapping[str, object], key: str) -> Sequence[str]:
    """Return the texts at a key, which may hold one or a list."""
    return [item for item in listed(statement.get(key)) if isinstance(item, str)]


def principals(statement: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield whom a statement is for: (`AWS`, `Service`, `Federated` or `*`, and the name)."""
    principal = statement.get("Principal")
    if isinstance(principal, str):
        yield "*", principal
    for kind, names in mapping(principal).items():
        yield from ((kind, name) for name in listed(names) if isinstance(name, str))


def conditions(statement: Mapping[str, object]) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield the conditions of a statement: operator, key in lower case, values."""
    for operator, tests in mapping(statement.get("Condition")).items():
        for key, values in mapping(tests).items():
            yield operator, key.lower(), [str(item) for item in listed(values)]


def service_accounts(statement: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Yield the Kubernetes identities that a trust policy admits: operator, namespace, name."""
    for operator, key, values in conditions(statement):
        if key.endswith(":sub"):
            for value in values:
                if found := _SERVICE_ACCOUNT.match(value):
                    yield operator, found["namespace"], found["name"]


def is_open(statement: Mapping[str, object]) -> bool:
    """Whether a statement is for anybody: by its principal, and without a condition that says who or whence."""
    anybody = any(name == "*" for kind, name in principals(statement) if kind in ("*", "AWS"))
    if "NotPrincipal" in statement:
        anybody = True
    bounds = ("aws:principal", "aws:source", "aws:via", "s3:dataaccesspoint")
    bounded = any(
        key.startswith(bounds) and "*" not in values and not operator.startswith("StringNot")
        for operator, key, values in conditions(statement)
    )
    return anybody and not bounded


def everything(values: Sequence[str]) -> bool:
    """Whether one of the texts is the wildcard for all actions or resources."""
    return any(value in ("*", "*:*") for value in values)
