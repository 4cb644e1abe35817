"""The Job that rehearses a release: of the release's own chart, on the copy, before any pointer names the release."""

import pytest
from rich.console import Console

from cli.release_rehearsal import SECRET, copy_of, rendered_rehearsal, start_rehearsal
from local.progress import Progress
from local.state import ROOT
from local.trouble import EnvironmentTrouble
from spec.fleet import load_fleet
from spec.problems import SpecError
from spec.releases import load_release

pytestmark = pytest.mark.unit

TENANT, VERSION = "solvane-lyon", "18.0.1"
QUIET = Progress(Console(quiet=True))


class NoSecrets:
    """A cluster in which nobody made a copy."""

    def __init__(self):
        self.applied = []

    def get(self, path):
        self.asked = path

    def apply(self, manifest):
        self.applied.append(manifest)


def test_the_step_is_taken_on_the_copy_with_the_image_of_the_release():
    job = rendered_rehearsal(load_fleet(ROOT, "local"), TENANT, VERSION, QUIET)
    assert (job["kind"], job["metadata"]["namespace"]) == ("Job", f"t-{TENANT}")
    labels = job["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "rehearsal"
    assert labels["app.kubernetes.io/version"] == VERSION, "nobody would find how it ended"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == load_release(ROOT, VERSION).manifest.images["odoo"]
    assert f"--database={copy_of(TENANT)}" in container["args"], "the shop itself would take the step"
    assert SECRET in str(container["env"])


def test_without_a_copy_nothing_is_started_and_it_is_said_how_one_is_made():
    cluster = NoSecrets()
    with pytest.raises(EnvironmentTrouble) as refused:
        start_rehearsal(cluster, load_fleet(ROOT, "local"), TENANT, VERSION, QUIET)
    assert copy_of(TENANT) in str(refused.value)
    assert f"create secret generic {SECRET}" in str(refused.value)
    assert cluster.applied == []


def test_a_release_that_is_not_there_is_not_rehearsed():
    with pytest.raises(EnvironmentTrouble, match="has no chart") as refused:
        rendered_rehearsal(load_fleet(ROOT, "local"), TENANT, "18.0.9", QUIET)
    assert "storefleet release bundle 18.0.9" in str(refused.value)
    assert not isinstance(refused.value, SpecError)
