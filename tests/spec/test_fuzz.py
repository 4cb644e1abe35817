"""Tenant files at random: no traceback, and nothing is accepted that another judge would refuse."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from components.plan import plan_environment
from spec.fleet import load_fleet
from spec.loader import load_tenant
from spec.problems import SpecError
from spec.schema import SCHEMA_PATH
from spec.yaml_text import SIZE_LIMIT
from tests.spec.cases import BASELINE, TODAY, project_of, refusal_of
from tests.spec.conftest import GOOD

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(json.loads((ROOT / SCHEMA_PATH).read_text(encoding="utf-8")))
RELAXED = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", re.ASCII)

REGEX = st.text("^$.*+?()[]{}|\\%a1-", min_size=1, max_size=12)
EDGES = st.sampled_from(
    [
        "", " ", "a", "-", "--", "a--b", "t-1", "t-10", "t-1-0", "x" * 62, "x" * 63, "x" * 64, "x-" * 31 + "x",
        "acme\n", "acme\u0000", "\u202eacme", "äöü", "\uff41\uff43\uff4d\uff45", "acme.example", "^acme$",
        "acme.*", "%d", "%h",
        "../acme", "acme/..", "NO", "null", "0", "1e9", "2026-11-23", "acme 2026-11-23", "eu-1", "{{ x }}", "$(id)",
    ]
)  # fmt: skip
WORDS = EDGES | REGEX | st.text(max_size=70)
SCALARS = WORDS | st.integers() | st.floats() | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)
FILE = yaml.safe_load(GOOD)
PLACES = [
    (key,) if not isinstance(value, dict) else (key, inner)
    for key, value in FILE.items()
    for inner in (value if isinstance(value, dict) else [None])
] + [
    ("state",),
    ("purge",),
    ("final_backup",),
    ("overrides",),
    ("waivers",),
    ("catalogue",),
    ("cost_centre",),
]


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the baseline's content with some of its values, and sometimes keys, replaced by anything."""
    content = yaml.safe_load(GOOD)
    for place in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        holder = content
        for key in place[:-1]:
            holder = holder[key] if isinstance(holder.get(key), dict) else holder
        holder[place[-1]] = draw(VALUES)
    if draw(st.integers(0, 9)) == 0:
        content[draw(WORDS)] = draw(VALUES)
    return content


def written(folder: Path, content: dict[str, Any], name: str = "corner") -> Path:
    path = folder / f"{name}.yaml"
    text = yaml.safe_dump(content, allow_unicode=True)
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


@RELAXED
@given(contents())
@example(FILE | {"group": "t-1", "domains": ["acme.example"]})  # accepted: the judge has something to judge
def test_what_is_accepted_is_right_for_an_independent_validator_too(tmp_path, content):
    path = written(tmp_path, content)
    message = refusal_of(lambda: load_tenant(path))
    assert message.replace("\n", "").isprintable(), "a terminal would act on the message"
    if message:
        return
    loaded = load_tenant(path)
    again = json.loads(loaded.model_dump_json(exclude={"id"}, exclude_none=True))
    assert [each.message for each in VALIDATOR.iter_errors(again)] == [], "something wrong was accepted"


@RELAXED
@given(contents())
@example(FILE | {"group": "t-1", "domains": ["acme.example"]})  # accepted: the judge has something to judge
def test_what_a_fleet_accepts_gives_objects_that_the_api_server_takes(tmp_path_factory, content):
    project = project_of(BASELINE, tmp_path_factory.mktemp("fuzz"))
    written(project / "tenants", content)
    try:
        fleet = load_fleet(project, "local", today=TODAY)
    except SpecError:
        return
    for one in plan_environment(fleet).objects():
        assert OBJECT_NAME.fullmatch(one.meta.name)
        assert len(one.meta.name) <= 63
        for key, value in one.meta.labels.items():
            assert LABEL_VALUE.fullmatch(value), (
                f"{key}={value!r} would be refused after half of the rest exists"
            )


@RELAXED
@given(st.lists(EDGES | REGEX, min_size=1, max_size=4))
def test_no_name_of_a_file_gives_anything_but_a_tenant_or_a_spec_error(tmp_path_factory, names):
    project = project_of(BASELINE, tmp_path_factory.mktemp("names"))
    for place, name in enumerate(names):
        content = GOOD.replace("corner.example", f"s{place}.example")
        try:
            (project / "tenants" / f"{name}.yaml").write_text(content, encoding="utf-8")
        except (OSError, ValueError):
            continue  # no file can have this name
    message = refusal_of(lambda: load_fleet(project, "local", today=TODAY))
    assert message.replace("\n", "").isprintable()


@pytest.mark.parametrize("pair", [("t-1", "t-10"), ("a-b", "a"), ("x" * 62, "x" * 63), ("acme", "acme2")])
def test_ids_that_begin_alike_share_nothing(tmp_path, pair):
    project = project_of(BASELINE, tmp_path / "project")
    (project / "tenants/corner.yaml").unlink()
    for name in pair:
        text = GOOD.replace("corner.example", f"{name[:20]}{len(name)}.example")
        (project / f"tenants/{name}.yaml").write_text(text, encoding="utf-8")
    fleet = load_fleet(project, "local", today=TODAY)
    names = [(one.kind, one.meta.namespace, one.meta.name) for one in plan_environment(fleet).objects()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("field", ["domains", "integrations", "peaks", "waivers"])
def test_a_list_without_end_is_refused_quickly(tmp_path, field):
    content = yaml.safe_load(GOOD) | {field: ["a.example"] * 5000}
    path = written(tmp_path, content)
    assert path.stat().st_size < SIZE_LIMIT, "the size alone would refuse it"
    message = refusal_of(lambda: load_tenant(path))
    assert message
    assert len(message) < 20_000, "the reader would drown"
