"""Small changes to the baseline, of which the tests of the rules are made."""

from collections.abc import Mapping
from typing import Any, Final

from tests.policy.breaks import Break, broken
from tests.policy.harness import check_messages, judge
from tests.policy.parts import NAMESPACE, Stack, an_object

Case = tuple[str, Break, str]
"""The rule, what to do to the baseline, and what a message must then say."""


def put(key: str, path: str, value: object) -> Break:
    """Return a change that sets what is at a path with slashes (`~` for one in a key); `pop` leaves it out."""

    def change(stack: Stack) -> None:
        node: Any = stack[key]
        parts = [part.replace("~", "/") for part in path.split("/")]
        *parents, last = [int(part) if part.isdigit() else part for part in parts]
        for part in parents:
            node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]
        if value is pop:
            del node[last]
        else:
            node[last] = value

    return change


pop: Final = object()
"""Leaves out what is there."""


def both(*changes: Break) -> Break:
    def change(stack: Stack) -> None:
        for each in changes:
            each(stack)

    return change


def added(api_version: str, kind: str, name: str = "extra", **body: Any) -> Break:
    """Return a change that adds an object to the tenant's namespace, or the whole cluster."""
    return lambda stack: stack.add("extra", an_object(api_version, kind, name, **body))


def another_tenant(**labels: str) -> Break:
    """Return a change that adds the namespace of another tenant, without a wall of its own."""

    def change(stack: Stack) -> None:
        own = {**stack["namespace"]["metadata"]["labels"], "storefleet.dev/tenant": "birch"}
        own |= {f"storefleet.dev/{key}": value for key, value in labels.items()}
        other = an_object("v1", "Namespace", "t-birch", namespace=None, labels=own)
        other["metadata"]["annotations"] = {"storefleet.dev/domains": "birch.example"}
        stack.add("other", other, protect=True)
        for key in ("quota", "limits", "default-deny", "allow"):
            copied = an_object(
                stack[key]["apiVersion"], stack[key]["kind"], key, namespace="t-birch", labels=own
            )
            stack.add(f"other-{key}", {**copied, "spec": _at_home(stack[key]["spec"])})

    return change


def _at_home(spec: Any) -> Any:
    if isinstance(spec, Mapping):
        return {key: _at_home(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [_at_home(item) for item in spec]
    return "t-birch" if spec == NAMESPACE else spec


def assert_refused(rule: str, change: Break, problem: str, also: str | None = None) -> None:
    """Assert that the changed baseline is refused by the rule, and by no other but `also`, in so many words."""
    stack = broken(change)
    judgement = judge(stack)
    assert rule in judgement.rules, "it passes"
    assert judgement.rules - {also} == {rule}, "the wrong rule speaks, so people fix the wrong thing"
    assert any(problem in message for message in judgement.messages), judgement.messages
    assert not judgement.skipped, "the rule gave up on a stack without unknown values"
    check_messages(stack, judgement)
