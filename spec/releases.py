"""A release, as its manifest states it: what it is made of, what it touches, and how one comes back from it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from spec.loader import named
from spec.model import SpecModel
from spec.problems import Problem, SpecError, printable, refusal, shown, suggestion
from spec.vocabulary import Email, Slug, Title
from spec.yaml_text import read_text

RELEASES_FOLDER: Final = "releases"
MANIFEST: Final = "release.yaml"
PAYMENTS: Final = "payments"
"""The integration, by its usual name, that no release touches without being payment-related."""

_VERSION: Final = re.compile(r"[1-9][0-9]?(\.[0-9]{1,4}){2,3}(-[a-z0-9]{1,20})?\Z", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9./_:-]{0,199}@sha256:[0-9a-f]{64}\Z", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}\Z", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z\Z", re.ASCII)


class Migration(StrEnum):
    """What a release does to the database."""

    NONE = "none"
    ADDITIVE = "additive"
    BREAKING = "breaking"


class RollbackClass(StrEnum):
    """How a segment comes back from a release."""

    POINTER = "pointer"
    RESTORE = "restore"
    FORWARD_ONLY = "forward-only"


def _matches(pattern: re.Pattern[str], message: str, allowed: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.match(text):
            raise refusal(message, allowed=allowed)
        return text

    return AfterValidator(check)


ReleaseVersion = Annotated[
    str,
    _matches(
        _VERSION,
        "is not a version of a release",
        "the Odoo series and a number of its own, such as 18.0.3 or 18.0.3-rc1",
    ),
]
Sha256 = Annotated[str, _matches(_DIGEST, "is not a digest", "sha256: and 64 hexadecimal digits")]
PinnedImage = Annotated[
    str,
    _matches(
        _IMAGE, "is not an image by its digest", "name@sha256:... with 64 hexadecimal digits; a tag may move"
    ),
]
CommitId = Annotated[str, _matches(_COMMIT, "is not a commit", "40 hexadecimal digits")]


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _MOMENT.match(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        pass
    raise refusal("is not a time in UTC", allowed="a time that exists, written like 2026-11-27T14:05:00Z")


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""An instant, in UTC."""


class Module(SpecModel):
    """An add-on that the release changes."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    """Its technical name, such as sale_promotion."""
    version: Title
    """The version that the release brings."""


class SuiteResult(SpecModel):
    """A suite of tests that was run on the release, and how it ended."""

    name: Slug
    """Which suite: unit, integration, migration, security, load."""
    result: Literal["passed", "failed", "skipped"]
    """passed, failed or skipped."""
    total: Annotated[int, Field(strict=True, ge=0)]
    """How many tests it has."""
    failed: Annotated[int, Field(strict=True, ge=0)] = 0
    """How many of them failed."""
    report: Sha256
    """Digest of the report."""

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.failed > self.total:
            raise refusal("counts more failures than tests", at=("failed",), allowed=f"at most {self.total}")
        if (self.result == "failed") != (self.failed > 0):
            message = f"says {self.result}, and {self.failed} tests failed"
            raise refusal(message, at=("result",), fix="copy both from the report")
        return self


class ManifestFile(SpecModel):
    """What ``releases/<version>/release.yaml`` contains. The version is the name of the folder."""

    summary: Title
    """What changes, in a sentence for people."""
    built_by: Annotated[tuple[Email, ...], Field(min_length=1, max_length=50)]
    """Who wrote or built it: none of them may approve it."""
    built_at: Moment
    """When it was built, in UTC."""
    commit: CommitId
    """The commit of the source that it was built from."""
    bundle: Sha256
    """Digest of the bundle: the chart with its values."""
    images: Annotated[dict[Slug, PinnedImage], Field(min_length=1, max_length=20)]
    """The images by their roles, each by digest."""
    modules: Annotated[tuple[Module, ...], Field(max_length=500)] = ()
    """The add-ons that change."""
    migration: Migration
    """What it does to the database: none, additive or breaking."""
    integrations: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()
    """Systems outside whose conversation with the shop it changes, as tenants' files name them."""
    payment_related: Annotated[bool, Field(strict=True)]
    """Whether it changes how money is taken or given back."""
    rollback: RollbackClass
    """The way back: pointer (code only), restore (the checkpoint, with what was sold since lost) or forward-only."""
    tests: Annotated[tuple[SuiteResult, ...], Field(min_length=1, max_length=50)]
    """The suites that were run, with their results."""

    @model_validator(mode="after")
    def _declarations_agree(self) -> Self:
        if self.migration is Migration.BREAKING and self.rollback is RollbackClass.POINTER:
            message = "cannot be pointer: the code before a breaking migration does not run on the database after it"
            raise refusal(message, at=("rollback",), allowed="restore or forward-only")
        if PAYMENTS in self.integrations and not self.payment_related:
            message = "is false, and the release touches the integration payments"
            raise refusal(message, at=("payment_related",), fix="write true")
        names = [each.name for each in self.tests]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise refusal(
                    "stands twice in the list", at=("tests", place, "name"), fix="keep one of the two"
                )
        return self


class ManifestSpec(ManifestFile):
    """A release: its manifest's content and its version."""

    version: ReleaseVersion
    """The name of the release's folder."""

    @property
    def series(self) -> str:
        """The Odoo series, such as 18.0."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, kw_only=True)
class Release:
    """A manifest, and the digest of its file: what is approved is exactly this."""

    manifest: ManifestSpec
    digest: str


def manifest_file(version: str) -> str:
    """Return the path of a release's manifest, relative to the project."""
    return f"{RELEASES_FOLDER}/{version}/{MANIFEST}"


def load_releases(root: Path) -> Mapping[str, Release]:
    """Load every release of the project, by version.

    Raises:
        SpecError: everything that is wrong with any of them.

    """
    releases: dict[str, Release] = {}
    problems: list[Problem] = []
    for version in versions(root):
        try:
            releases[version] = _load(root, version)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return releases


def load_release(root: Path, version: str) -> Release:
    """Load one release.

    Raises:
        SpecError: there is none of this version, or what is wrong with it.

    """
    known = versions(root)
    if version not in known:
        problem = Problem(
            file=f"{RELEASES_FOLDER}/",
            value=shown(version),
            message="there is no release of this version",
            allowed=", ".join(known) or "none yet",
            fix=suggestion(version, known, f"add {RELEASES_FOLDER}/{printable(version[:40])}/{MANIFEST}"),
        )
        raise SpecError([problem])
    return _load(root, version)


def versions(root: Path) -> list[str]:
    """Return the versions that have a folder."""
    folder = root / RELEASES_FOLDER
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _load(root: Path, version: str) -> Release:
    file = manifest_file(version)
    text = read_text(root / file, file, hint="write it; docs/reference/releases.md says what it states")
    manifest = named(ManifestSpec, text, version, file, given="version", holder="folder")
    return Release(manifest=manifest, digest=digest_of(text))


def digest_of(text: str) -> str:
    """Return the digest of a text in UTF-8: ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
