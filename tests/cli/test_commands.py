"""What a user sees of the commands that need no engine."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cli.main import app


def storefleet(*arguments, status, **environment):
    result = CliRunner().invoke(app, list(arguments), env=environment)
    assert isinstance(result.exception, SystemExit | None), (
        f"a user was shown a traceback: {result.exception!r}"
    )
    assert result.exit_code == status, result.output
    return result.output


def test_all_example_tenants_are_valid():
    assert "42 tenants" in storefleet("tenants", "validate", status=0)


def test_a_tenant_is_shown_with_its_objects_and_the_reason_for_each():
    said = storefleet("tenants", "show", "kaufwerk", status=0)
    assert "t-kaufwerk" in said
    assert "default-deny" in said
    assert "tier is dedicated" in said


def test_a_misspelt_tenant_gets_a_suggestion():
    assert "did you mean kaufwerk" in storefleet("tenants", "show", "kaufwark", status=2)


def test_an_environment_without_a_stack_file_is_refused():
    assert "nowhere" in storefleet("tenants", "validate", "--env", "nowhere", status=2)


@pytest.mark.parametrize("name", ["", "production", "LOCAL", "local "])
def test_a_destruction_needs_the_exact_name(name, tmp_path):
    (tmp_path / "engine").mkdir()
    said = storefleet("down", "--destroy", name, status=2, STOREFLEET_STATE=str(tmp_path))
    assert "--destroy local" in said
    assert (tmp_path / "engine").exists(), "something was destroyed all the same"


def test_the_status_of_an_environment_that_never_was_says_how_to_start_it(tmp_path):
    assert "storefleet up" in storefleet("status", status=1, STOREFLEET_STATE=str(tmp_path))


def test_a_stop_of_what_does_not_run_is_no_error(tmp_path):
    assert "nothing was running" in storefleet("down", status=0, STOREFLEET_STATE=str(tmp_path))
