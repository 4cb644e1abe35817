"""Public scanners over what the cluster really holds: every finding is on the list in the documentation."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest
from uv import find_uv_bin

from local.progress import Progress
from local.state import ROOT
from local.toolchain import catalog
from local.toolchain.build import ensure
from spec import labels
from tests.isolation.objects import TAG

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.isolation.client import Client
    from tests.isolation.objects import Object

pytestmark = pytest.mark.integration

CHECKOV = "3.3.30"
CHECKOV_DAY = "2026-11-20T00:00:00Z"
"""Not a dependency: it brings a hundred packages. It is used where it is there already."""

PAGE = ROOT / "docs" / "reference" / "security.md"
_ROW = re.compile(
    r"^\| (checkov|kube-score) \| `([\w-]+)` \| (\w+) \| (fixed|waived) \| (.+) \|$", re.MULTILINE
)

CANARY = "scanner-canary"
BAD: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": CANARY, "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": CANARY}},
        "template": {
            "metadata": {"labels": {"app": CANARY}},
            "spec": {
                "hostNetwork": True,
                "containers": [{"name": "bad", "image": TAG, "securityContext": {"privileged": True}}],
            },
        },
    },
}


class Finding(NamedTuple):
    """One check that did not pass, on one kind of object."""

    scanner: str
    check: str
    kind: str


@pytest.fixture(scope="module")
def export(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that Storefleet manages in the cluster, a file each, and one object that no scanner may pass.

    What a controller makes of a managed object (a job at its hour, its pods) repeats that object's text.
    """
    folder = tmp_path_factory.mktemp("export")
    selector = f"{labels.MANAGED_BY}={labels.MANAGED_BY_VALUE}"
    found: list[Object] = [BAD]
    for one in client.resources():
        if "/" in one.name or one.group in {"metrics.k8s.io", "events.k8s.io"}:
            continue
        answer = client.call("GET", one.path, labelSelector=selector)
        if answer.status == 200:
            version = f"{one.group}/{one.version}" if one.group else one.version
            kind = answer.body["kind"].removesuffix("List")
            found += [
                {"apiVersion": version, "kind": kind, **item}
                for item in answer.body["items"]
                if not item["metadata"].get("ownerReferences")
            ]
    assert len(found) > 50, "the export lost most of the cluster"
    for number, thing in enumerate(found):
        (folder / f"{number:05}.json").write_text(json.dumps(thing))
    return folder


def listed(scanner: str) -> set[Finding]:
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert rows, f"{PAGE} lists no findings"
    return {
        Finding(name, check, kind)
        for name, check, kind, what, _ in rows
        if (name, what) == (scanner, "waived")
    }


def compare(scanner: str, found: Iterable[Finding], figures: dict[str, int]) -> None:
    every = list(found)
    page = PAGE.relative_to(ROOT)
    unknown = set(every) - listed(scanner)
    assert not unknown, f"fix these, or waive them with a reason in {page}: {sorted(unknown)}"
    gone = listed(scanner) - set(every)
    assert not gone, f"{page} waives what is found no more: {sorted(gone)}"
    figures[f"findings of {scanner}, all waived with a reason"] = len(every)


def test_kube_score_finds_nothing_that_is_not_on_the_list(export: Path, figures: dict[str, int]):
    program = ensure(Progress(), [catalog.KUBE_SCORE])[catalog.KUBE_SCORE.name]
    files = sorted(map(str, export.glob("*.json")))
    command = [str(program), "score", "--output-format", "json", "--kubernetes-version", "v1.37", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    failed = [
        (
            scored["object_meta"]["name"],
            Finding("kube-score", check["check"]["id"], scored["type_meta"]["kind"]),
        )
        for scored in json.loads(done.stdout)
        for check in scored["checks"] or ()
        if not check["skipped"] and check["grade"] < 10
    ]
    assert len([name for name, _ in failed if name == CANARY]) >= 5, "the scanner passes a privileged pod"
    compare("kube-score", (finding for name, finding in failed if name != CANARY), figures)


def test_checkov_finds_nothing_that_is_not_on_the_list(export: Path, figures: dict[str, int]):
    # In an environment of its own: its dependencies contradict the project's. The day pins them.
    pinned = ["--exclude-newer", CHECKOV_DAY, "--from", f"checkov=={CHECKOV}"]
    run = [find_uv_bin(), "tool", "run", *pinned, "checkov"]
    got = subprocess.run([*run, "--version"], capture_output=True, text=True, check=False, timeout=300)
    if got.returncode != 0:
        pytest.skip(f"checkov {CHECKOV} cannot be had here: {got.stderr.strip()[-300:]}")
    command = [*run, "--directory", str(export), "--framework", "kubernetes", "--output", "json", "--quiet"]
    done = subprocess.run(
        [*command, "--compact", "--skip-download"], capture_output=True, text=True, check=False, timeout=300
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, "what cannot be read is not scanned"
    assert report["summary"]["checkov_version"] == CHECKOV
    failed = [
        (one["resource"], Finding("checkov", one["check_id"], one["resource"].split(".")[0]))
        for one in report["results"]["failed_checks"]
    ]
    assert len([name for name, _ in failed if CANARY in name]) >= 10, "the scanner passes a privileged pod"
    compare("checkov", (finding for name, finding in failed if CANARY not in name), figures)
