"""Real signatures by a real cosign, made and verified by the targets that people run, in a registry on this machine.

They are of the form that the policy controller reads where an authority is a key. With the build of cosign where it is
missing: `STOREFLEET_BUILD_COSIGN=1 pytest tests/workflows/test_signing.py`.
"""

import hashlib
import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from local.controlplane.ports import free_port
from local.progress import Progress
from local.state import ROOT
from local.toolchain.build import ensure, locate
from local.toolchain.catalog import COSIGN, REGISTRY
from tests.recovery.servers import until_it_answers

pytestmark = pytest.mark.integration

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SECONDS = 300
SBOM = {"spdxVersion": "SPDX-2.3", "name": "a list of what the image holds"}


@pytest.fixture(scope="module")
def programs():
    if "missing" in {locate(COSIGN).origin, locate(REGISTRY).origin} and not os.environ.get(
        "STOREFLEET_BUILD_COSIGN"
    ):
        pytest.skip("cosign is not built, which takes minutes: STOREFLEET_BUILD_COSIGN=1 builds it")
    return ensure(Progress(Console()), [COSIGN, REGISTRY])


@dataclass(frozen=True)
class Bench:
    """A registry, a folder with keys, and cosign."""

    address: str
    folder: Path
    cosign: Path

    @property
    def image(self):
        return f"{self.address}/storefleet/odoo"

    def run(self, *command, status=0):
        environment = {
            **os.environ,
            "PATH": f"{self.cosign.parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "COSIGN_PASSWORD": "of the test",
        }
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == (status != 0), said
        return said

    def key(self, name):
        self.run("cosign", "generate-key-pair", "--output-key-prefix", str(self.folder / name))
        return self.folder / f"{name}.key", self.folder / f"{name}.pub"

    def push(self, path, data, content):
        method = "PUT" if "/manifests/" in path else "POST"
        request = urllib.request.Request(
            f"http://{self.address}{path}", data=data, method=method, headers={"Content-Type": content}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - our own
            assert answer.status == 201, answer.status

    def manifest(self, reference):
        request = urllib.request.Request(
            f"http://{self.address}/v2/storefleet/odoo/manifests/{reference}", headers={"Accept": MANIFEST}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - our own
            return answer.read()

    def built(self, text):
        """Push an image of one layer with a text, and return its digest."""
        parts = []
        for data in (b"{}", text.encode()):
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            self.push(f"/v2/storefleet/odoo/blobs/uploads/?digest={digest}", data, "application/octet-stream")
            parts.append({"digest": digest, "size": len(data)})
        body = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **parts[0]},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **parts[1]}],
        }
        data = json.dumps(body).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.push(f"/v2/storefleet/odoo/manifests/{digest}", data, MANIFEST)
        return digest

    def make(self, target, digest, key, status=0):
        words = [f"IMAGE={self.image}", f"DIGEST={digest}", f"KEY={key}", f"SBOM={self.folder / 'sbom.json'}"]
        return self.run("make", "--no-print-directory", target, *words, status=status)


@pytest.fixture(scope="module")
def bench(programs, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("signing"), free_port()
    (folder / "sbom.json").write_text(json.dumps(SBOM))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs["registry"], f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        until_it_answers(process, port, folder / "log", "the registry", SECONDS)
        yield Bench(address=f"127.0.0.1:{port}", folder=folder, cosign=programs["cosign"])
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def keys(bench):
    return bench.key("environment")


@pytest.fixture(scope="module")
def signed(bench, keys):
    """An image that was signed with the environment's key, with its SBOM."""
    digest = bench.built("the shop")
    bench.make("image-sign", digest, keys[0])
    return digest


def test_what_was_signed_is_verified_by_its_digest_and_its_sbom_with_it(bench, keys, signed):
    said = bench.make("image-verify", signed, keys[1])
    assert f'"docker-manifest-digest":"{signed}"' in said.replace(" ", ""), "another image was verified"
    attested = bench.run(
        "cosign", "verify-attestation", "--key", str(keys[1]), "--new-bundle-format=false",
        "--insecure-ignore-tlog=true", "--type", "spdxjson", f"{bench.image}@{signed}",
    )  # fmt: skip
    assert "payload" in attested


def test_the_signature_of_another_key_is_refused(bench, signed):
    _, stranger = bench.key("somebody")
    said = bench.make("image-verify", signed, stranger, status=2)
    assert "invalid signature" in said or "no matching signatures" in said, said


def test_an_image_that_nobody_signed_is_refused(bench, keys):
    said = bench.make("image-verify", bench.built("a shop that nobody signed"), keys[1], status=2)
    assert "no signatures found" in said, said


def test_a_signature_that_is_hung_on_another_image_is_refused(bench, keys, signed):
    """Whoever may push can copy a signature, but it names the digest that it was made for."""
    changed = bench.built("the shop, and something else in it")
    copied = bench.manifest(f"{signed.replace(':', '-')}.sig")
    bench.push(f"/v2/storefleet/odoo/manifests/{changed.replace(':', '-')}.sig", copied, MANIFEST)
    said = bench.make("image-verify", changed, keys[1], status=2)
    assert "digest" in said, said


@pytest.mark.parametrize("target", ["image-sign", "image-verify"])
def test_an_image_by_tag_is_neither_signed_nor_verified(bench, keys, target):
    assert "name the image by digest" in bench.make(target, "latest", keys[0], status=2)
