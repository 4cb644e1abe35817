"""The reference page says what the rules say."""

import pytest

from policy.reference import PAGE, page
from policy.rules import RULES

pytestmark = pytest.mark.policy


def test_the_committed_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m policy.reference and commit the page"


def test_every_rule_has_a_section_and_a_row():
    text = page()
    for rule in RULES:
        assert f"\n### {rule.name}\n" in text
        assert f"| [{rule.name}](#{rule.name}) |" in text
        assert rule.remediation in text
