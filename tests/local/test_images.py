"""The builder of the real node's images: what a tree becomes, what is pinned, and how a plan fits a small node."""

import hashlib
import io
import json
import re
import tarfile

import pytest

from components.database.images import POSTGRES, VALKEY
from components.database.plan import plan_database
from components.tenancy.plan import plan_tenant
from local.node.fit import ELSEWHERE, fitted
from local.node.images import debian, oci, table, tree
from local.node.settings import LABEL, NAME
from local.state import ROOT
from tests.components import samples

pytestmark = pytest.mark.unit

ROWS = [each for each in table.IMAGES if each.debian]
HERE = "storefleet.local/postgresql@sha256:" + "1" * 64


def written(made):
    into = io.BytesIO()
    return tree.write(made, into), into.getvalue()


def test_the_same_files_are_the_same_bytes_in_whatever_order_they_came():
    one = {"usr/bin/a": tree.file(b"a", runs=True), "etc/b": tree.file(b"b"), "bin": tree.link("usr/bin")}
    digest, data = written(one)
    assert written(dict(reversed(one.items()))) == (digest, data)
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
    assert [each.name for each in members] == ["bin", "etc", "etc/b", "usr", "usr/bin", "usr/bin/a"]
    assert {(each.uid, each.gid, each.mtime) for each in members} == {(0, 0, 0)}
    assert {each.name: oct(each.mode) for each in members}["usr/bin/a"] == "0o755"


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("./lib/x86/libc.so", "usr/lib/x86/libc.so"),
        ("bin/sh", "usr/bin/sh"),
        ("./etc/a", "etc/a"),
        ("./", ""),
    ],
)
def test_a_package_that_names_the_old_folders_lands_where_they_lead(path, there):
    assert tree.merged(path) == there


def test_nobody_becomes_root_by_a_program_of_an_image_and_a_hard_link_is_a_file():
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as archive:
        for name, kind, more in (("su", tarfile.REGTYPE, ""), ("sg", tarfile.LNKTYPE, "./bin/su")):
            member = tarfile.TarInfo(f"./bin/{name}")
            member.type, member.linkname, member.mode = kind, more, 0o6755
            member.size = 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(b"x"))
    into.seek(0)
    found = tree.read(into)
    assert {path: (entry.mode, entry.data) for path, entry in found.items()} == {
        "usr/bin/su": (0o755, b"x"),
        "usr/bin/sg": (0o755, b"x"),
    }


def test_every_package_is_pinned_by_version_and_hash_and_none_is_pinned_for_nothing():
    locked = json.loads(debian.LOCK.read_text())
    assert set(locked["sets"]) == {debian.key(each.debian) for each in ROWS}
    used = {name for names in locked["sets"].values() for name in names}
    assert used == set(locked["packages"])
    for name, each in locked["packages"].items():
        assert re.fullmatch(r"[0-9a-f]{64}", each["sha256"]), name
        assert each["version"], name


@pytest.mark.parametrize("image", table.IMAGES, ids=lambda each: each.name)
def test_no_image_runs_as_root_and_each_says_what_it_is(image):
    assert image.user > 0
    assert image.what
    assert image.starts or image.command


def test_the_stand_in_is_the_image_of_odoo_but_for_odoo():
    paths = {target for _, target in table.STAND_IN.files}
    dockerfile = ROOT / "gitops/image/Dockerfile"
    for program in re.findall(r"storefleet-[a-z]+", dockerfile.read_text()):
        assert f"/usr/local/bin/{program}" in paths
    assert "no Odoo" in table.STAND_IN.what
    assert "STAND_IN_FAIL" in table.BAD_STAND_IN.environment


def test_an_archive_names_the_image_by_the_digest_of_its_manifest(tmp_path):
    layer = tmp_path / "layer"
    with layer.open("wb") as file:
        diff = tree.write({"a": tree.file(b"a")}, file)
    digest = oci.write("one", {"User": "1:1"}, layer, diff, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        index = json.load(archive.extractfile("index.json"))
        (described,) = index["manifests"]
        manifest = archive.extractfile(f"blobs/{digest.replace(':', '/')}").read()
        (found,) = json.loads(manifest)["layers"]
        content = archive.extractfile(f"blobs/{found['digest'].replace(':', '/')}").read()
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == digest == described["digest"]
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == found["digest"] == diff
    assert described["annotations"]["io.containerd.image.name"] == f"storefleet.local/one@{digest}"


def test_a_cells_plan_fits_one_small_node_and_says_otherwise_what_it_says_everywhere():
    environment = samples.environment()
    planned = plan_database("shared", environment.cells["shared"], environment)
    made = [fitted(each.manifest, {POSTGRES: HERE, VALKEY: "other"}) for each in planned]
    assert {each.manifest["kind"] for each, one in zip(planned, made, strict=True) if one is None} <= {
        *ELSEWHERE,
        "ObjectStore",
    }
    (before,) = [each.manifest["spec"] for each in planned if each.manifest["kind"] == "Cluster"]
    (after,) = [one["spec"] for one in made if one and one["kind"] == "Cluster"]
    assert after["instances"] == 2
    assert after["affinity"]["nodeSelector"] == {LABEL: NAME}
    for same in ("bootstrap", "enableSuperuserAccess", "imageCatalogRef"):
        assert after[same] == before[same]
    for same in ("pg_hba", "synchronous"):
        assert after["postgresql"][same] == before["postgresql"][same], "durability would be another one"
    assert before["instances"] == 3, "the plan itself was changed"
    text = json.dumps(made)
    assert POSTGRES not in text
    assert HERE in text


def test_a_cell_archives_on_the_node_where_the_plugin_runs_and_nowhere_else():
    environment = samples.environment()
    planned = plan_database("shared", environment.cells["shared"], environment)
    by_kind = {
        each.manifest["kind"]: each.manifest for each in planned if each.key in {"database", "object-store"}
    }
    cluster, store = by_kind["Cluster"], by_kind["ObjectStore"]
    assert "plugins" not in fitted(cluster, {})["spec"], (
        "the cluster would wait for a plugin that is not there"
    )
    assert fitted(store, {}) is None
    assert fitted(cluster, {}, archiving=True)["spec"]["plugins"] == cluster["spec"]["plugins"]
    archived = fitted(store, {}, archiving=True)["spec"]
    assert archived["configuration"] == store["spec"]["configuration"], (
        "it would archive otherwise than elsewhere"
    )


def test_barmans_programs_are_modules_that_its_wheel_has():
    for path, script, runs in table.BARMAN_SIDECAR.texts:
        name = path.rpartition("/barman-cloud-")[2].replace("-", "_")
        module = re.search(r"barman\.clients\.cloud_(\w+)", script)[1]
        assert runs
        assert module in {name, name.replace("wal_", "wal")}


def test_a_cell_of_one_instance_asks_nobody_to_confirm_because_the_operator_refuses_it():
    environment = samples.environment()
    planned = plan_database("shared", environment.cells["shared"], environment)
    (cluster,) = [each.manifest for each in planned if each.manifest["kind"] == "Cluster"]
    made = fitted(cluster, {}, instances=1)
    assert made
    assert made["spec"]["instances"] == 1
    assert "synchronous" not in made["spec"]["postgresql"]


def test_a_tenants_walls_are_applied_as_they_are():
    for each in plan_tenant(samples.tenant(), samples.environment()).objects:
        if each.manifest["kind"] == "NetworkPolicy":
            assert fitted(each.manifest, {}) == dict(each.manifest)
