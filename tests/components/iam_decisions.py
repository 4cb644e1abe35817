"""Decides as IAM does, for the parts of its language that the project uses; anything else is an error."""

import json
import re
from collections.abc import Mapping
from typing import Any

Context = Mapping[str, str | list[str]]


def allows(policy: str, action: str, resource: str, context: Context) -> bool:
    """Say whether a policy alone allows an action on a resource; a refusal in it wins."""
    matching = [
        statement["Effect"]
        for statement in json.loads(policy)["Statement"]
        if any(_like(pattern, action) for pattern in _listed(statement["Action"]))
        and any(_like(_filled(pattern, context), resource) for pattern in _listed(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context)
    ]
    return "Allow" in matching and "Deny" not in matching


def trusts(policy: str, principal: str, action: str, context: Context) -> bool:
    """Say whether a trust policy lets a principal take an action."""
    return any(
        statement["Effect"] == "Allow"
        and principal in [name for names in statement["Principal"].values() for name in _listed(names)]
        and action in _listed(statement["Action"])
        and _holds(statement.get("Condition", {}), context)
        for statement in json.loads(policy)["Statement"]
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _filled(pattern: str, context: Context) -> str | None:
    """Put the variables in; a variable without a value makes the whole match nothing, as in IAM."""
    for name in re.findall(r"\$\{([^}]+)\}", pattern):
        value = context.get(name)
        if not isinstance(value, str):
            return None
        # What a variable holds is taken as it is: a star in it is a star.
        pattern = pattern.replace("${" + name + "}", value.replace("*", "\0").replace("?", "\1"))
    return pattern


def _like(pattern: str | None, text: str) -> bool:
    if pattern is None:
        return False
    parts = re.split(r"([*?])", pattern)
    body = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(body.replace("\0", r"\*").replace("\1", r"\?"), text, re.DOTALL) is not None


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _test(operator, [_filled(each, context) for each in _listed(wanted)], context.get(key))
        for operator, tests in condition.items()
        for key, wanted in tests.items()
    )


def _test(operator: str, wanted: list[str | None], found: str | list[str] | None) -> bool:
    if operator == "Null":
        return (wanted == ["true"]) == (found is None)
    quantifier, _, plain = operator.rpartition(":")
    if_exists, plain = plain.endswith("IfExists"), plain.removesuffix("IfExists")
    values = [] if found is None else _listed(found)
    results = [any(_compare(plain, want, value) for want in wanted) for value in values]
    if quantifier == "ForAllValues":
        return all(results)
    return any(results) or (if_exists and not values)


def _compare(operator: str, wanted: str | None, value: str) -> bool:
    if wanted is None:
        return False
    if operator in {"StringEquals", "ArnEquals", "Bool"}:
        return wanted == value
    if operator in {"StringLike", "ArnLike"}:
        return _like(wanted, value)
    if operator == "NumericLessThan":
        return float(value) < float(wanted)
    if operator == "NumericLessThanEquals":
        return float(value) <= float(wanted)
    raise NotImplementedError(operator)
