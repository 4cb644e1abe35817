"""The published schema, judged by a validator that is not ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from spec.schema import SCHEMA_PATH
from spec.yaml_text import parse
from tests.spec.cases import INVALID
from tests.spec.conftest import GOOD

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / SCHEMA_PATH).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def errors(validator: Draft202012Validator, text: str) -> list[str]:
    return [each.message for each in validator.iter_errors(parse(text, "file"))]


@pytest.mark.parametrize("path", sorted((ROOT / "tenants").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_editor_finds_nothing_wrong_with_an_example(validator, path):
    assert errors(validator, path.read_text(encoding="utf-8")) == [], (
        "an editor would underline what is right"
    )


@pytest.mark.parametrize(
    "case",
    [
        "misspelt-key", "misspelt-choice", "missing-key", "number-in-quotes", "number-too-small", "unknown-ring",
        "broken-quantity", "broken-digest", "empty-list", "waiver-without-owner", "text-where-a-list-belongs",
    ],
)  # fmt: skip
def test_an_editor_underlines_what_a_schema_can_know(validator, case):
    text = (INVALID / case / "tenants/corner.yaml").read_text(encoding="utf-8")
    assert errors(validator, text), "the mistake would be found later than it could be"


def test_every_field_has_help_that_an_editor_can_show():
    for name, each in SCHEMA["properties"].items():
        target = SCHEMA["$defs"].get(each.get("$ref", "").rpartition("/")[2], {})
        assert each.get("description") or target.get("description"), f"{name} has no help"


def test_the_schema_uses_nothing_that_editors_of_the_older_draft_lack():
    def keys(node: Any) -> set[str]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = set(node) if isinstance(node, dict) else set()
        return own.union(*(keys(each) for each in inner))

    assert not keys(SCHEMA) & {"prefixItems", "unevaluatedProperties", "dependentSchemas"}


def test_the_baseline_of_the_mistakes_is_right_for_the_schema_too(validator):
    assert errors(validator, GOOD) == []
