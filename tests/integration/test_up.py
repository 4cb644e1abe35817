"""What `make up` promises: it applies, then changes nothing, and a change touches only what it should."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from components.kube import KINDS
from components.plan import plan_environment
from local.kube import ApiError, KubeApi
from release.facts import released_images
from spec import labels
from spec.fleet import load_fleet

if TYPE_CHECKING:
    from tests.integration.project import Project

pytestmark = pytest.mark.integration


def test_every_object_of_the_plan_is_in_the_cluster_and_in_the_state(project: Project):
    found = project.inventory()
    assert len(found.state) > 50, "the stack is all but empty"
    assert not found.missing, "the state names objects that the cluster does not hold"
    assert not found.orphans, "the cluster holds objects of ours that no state names"


def test_a_second_up_changes_nothing_and_writes_nothing(project: Project):
    before = _versions(project.api)
    output = project.run("up")
    assert "Nothing to change" in output, output
    assert _versions(project.api) == before, "an up without a change wrote to the API server"


def test_preview_says_that_nothing_would_change(project: Project):
    assert "Nothing would change" in project.run("preview")


def test_the_rules_of_the_pack_ran_on_the_stack(project: Project):
    file = max((project.state.engine / "runs").glob("*-preview.events"))
    events = [json.loads(line) for line in file.read_text().splitlines()]
    passed = {
        name
        for event in events
        for kind in ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent")
        for name in event.get(kind, {}).get("passed", [])
    }
    first_six = {
        "tenant-isolation",
        "resources-set",
        "image-digest",
        "no-plaintext-secret",
        "explicit-provider",
        "required-labels",
    }
    assert first_six <= passed, "a rule did not run in an ordinary up"


def test_one_more_tenant_touches_only_its_own_resources(project: Project):
    model = (project.root / "tenants" / "solvane-lyon.yaml").read_text()
    added = project.root / "tenants" / "solvane-annecy.yaml"
    text = model.replace("lyon", "annecy").replace("Lyon", "Annecy")
    before = _versions(project.api)
    added.write_text(text)
    project.run("up")
    report = project.last_run("up")
    touched = {change.urn for change in report.changes}
    assert touched, "the new tenant brought nothing"
    foreign = sorted(urn for urn in touched if "::t-solvane-annecy" not in urn)
    assert not foreign, f"a tenant more touched what is not its own: {foreign}"
    assert {change.op for change in report.changes} == {"create"}
    after = _versions(project.api)
    changed = [item for item, version in before.items() if after.get(item) != version]
    assert not changed, "objects of other tenants were written"
    assert not project.inventory().orphans


def test_state_and_its_folder_hold_no_readable_secret_of_the_environment(project: Project):
    passphrase = (project.state.root / "passphrase").read_text().strip()
    admin_key = (project.state.control_plane / "pki" / "admin.key").read_text().splitlines()[1]
    for file in (project.state.engine / "state").rglob("*"):
        if file.is_file():
            text = file.read_text(errors="replace")
            assert passphrase not in text, f"{file} holds the passphrase"
            assert admin_key not in text, f"{file} holds the administrator's key"
    assert (project.state.root / "passphrase").stat().st_mode & 0o077 == 0, "others can read the passphrase"


def test_the_committed_stack_file_is_never_written(project: Project):
    committed = (project.root / "stacks" / "Pulumi.local.yaml").read_text()
    assert "encryptionsalt" not in committed, "an up dirtied the checkout with this machine's salt"


def test_the_api_server_takes_nobody_without_a_certificate_of_ours(project: Project, tmp_path):
    config = json.loads(project.state.kubeconfig.read_text())
    config["users"][0]["user"] = {}
    stranger = tmp_path / "kubeconfig"
    stranger.write_text(json.dumps(config))
    with pytest.raises(ApiError, match=r"401|Unauthorized"):
        KubeApi(stranger).get("/api/v1/namespaces")


def test_nodes_stand_in_three_zones_and_two_pools(project: Project):
    nodes = project.api.items("/api/v1/nodes")
    places = {
        (n["metadata"]["labels"]["topology.kubernetes.io/zone"], n["metadata"]["labels"][labels.POOL])
        for n in nodes
    }
    zones, pools = {zone for zone, _ in places}, {pool for _, pool in places}
    assert (len(zones), len(pools), len(places)) == (3, 2, 6)


def test_a_killed_process_is_noticed_and_started_again(project: Project):
    from local.controlplane import control, processes  # noqa: PLC0415

    victim = processes.running(project.state.root)["scheduler"]
    victim.kill()
    victim.wait(10)
    assert "not running" in project.run("status", status=1)
    assert "started scheduler" in project.run("up")
    running = {s.name for s in control.status(project.state) if s.pid is not None}
    assert running == set(control.NAMES)


def test_down_leaves_no_process_and_up_goes_on_from_the_data(project: Project):
    from local.controlplane import processes  # noqa: PLC0415

    before = _versions(project.api)
    project.run("down")
    assert not processes.running(project.state.root), "a process was left running"
    project.run("down")
    started = time.monotonic()
    output = project.run("up")
    assert time.monotonic() - started < 120
    assert "Nothing to change" in output, f"a stop lost something:\n{output}"
    assert _versions(project.api).keys() == before.keys()


def _versions(api: KubeApi) -> dict[tuple[str, str, str], str]:
    selector = f"{labels.MANAGED_BY}={labels.MANAGED_BY_VALUE}"
    return {
        (kind, m.get("namespace", ""), m["name"]): m["resourceVersion"]
        for version, kind in KINDS
        for m in (i["metadata"] for i in api.every(version, kind, labelSelector=selector))
        if kind not in {"CronJob", "ResourceQuota", "StatefulSet"}  # their status is the controller manager's
    }


def test_the_plan_knows_how_many_resources_the_engine_will_count(project: Project):
    planned = plan_environment(load_fleet(project.root, "local")).resources
    assert project.last_run("preview").seen == planned, "the progress counts towards a wrong total"


def test_what_a_killed_engine_created_can_be_applied_again_by_the_next(project: Project):
    fleet = load_fleet(project.root, "local")
    for planned in plan_environment(fleet, released=released_images(fleet)).objects():
        # Each run of the provider has a name of its own, so the next one comes as somebody else.
        answer = project.api.apply(planned.manifest, manager="another-run", force=False, dry_run=True)
        assert answer["metadata"]["name"] == planned.meta.name
