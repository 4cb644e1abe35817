"""What users read when they made a mistake: each case of the folder gives exactly its message."""

import os
import re

import pytest

from spec.fleet import load_fleet
from spec.problems import SHOWN_PROBLEMS, Problem, SpecError, closest, printable, shown
from tests.spec.cases import BASELINE, CASES, INVALID, message_of, project_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_gets_exactly_its_message(case, tmp_path):
    message, path = message_of(case, tmp_path / "project"), INVALID / case / "expected.txt"
    assert message, "the mistake is accepted"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(message + "\n", encoding="utf-8")
    assert message + "\n" == path.read_text(encoding="utf-8"), "users would read something else than agreed"


def test_the_baseline_under_the_cases_is_accepted(tmp_path):
    fleet = load_fleet(project_of(BASELINE, tmp_path / "project"), "local")
    assert [each.id for each in fleet.tenants] == ["corner"], "a case might be refused for the wrong reason"


def test_there_are_at_least_forty_cases():
    assert len(CASES) >= 40, "the folder of mistakes has shrunk"


@pytest.mark.parametrize("case", CASES)
def test_every_message_names_a_file_and_what_to_do(case):
    message = (INVALID / case / "expected.txt").read_text(encoding="utf-8")
    for problem in re.sub(r"\n(?=tenants/|calendars/|releases/)", "\0", message).split("\0"):
        assert problem.startswith(("tenants/", "stacks/", "calendars/", "releases/", "gitops/")), (
            "the reader would not know which file to open"
        )
        has_way_out = "  fix: " in problem or "  allowed: " in problem or "levels deep" in problem
        assert has_way_out, "the reader would not know what to write instead"


def test_secrets_in_a_file_are_never_repeated(tmp_path):
    for case in ("unknown-key-with-a-secret", "secret-in-a-known-field"):
        message = message_of(case, tmp_path / case)
        assert message
        assert "hunter2" not in message, "the password would stand in a terminal and in a log"
        assert "canary" not in message, "the password would stand in a terminal and in a log"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_password", "tr0ub4dor"),
        ("domain", "https://odoo:pa55word@db.example"),
        ("display_name", "-----BEGIN PRIVATE KEY-----"),
        ("display_name", "AKIAIOSFODNN7EXAMPLE"),
        ("display_name", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("group", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx"),
        ("cell", "v1:Zm9vYmFyYmF6:c2VjcmV0"),
    ],
)
def test_a_value_that_looks_like_a_secret_is_not_shown(name, value):
    assert value not in shown(value, name), "the secret would stand in the message"


def test_a_secret_written_as_a_key_is_not_shown(tenant):
    with pytest.raises(SpecError) as caught:
        tenant(add="AKIAIOSFODNN7EXAMPLE: 1\n")
    assert "AKIA" not in str(caught.value), "the secret would stand in the message"


def test_a_message_never_carries_control_characters():
    assert printable("a\x1b[31m\x00\u202eb\ud800") == "a\\x1b[31m\\x00\\u202eb\\ud800", (
        "a terminal would act on them"
    )


def test_a_long_value_is_cut():
    assert len(shown("x " * 500)) < 70, "the message would drown in the value"


def test_a_flood_of_problems_is_cut_and_counted():
    problems = [Problem(file=f"tenants/t-{number}.yaml", message="is empty") for number in range(50)]
    message = str(SpecError(problems))
    assert message.count("is empty") == SHOWN_PROBLEMS
    assert f"and {50 - SHOWN_PROBLEMS} more" in message, "the reader would think that these are all"


@pytest.mark.parametrize(
    ("word", "meant"), [("Standard", "standard"), ("eu_1", "eu-1"), ("xyz", None), (7, None)]
)
def test_a_near_miss_is_recognised_and_a_far_one_is_not(word, meant):
    assert closest(word, ["standard", "eu-1", "critical"]) == meant
