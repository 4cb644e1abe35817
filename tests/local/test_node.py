"""What the real node is told, without one: its addresses, who is who, and where it is refused. Pure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import node as commands
from local.controlplane import bootstrap
from local.controlplane.pki import Pki
from local.controlplane.services import FAKE_NODE
from local.node import cluster, packages, run, services, settings
from local.node.settings import Place
from local.state import State
from local.trouble import EnvironmentTrouble
from spec.problems import SpecError

pytestmark = pytest.mark.unit
PLACE = Place(root=Path("/state/node"), debian=Path("/debian"), number=7)


def test_everything_outside_of_the_machine_is_its_link_and_its_route():
    told = settings.machine(PLACE, 6000, [])
    assert [command[:3] for command in told["link"]] == [
        ["ip", "link", "add"],
        ["ip", "address", "add"],
        ["ip", "link", "set"],
        ["ip", "route", "add"],
    ]
    assert all(PLACE.link in command for command in told["link"][:3])
    assert told["forward"]["to"] == ["127.0.0.1", 6000], "the API server is not opened to the network"


def test_a_node_has_no_way_out():
    routes = [
        command for command in settings.machine(PLACE, 6000, [])["inside"] if command[:2] == ["ip", "route"]
    ]
    assert [command[3] for command in routes] == [settings.SERVICE_ADDRESSES]


def test_the_kubelet_is_shown_its_settings_of_the_machine_and_changes_none():
    told = settings.machine(PLACE, 6000, [])
    for name, value in settings.TUNABLES.items():
        file = told["binds"][f"/proc/sys/{name}"]
        assert told["files"][file] == f"{value}\n"


def test_strangers_may_nothing_at_the_kubelet():
    told = services.kubelet(PLACE, Pki(Path("/pki")))
    assert told["authentication"]["anonymous"] == {"enabled": False}
    assert told["authorization"] == {"mode": "Webhook"}
    assert told["readOnlyPort"] == 0


def test_the_agents_read_what_they_judge_by_and_nothing_secret():
    for role in (each for each in cluster.rights() if each["kind"] == "ClusterRole"):
        for rule in role["rules"]:
            assert rule["verbs"] == ["get", "list", "watch"]
            assert not {"secrets", "configmaps", "*"} & set(rule["resources"])


def test_the_rules_of_services_leave_the_limits_of_the_whole_machine_alone():
    assert set(services.proxy(PLACE, Path("/access"))["conntrack"].values()) == {0, "0s"}


def test_two_environments_of_a_machine_have_addresses_of_their_own(tmp_path, monkeypatch):
    first = run.node(State(tmp_path / "a")).place
    line = f"sf000000\t00{first.number:02X}12C6\t0\n"
    real = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda self, *more: real(self, *more) + line if str(self) == "/proc/net/route" else real(self, *more),
    )
    assert run.node(State(tmp_path / "a")).place.number != first.number


def test_a_node_keeps_the_addresses_that_it_has(tmp_path):
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "number").write_text("42")
    assert run.node(State(tmp_path)).place.subnet == "198.18.42.0/24"


def test_where_there_is_no_node_nothing_of_one_is_asked_that_only_a_linux_can_say(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_number", lambda root: pytest.fail(f"the addresses of {root} were asked for"))
    current = State(tmp_path)
    assert commands.status(current) == ()
    assert not commands.stop(current)


def test_a_dead_real_node_does_not_hold_up_the_environment():
    class Api:
        def get(self, path):
            return {"path": path}

        def items(self, path):
            assert path == "/api/v1/nodes"
            down = [{"type": "Ready", "status": "Unknown"}]
            return [{"metadata": {"name": "real"}, "status": {"conditions": down}}, *self.fakes]

    api = Api()
    api.fakes = []
    assert bootstrap.waiting_for(api, fresh=False) == ""
    api.fakes = [{"metadata": {"name": "a", "annotations": {FAKE_NODE: "fake"}}, "status": {}}]
    assert bootstrap.waiting_for(api, fresh=False) == "1 nodes"


def test_another_kind_of_node_is_a_mistake_and_is_said_before_anything_starts():
    with pytest.raises(SpecError) as refused:
        commands.check("docker")
    assert "make up NODE=real" in str(refused.value)
    commands.check(None)


@pytest.mark.parametrize("missing", ["root", "packages", "tools"])
def test_a_machine_that_cannot_have_a_node_is_told_what_to_do_instead(missing, monkeypatch, tmp_path):
    monkeypatch.setenv("STOREFLEET_CACHE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000 if missing == "root" else 0)
    monkeypatch.setattr("platform.machine", lambda: "aarch64" if missing == "packages" else "x86_64")
    monkeypatch.setattr(
        "shutil.which", lambda name: None if missing == "tools" and name == "nsenter" else name
    )
    with pytest.raises(EnvironmentTrouble, match=r"KUBECONFIG at a cluster of kind|apt-get install"):
        commands.check("real")


def test_a_package_that_is_not_the_reviewed_one_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("STOREFLEET_CACHE", str(tmp_path))
    monkeypatch.setattr(packages, "refuse_elsewhere", lambda: None)
    monkeypatch.setattr(
        packages,
        "_run",
        lambda command, place: Path(place, f"{command[2].partition('=')[0]}_1.deb").write_text("other"),
    )
    with pytest.raises(EnvironmentTrouble, match="not the file that is pinned"):
        packages.ensure()
    assert not packages.folder().exists(), "it would be taken for good the next time"


def test_the_digest_tells_one_configuration_from_another():
    told = settings.machine(PLACE, 6000, [])
    assert settings.digest(told) == settings.digest(json.loads(json.dumps(told)))
    assert settings.digest(told) != settings.digest(settings.machine(PLACE, 6001, []))
