"""The reference of the environment spec says what the models say."""

import pytest

from local.state import ROOT
from spec.reference import PAGE, page

pytestmark = pytest.mark.unit


def test_the_reference_is_the_one_that_the_models_would_write():
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), "run python -m spec.reference"


def test_every_field_says_what_it_is():
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 40, "most fields are missing"
    empty = [row[0] for row in rows if not row[2].strip(" |")]
    assert empty == [], "nobody would know what to write there"
