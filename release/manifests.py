"""The signature of a release's manifest: whoever built it stands for it, before anybody plans or approves it.

It is asked for as soon as the list of approvers names somebody in the role `build`: then a manifest without one moves
nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from release.records import payload_of, read_record
from release.signing import signature_problem
from spec.model import SpecModel
from spec.problems import Problem
from spec.releases import RELEASES_FOLDER, Moment, ReleaseVersion, Sha256, versions
from spec.roster import Role
from spec.vocabulary import Email  # noqa: TC001 - pydantic needs it at run time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spec.releases import Release
    from spec.roster import Roster

NAME: Final = "signature.json"


class ManifestSignature(SpecModel):
    """Somebody built a release, and it is exactly this one."""

    kind: Literal["storefleet.dev/manifest/v1"] = "storefleet.dev/manifest/v1"
    """What is signed."""
    release: ReleaseVersion
    """The version."""
    manifest: Sha256
    """Digest of the manifest's file."""
    by: Email
    """Who built it: one of `built_by`."""
    at: Moment
    """When, in UTC."""
    signature: str
    """Ed25519 signature of all the rest, in Base64."""


def signature_file(version: str) -> str:
    """Return the path of the signature of a manifest, relative to the project."""
    return f"{RELEASES_FOLDER}/{version}/{NAME}"


def read_signatures(root: Path) -> Mapping[str, ManifestSignature]:
    """Return the signatures of manifests, by version.

    Raises:
        SpecError: what is wrong with a file.

    """
    found: dict[str, ManifestSignature] = {}
    for version in versions(root):
        file = signature_file(version)
        if (root / file).exists():
            found[version] = read_record(root, file, ManifestSignature)
    return found


def manifest_problem(
    version: str, release: Release, signature: ManifestSignature | None, roster: Roster | None
) -> Problem | None:
    """Return why a manifest does not stand as it is; None when it does, or when nobody is named who signs."""
    if roster is None or not any(Role.BUILD in each.may for each in roster.approvers.values()):
        return None
    why = _wrong(version, release, signature, roster)
    if not why:
        return None
    fix = f"storefleet release sign {version} --by ... --key ..., in the change that adds the release"
    return Problem(file=signature_file(version), message=why, fix=fix)


def _wrong(version: str, release: Release, signature: ManifestSignature | None, roster: Roster) -> str:
    if signature is None:
        return f"the manifest of {version} is not signed by who built it"
    if (signature.release, signature.manifest) != (version, release.digest):
        return f"is the signature of another manifest than releases/{version}/release.yaml"
    if signature.by not in release.manifest.built_by:
        return f"is signed by {signature.by}, who did not build {version}"
    return signature_problem(roster, payload_of(signature), signature.by, Role.BUILD, signature.signature)
