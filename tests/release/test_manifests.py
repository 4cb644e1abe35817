"""The signature of a manifest: who built a release stands for it, and what was changed since moves nobody."""

import json
import shutil

import pytest

from release.facts import released_images
from spec.fleet import load_fleet
from spec.problems import SpecError
from tests.release.project import DIGEST, PEOPLE, QUIET, project

pytestmark = pytest.mark.unit
__all__ = ["project"]

DEV = "dev@corner.example"
SIGNATURE = "releases/18.0.4/signature.json"


@pytest.fixture
def asked(project):
    """A project whose list of approvers names who builds."""
    project.clock(QUIET)
    roster = project.read("gitops/approvers.yaml")
    own = ", ".join(PEOPLE[DEV])
    assert f"[{own}]" in roster
    project.write("gitops/approvers.yaml", roster.replace(f"[{own}]", f"[{own}, build]"))
    project.commit()
    return project


def sign(project, by=DEV, status=0):
    return project.run("sign", "18.0.4", "--by", by, "--key", project.keys[by], status=status)


def test_a_manifest_that_nobody_signed_moves_nobody_once_somebody_is_named_who_signs(asked):
    asked.planned()
    said = asked.run("promote", "18.0.4", "--env", "local", "--wave", "1", status=2)
    assert "the manifest of 18.0.4 is not signed by who built it" in said
    assert "storefleet release sign 18.0.4" in said


def test_a_signed_manifest_moves_its_wave(asked):
    assert "Commit it with the manifest" in sign(asked)
    assert "Nothing to do" in sign(asked)
    asked.commit()
    asked.planned()
    asked.run("promote", "18.0.4", "--env", "local", "--wave", "1")
    assert asked.pointers()["bakery"] == "18.0.4"


def test_who_did_not_build_a_release_does_not_sign_it(asked):
    assert "did not build 18.0.4" in sign(asked, by="rita@corner.example", status=2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"manifest": "sha256:" + "0" * 64}, "is the signature of another manifest than"),
        ({"release": "18.0.3"}, "is the signature of another manifest than"),
        ({"by": "rita@corner.example"}, "is signed by rita@corner.example, who did not build 18.0.4"),
        ({"at": "2026-06-08T09:00:01Z"}, "it was changed after it was signed, or signed with another key"),
    ],
)
def test_a_signature_that_was_tampered_with_moves_nobody(asked, change, said):
    sign(asked)
    asked.write(SIGNATURE, json.dumps({**json.loads(asked.read(SIGNATURE)), **change}))
    asked.commit()
    asked.planned()
    assert said in asked.run("promote", "18.0.4", "--env", "local", "--wave", "1", status=2)


def test_a_signature_is_not_added_to_a_release_that_is_there_already(asked):
    asked.git("checkout", "--quiet", "-b", "change")
    sign(asked)
    asked.commit()
    assert "releases/18.0.4" in asked.run("check", "--base", "main", status=2)


def test_nobody_approves_in_the_role_of_who_builds(asked):
    asked.planned()
    key = asked.keys[DEV]
    said = asked.run(
        "approve", "18.0.4", "--env", "local", "--role", "build", "--by", DEV, "--key", key, status=2
    )
    assert "is not a role" in said


def test_the_images_of_every_release_are_known_signed_or_not(project):
    """Pods of an old release are started again, and the way back leads to it."""
    newer = "sha256:" + "d" * 64
    text = project.read("releases/18.0.4/release.yaml").replace(f"odoo@{DIGEST}", f"odoo@{newer}")
    project.write("releases/18.0.5/release.yaml", text)
    found = released_images(load_fleet(project.root, "local"))
    assert {image.split("@")[1] for image in found} == {DIGEST, newer}


def test_a_release_that_tenants_are_on_is_not_lost(project):
    shutil.rmtree(project.root / "releases/18.0.3")
    with pytest.raises(SpecError) as refused:
        released_images(load_fleet(project.root, "local"))
    said = " ".join(str(refused.value).split())
    assert "releases/18.0.3/release.yaml: is missing, and bakery and 3 more of local are on it" in said
    assert "git log --diff-filter=D -- releases/18.0.3/release.yaml" in said
