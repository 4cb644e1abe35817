"""The two stories, as the command tells them, in a real Prometheus: small enough here to be told in seconds."""

import io
import json
import shutil
import signal
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli.story.stage import Stage
from cli.story.tellings import BEFORE, MODEL, storefronts
from local.progress import Progress
from release.evidence import opened
from release.steps import Kind
from tests.release.telling import begin

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SHOPS = ("solvane-edinburgh", "solvane-ghent", "solvane-hamburg", "solvane-paris", "kaufwerk")
PATIENCE = 600
"""Seconds that one run of the command may take on a machine that does much else."""


@pytest.fixture
def few(tmp_path):
    """The project with few of its tenants."""
    for name in ("stacks", "calendars"):
        shutil.copytree(ROOT / name, tmp_path / "few" / name)
    (tmp_path / "few/tenants").mkdir()
    for each in SHOPS:
        shutil.copy(ROOT / f"tenants/{each}.yaml", tmp_path / "few/tenants")
    return tmp_path / "few"


def told(story, tmp_path, project):
    said = []
    stage = Stage(folder=tmp_path / "stage", progress=Progress(Console(file=io.StringIO())), at=BEFORE)
    stage.folder.mkdir()
    with stage.lit():
        endings = story(stage, project, said.append)
    return endings, "\n".join(said)


def predicate(folder):
    _, statement, _, _ = opened(json.loads((folder / "evidence.intoto.json").read_text()))
    return statement["predicate"]


def test_a_bad_release_goes_back_in_its_first_cohort_and_a_good_one_goes_through_all_rings(tmp_path, few):
    (bad, good), said = told(storefronts, tmp_path, few)
    assert (bad.kind, good.kind) == (Kind.HALTED, Kind.DONE)
    halted, done = predicate(bad.folder), predicate(good.folder)
    assert halted["tenants"]["back"] == ["solvane-edinburgh", "solvane-ghent"]
    assert halted["tenants"]["neverMoved"] == ["solvane-hamburg", "solvane-paris"]
    assert halted["tenants"]["moved"] == []
    assert {each["tenant"] for each in halted["moves"]} == {"solvane-edinburgh", "solvane-ghent"}
    assert halted["scorecard"]["verdict"] == "no"
    assert "queue_latency" in json.dumps(halted["scorecard"])
    assert "4 of 4 pointers are the same, and 2 of them were in no commit since" in said
    assert (
        "when the gate failed: all gates are good for 2 shops; one is not for solvane-edinburgh, solvane-ghent."
        in said
    )
    assert "half an hour after the way back: all gates are good for 4 shops." in said
    assert len(done["tenants"]["moved"]) == len(SHOPS) - 1
    assert all(each["simulated"] for each in (*halted["records"], *done["records"]))
    assert done["dora"]["failure_rate"] > 0, "what went back is not counted"
    for ending in (bad, good):
        page = (ending.folder / "scorecard.html").read_text()
        assert "measured in a model" in page
        assert "http" not in page

    held = said.index("gate of wave 3: hold")
    assert "no figure" in said[held:] or "no data" in said[held:]
    assert "It is measured again." in said[held : said.index("gate of wave 3: pass")]
    assert "gate of wave 3: fail" not in said, "a scrape that was lost sent shops back that are well"
    (correction,) = done["drift"]["corrected"]
    assert correction["objects"] == ["Deployment odoo-web"]
    assert done["drift"]["unknown"] == []


def killed_at_each_step(folder):
    """Run the command again and again; kill it as soon as it tells a step that was not told before."""
    seen, runs = set(), []
    for _ in range(60):
        process, said = begin("dedicated", folder)
        text = []
        for line in said:
            text.append(line)
            step = line.startswith("  02-") and line.strip()
            if step and " wait: " not in step and step not in seen:
                seen.add(step)
                process.kill()
                break
        with said:
            text.append(said.read())
        process.join(PATIENCE)
        runs.append("".join(text))
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0, runs[-1]
            return runs
    raise AssertionError("the story never ends")


INTEGRATIONS = ("warehouse-control", "carriers", "marketplaces")


def test_the_retailer_moves_in_its_own_window_however_often_the_command_is_killed(tmp_path):
    folder = tmp_path / "story"
    runs = killed_at_each_step(folder)
    assert len(runs) >= 11, "hardly anything was interrupted"
    project, said, last = folder / "project", "".join(runs), runs[-1]

    def git(*arguments):
        command = ["git", "-C", str(project), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    # No step twice, and none skipped.
    assert git("log", "--format=%s", "--reverse").splitlines() == [
        "The project",
        "Pointers of local follow the tenants' files: 1 tenant",
        "The plan of 18.0.6, approved",
        "Rehearsal of kaufwerk for 18.0.6: pass",
        "Release 18.0.6: notice-before of wave 1",
        "Checkpoint of kaufwerk for 18.0.6: pass",
        "Release 18.0.6: notice-during of wave 1",
        "Release 18.0.6: wave 1 of local moves 1 tenant",
        "Release 18.0.6: gate of wave 1: pass",
        *(f"Release 18.0.6: integration {each} of wave 1: pass" for each in INTEGRATIONS),
        "Release 18.0.6: soak of wave 1: pass",
        "Release 18.0.6: notice-after of wave 1",
        "Evidence of 18.0.6",
    ]
    assert git("status", "--porcelain") == ""
    taken = [json.loads(line)["what"] for line in (folder / "taken.jsonl").read_text().splitlines()]
    assert sorted(taken) == ["checkpoint kaufwerk 18.0.6", "rehearsal kaufwerk 18.0.6"], (
        "an effect happened twice"
    )

    # The evidence is complete.
    (file,) = (project / "gitops/evidence").glob("*/*/evidence.intoto.json")
    stated = predicate(file.parent)
    assert Counter(each["step"] for each in stated["records"]) == {
        "rehearsal": 1, "checkpoint": 1, "notice-before": 1, "notice-during": 1, "notice-after": 1,
        "gate": 1, "integration": 3, "soak": 1,
    }  # fmt: skip
    assert "Evidence signed and verified" in last
    assert stated["wayBack"] == {"class": "restore", "checkpoints": {"kaufwerk": "model-kaufwerk-18.0.6"}}

    # Its own window, with the way back shown before.
    assert said.startswith(MODEL), "figures of a model would pass for those of shops"
    assert "kaufwerk is closed until 2026-02-15 01:00 UTC: outside the maintenance windows" in said
    assert said.index("The way back, before anything moves") < said.index("promote: It is the turn of wave 1")
    (move,) = stated["moves"]
    moved = datetime.fromisoformat(move["at"])
    begins, ends = datetime(2026, 2, 15, 1, tzinfo=UTC), datetime(2026, 2, 15, 4, tzinfo=UTC)
    assert begins <= moved < ends, "it was moved outside its window"
    assert "Moves outside of its windows, by the history of its pointer: 0." in last
