"""The reference page of the rules, made of what the rules say of themselves: `python -m policy.reference`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from policy.adapter import ADVICE_SUFFIX, config_schema
from policy.frame import AnyRule, StackRule
from policy.rules import RULES

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference" / "policies.md"

_HEAD: Final = """\
<!-- Made by `python -m policy.reference` from the rules in policy/rules. Change those. -->

# Policies

{count} rules judge what a program declares: at every preview before anything is created, and again in every
update. A breach of a rule stops the run, whatever its severity. A rule of one resource sees its inputs; a rule
of the whole program sees all resources together, after the engine has worked through them.

What a preview cannot know yet (the identifier of something not created) is said to be undecided, never passed
in silence; the update judges it when it is known.

## Exceptions

An object is excepted from one rule by an annotation on the object itself, which names the owner, the reason
and the last day:

```yaml
metadata:
  annotations:
    storefleet.dev/waive-sa-token: >-
      {{"owner": "ops@brand.example", "reason": "The operator watches its own resources.", "expires": "2027-01-31"}}
```

An AWS resource has a tag of the same key, whose value may hold no braces:
`owner=ops@brand.example expires=2027-01-31 reason=The operator watches its own resources.`

`waivers-valid` refuses an exception that is malformed, expired, without an owner, or too far ahead. These
rules allow none: {fixed}.

## Configuration

A file given with `--policy-pack-config` changes settings, and nothing else has to be repeated:

```json
{{"rds-guard": {{"sharedDays": 14}}}}
```

A misspelt setting stops the run. What a rule only advises is a policy of its own, with `{suffix}` after the
rule's name, and is configured under that name.

## The rules

| rule | severity | judges |
|---|---|---|
"""


def page(rules: tuple[AnyRule, ...] = RULES) -> str:
    """Return the page, in Markdown."""
    fixed = ", ".join(f"`{rule.name}`" for rule in rules if not rule.waivable)
    lines = [_HEAD.format(count=len(rules), fixed=fixed, suffix=ADVICE_SUFFIX).rstrip()]
    lines += [f"| [{rule.name}](#{rule.name}) | {rule.severity.value} | {_scope(rule)} |" for rule in rules]
    for rule in rules:
        lines += ["", *_section(rule)]
    return "\n".join(lines) + "\n"


def _scope(rule: AnyRule) -> str:
    return "the program" if isinstance(rule, StackRule) else "a resource"


def _section(rule: AnyRule) -> Iterator[str]:
    yield f"### {rule.name}"
    yield ""
    yield rule.title
    yield ""
    yield f"**To comply:** {rule.remediation}"
    yield ""
    facts = [f"severity {rule.severity.value}", f"judges {_scope(rule)}"]
    if framework := rule.framework:
        facts.append(f"{framework.name} {framework.version}: {framework.specification}")
    facts.append("exceptions allowed" if rule.waivable else "no exceptions")
    if rule.advises:
        facts.append(f"gives advice as `{rule.name}{ADVICE_SUFFIX}`")
    yield "; ".join(facts) + "."
    yield ""
    yield "| setting | default | meaning |"
    yield "|---|---|---|"
    for name, schema in config_schema(rule).properties.items():
        default = json.dumps(schema["default"], ensure_ascii=False)
        yield f"| `{name}` | `{default}` | {schema['description']} |"


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
