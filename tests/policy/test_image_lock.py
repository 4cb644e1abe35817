"""The lock of verified images: its form, and that what is in it is accepted."""

import pytest

from policy.image_lock import PATH, read_lock
from policy.rules.image_signed import SignedSettings

pytestmark = pytest.mark.policy

ENTRY = """\
images:
  - digest: sha256:{digest}
    image: {image}
    verified_at: {day}
    by: release pipeline
"""
GOOD = {"digest": "ab" * 32, "image": "registry.example/odoo", "day": "2026-11-20"}


def test_the_committed_lock_is_what_the_rule_goes_by():
    assert SignedSettings().digests == read_lock(PATH).digests()


def test_an_entry_says_what_was_verified_when_and_by_whom(tmp_path):
    (tmp_path / "lock.yaml").write_text(ENTRY.format(**GOOD))
    lock = read_lock(tmp_path / "lock.yaml")
    assert lock.digests() == (f"sha256:{'ab' * 32}",)
    assert lock.images[0].by == "release pipeline"


@pytest.mark.parametrize(
    "change",
    [{"digest": "ab"}, {"image": "registry.example/odoo:19"}, {"day": "lately"}],
    ids=["a digest cut short", "an image by tag", "no date"],
)
def test_an_entry_that_cannot_be_right_is_refused(tmp_path, change):
    (tmp_path / "lock.yaml").write_text(ENTRY.format(**{**GOOD, **change}))
    with pytest.raises(ValueError, match="images"):
        read_lock(tmp_path / "lock.yaml")
