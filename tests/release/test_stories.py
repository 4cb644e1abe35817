"""The two stories, as the command tells them: small enough here to be told in seconds."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.story.tellings import MODEL, dedicated, storefronts
from release.evidence import opened
from release.steps import Kind

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SHOPS = ("solvane-edinburgh", "solvane-ghent", "solvane-hamburg", "solvane-paris", "kaufwerk")


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
    (tmp_path / "stage").mkdir()
    endings = story(tmp_path / "stage", project, said.append)
    return endings, "\n".join(said)


def predicate(ending):
    _, statement, _, _ = opened(json.loads((ending.folder / "evidence.intoto.json").read_text()))
    return statement["predicate"]


def test_a_bad_release_goes_back_in_its_first_cohort_and_a_good_one_goes_through_all_rings(tmp_path, few):
    (bad, good), said = told(storefronts, tmp_path, few)
    assert said.startswith(MODEL), "figures of a model would pass for those of shops"
    assert (bad.kind, good.kind) == (Kind.HALTED, Kind.DONE)
    halted, done = predicate(bad), predicate(good)
    assert halted["tenants"]["back"] == ["solvane-edinburgh", "solvane-ghent"]
    assert halted["tenants"]["neverMoved"] == ["solvane-hamburg", "solvane-paris"]
    assert halted["tenants"]["moved"] == []
    assert {each["tenant"] for each in halted["moves"]} == {"solvane-edinburgh", "solvane-ghent"}
    assert halted["scorecard"]["verdict"] == "no"
    assert "queue_latency" in json.dumps(halted["scorecard"])
    assert len(done["tenants"]["moved"]) == len(SHOPS) - 1
    assert all(each["simulated"] for each in (*halted["records"], *done["records"]))
    assert done["dora"]["failure_rate"] > 0, "what went back is not counted"
    for ending in (bad, good):
        page = (ending.folder / "scorecard.html").read_text()
        assert "measured in a model" in page
        assert "http" not in page


def test_the_retailer_moves_in_its_own_window_with_its_way_back_shown_and_its_integrations_in_order(
    tmp_path, few
):
    (ending,), said = told(dedicated, tmp_path, few)
    assert ending.kind is Kind.DONE
    assert "kaufwerk is closed until 2027-02-14 01:00 UTC: outside the maintenance windows" in said
    assert said.index("The way back, before anything moves") < said.index("promote: It is the turn of wave 1")
    order = [said.index(f"integration {each} of wave 1: pass") for each in
             ("warehouse-control", "carriers", "marketplaces")]  # fmt: skip
    assert order == sorted(order)
    (move,) = predicate(ending)["moves"]
    moved = datetime.fromisoformat(move["at"])
    begins, ends = datetime(2027, 2, 14, 1, tzinfo=UTC), datetime(2027, 2, 14, 4, tzinfo=UTC)
    assert begins <= moved < ends, "it was moved outside its window"
    integrations = [each for each in predicate(ending)["records"] if each["step"] == "integration"]
    assert len(integrations) == 3
    assert predicate(ending)["wayBack"] == {
        "class": "restore",
        "checkpoints": {"kaufwerk": "model-kaufwerk-18.0.6"},
    }
