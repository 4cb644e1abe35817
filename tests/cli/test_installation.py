"""The engine that a run uses: put together from our programs, or an official one that is already there."""

from __future__ import annotations

import pytest

from cli.engine import installation
from local.state import State
from local.toolchain import catalog, found


@pytest.fixture
def programs(tmp_path):
    made = {}
    for program in (catalog.PULUMI, *catalog.PROVIDERS):
        path = tmp_path / "cache" / program.name
        path.parent.mkdir(exist_ok=True)
        path.write_text("program")
        made[program.name] = path
    return made


def test_our_engine_stands_beside_our_language_host(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    made = installation.install(State(tmp_path), programs)
    assert made.pulumi.with_name("pulumi-language-python").exists(), "no program could run"
    assert made.variables["PATH"].startswith(str(made.pulumi.parent))


def test_an_official_installation_is_used_without_our_language_host(tmp_path, programs, monkeypatch):
    official = tmp_path / "official" / "pulumi"
    monkeypatch.setattr(found, "official_pulumi", lambda: official)
    made = installation.install(State(tmp_path), programs)
    assert made.pulumi == official
    assert not list(tmp_path.rglob("pulumi-language-python")), (
        "our host stands in the way of the official one"
    )


def test_providers_stand_where_the_engine_looks_without_a_warning(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    made = installation.install(State(tmp_path), programs)
    folder = tmp_path / "engine" / "home" / "plugins"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        f"resource-kubernetes-v{catalog.KUBERNETES_PROVIDER_VERSION}",
        f"resource-random-v{catalog.RANDOM_PROVIDER_VERSION}",
    ]
    assert made.variables["PULUMI_HOME"] == str(folder.parent)


def test_the_salt_of_this_machine_is_kept_and_what_is_committed_follows(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    made = installation.install(State(tmp_path), programs)
    file = tmp_path / "engine" / "Pulumi.local.yaml"
    assert made.variables["PULUMI_OPTION_CONFIG_FILE"] == str(file)
    file.write_text(f"encryptionsalt: v1:abc\n{file.read_text()}".replace("tenants: all", "tenants: none"))
    installation.install(State(tmp_path), programs)
    assert file.read_text().startswith("encryptionsalt: v1:abc"), (
        "the engine could not read its state any more"
    )
    assert "tenants: all" in file.read_text(), "a change of the committed file would never arrive"


def test_state_stays_on_this_machine_and_nothing_is_downloaded_behind_the_back(
    tmp_path, programs, monkeypatch
):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    variables = installation.install(State(tmp_path), programs).variables
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path / 'engine' / 'state'}?metadata=skip"
    assert variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_a_stack_file_that_a_killed_engine_cut_off_is_made_again(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    installation.install(State(tmp_path), programs)
    file = tmp_path / "engine" / "Pulumi.local.yaml"
    whole = file.read_text()
    for content in ("a: [\n", "", "7", whole[:40]):
        file.write_text(content)
        installation.install(State(tmp_path), programs)
        assert file.read_text() == whole


def test_a_checkout_with_a_space_in_its_path_has_a_language_host(tmp_path, programs, monkeypatch):
    folder = tmp_path / "my shops"
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    monkeypatch.setattr(installation.languagehost, "__file__", str(folder / "local" / "host" / "__init__.py"))
    made = installation.install(State(tmp_path), programs)
    launcher = made.pulumi.with_name("pulumi-language-python").read_text()
    assert f"PYTHONPATH='{folder}'" in launcher
    assert found.OURS in launcher.encode(), "our own engine would be taken for an official one"


def test_a_program_that_is_a_link_is_placed_as_what_it_links_to(tmp_path, programs, monkeypatch):
    real = tmp_path / "cellar" / "pulumi"
    real.parent.mkdir()
    programs[catalog.PULUMI.name].rename(real)
    programs[catalog.PULUMI.name].symlink_to("../cellar/pulumi")
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    made = installation.install(State(tmp_path), programs)
    assert made.pulumi.read_text() == "program"


@pytest.mark.parametrize(
    ("known", "told"), [("", "127.0.0.1,localhost"), ("corp.example", "corp.example,127.0.0.1,localhost")]
)
def test_the_engine_talks_to_its_program_without_a_proxy(tmp_path, programs, monkeypatch, known, told):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", known)
    variables = installation.install(State(tmp_path), programs).variables
    assert (variables["NO_PROXY"], variables["no_proxy"]) == (told, told)


def test_the_engine_writes_no_log_of_every_value(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(found, "official_pulumi", lambda: None)
    logs = tmp_path / "engine" / "home" / "logs"
    logs.mkdir(parents=True)
    (logs / "pulumi-20260101T000000-1-up.log").write_text("a password")
    for _ in range(2):
        installation.install(State(tmp_path), programs)
        assert logs.is_file(), "the engine would log what it sends and gets, secrets too"
