"""Every link of the documentation leads somewhere, and every file that it names is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_PATH = re.compile(r"[\w./*<>-]+/[\w./*<>-]*\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")

MADE_LATER = (
    "gitops/approvers.yaml",
    "gitops/emergencies/",
    "gitops/environments/",
    "gitops/evidence/",
    "gitops/plans/",
    "gitops/records/",
    "releases/<version>/signature.json",
)
"""What people and commands write into a project that is in use."""


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get: lower case, without punctuation, dashes for spaces."""
    titles = (_HEADING.findall(prose(page))) if page.suffix == ".md" else []
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path, text: str) -> Iterator[str]:
    for link in _LINK.findall(_CODE.sub("", text)):
        if _SCHEME.match(link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def named_paths(text: str) -> Iterator[str]:
    """Yield what stands in code and begins with a folder of the project; `<id>` and `*` stand for any name."""
    for named in _CODE.findall(text):
        if _PATH.match(named) and (ROOT / named.partition("/")[0]).is_dir() and named[0] not in "/.":
            yield named


def missing_paths(text: str) -> Iterator[str]:
    for named in named_paths(text):
        if named.startswith(MADE_LATER):
            continue
        pattern = re.sub(r"<[^>]+>", "*", named).rstrip("/")
        if next(ROOT.glob(pattern), None) is None:
            yield named


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere(page):
    broken = list(broken_links(page, prose(page)))
    assert not broken, f"readers of {page.relative_to(ROOT)} end in nothing: {', '.join(broken)}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_file_that_is_named_is_there(page):
    missing = list(missing_paths(prose(page)))
    assert not missing, f"{page.relative_to(ROOT)} sends its readers to what is gone: {', '.join(missing)}"


def test_there_is_something_to_judge():
    text = "".join(map(prose, PAGES))
    assert len(PAGES) >= 40, "the walk lost pages"
    assert len(_LINK.findall(text)) >= 60, "the links are no longer found"
    assert len(list(named_paths(text))) >= 40, "the files that pages name are no longer found"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](docs/reference/nothing.md)", ["docs/reference/nothing.md"]),
        ("[a](docs/reference/security.md#no-such-heading)", ["docs/reference/security.md#no-such-heading"]),
        ("[a](docs/reference/policies.md#tenant-isolation) [b](https://example.org/x) `[c](d)`", []),
    ],
)
def test_a_link_that_leads_nowhere_is_noticed(text, found):
    assert list(broken_links(ROOT / "README.md", text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`spec/gone.py`", ["spec/gone.py"]),
        ("`tenants/<id>.yml`", ["tenants/<id>.yml"]),
        ("`tenants/<id>.yaml`, `storefleet/tenants/<id>/odoo`, `gitops/plans/<environment>/x.json`", []),
    ],
)
def test_a_file_that_is_gone_is_noticed(text, found):
    assert list(missing_paths(text)) == found
