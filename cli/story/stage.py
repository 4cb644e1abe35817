"""The stage of a story: a copy of the project's tenants and calendars in a repository and a time of its own."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cli.release_facts import committed_facts
from local.prometheus import empty_prometheus
from local.trouble import EnvironmentTrouble
from release.evidence import evidence_file, evidence_folder, opened, seal, statement
from release.manifests import ManifestSignature, signature_file
from release.moving import adoption
from release.page import html_of, scorecard_html
from release.planner import plan_release
from release.pointers import read_pointers
from release.records import Approval, approval_file, plan_file, read_json, signed, text_of
from release.repository import Repository, write_whole
from release.scorecard import Scorecard, scorecard
from release.signing import load_key
from release.verify import refuse_unsound
from spec.fleet import load_fleet
from spec.releases import digest_of, load_release, manifest_file
from spec.roster import ROSTER, Role

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from pathlib import Path

    from local.progress import Progress
    from release.known import Facts
    from release.plan import Plan

ENVIRONMENT: Final = "local"
_COPIED: Final = ("stacks", "calendars")
_PEOPLE: Final[Mapping[str, tuple[Role, ...]]] = {
    "release-manager@storefleet.example": (Role.RELEASE, Role.EMERGENCY),
    "database@storefleet.example": (Role.DATABASE, Role.RESTORE),
    "business@storefleet.example": (Role.BUSINESS, Role.PAYMENTS),
    "developer@storefleet.example": (Role.BUILD,),
}
BUILDER: Final = "developer@storefleet.example"
MANAGER: Final = "release-manager@storefleet.example"


@dataclass
class Stage:
    """The folder of a story: its repository, its clock, its people's keys, its Prometheus.

    All of it is on disk, so that a story whose command was killed goes on where it was. The clock is that of the
    commits, and of everything that is judged.
    """

    folder: Path
    progress: Progress
    at: datetime
    _open: ExitStack = field(default_factory=ExitStack)
    _address: str = ""

    @property
    def root(self) -> Path:
        """The project of the story."""
        return self.folder / "project"

    @property
    def repository(self) -> Repository:
        """The repository."""
        return Repository(self.root)

    @property
    def begun(self) -> bool:
        """Whether the project is there."""
        return self.root.is_dir()

    def build(self, project: Path, tenants: Iterable[str], releases: Mapping[str, str]) -> None:
        """Lay the stage, where it is not yet: some tenants, people with keys, releases, and a first commit."""
        if self.begun:
            self._as_committed()
            return
        partial = self.folder / "project.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for name in _COPIED:
            shutil.copytree(project / name, partial / name)
        (partial / "tenants").mkdir()
        for tenant in tenants:
            shutil.copy(project / "tenants" / f"{tenant}.yaml", partial / "tenants")
        lines = ["approvers:"]
        for person, roles in _PEOPLE.items():
            public = (
                self.key(person).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            )
            lines += [f"  {person}:", f"    key: {base64.b64encode(public).decode()}"]
            lines += [f"    may: [{', '.join(roles)}]"]
        _text(partial / ROSTER, "\n".join(lines) + "\n")
        for version, text in releases.items():
            _text(partial / manifest_file(version), text)
            record = ManifestSignature(
                release=version, manifest=digest_of(text), by=BUILDER, at=self.at, signature="unsigned"
            )
            _text(partial / signature_file(version), text_of(signed(record, self.key(BUILDER))))
        _git(partial, "init", "--quiet", "--initial-branch=main")
        _commit(partial, "The project")
        partial.rename(self.root)

    def key(self, person: str) -> Ed25519PrivateKey:
        """Return the private key of somebody in the story, who gets one when it is first asked for."""
        file = self.folder / "keys" / f"{person}.pem"
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = Ed25519PrivateKey.generate()
            partial = file.with_suffix(".partial")
            partial.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            partial.chmod(0o600)
            partial.replace(file)
        return load_key(file)

    def adopt(self, version: str) -> None:
        """Let every tenant run a release, where none runs any yet."""
        facts = self.facts()
        if not facts.pointers:
            moving = adoption(facts, version)
            self.repository.write(moving.texts(facts.environment), moving.message)

    def planned(self, version: str) -> Plan:
        """Plan a release from now on and have everybody approve it whom it needs; what is planned stays."""
        known = self.facts().plans.get(version)
        if known is not None:
            return known.plan
        fleet = load_fleet(self.root, ENVIRONMENT, today=self.at.date())
        pointers = read_pointers(self.root, ENVIRONMENT)
        plan = plan_release(fleet, load_release(self.root, version), pointers, self.at)
        _text(self.root / plan_file(ENVIRONMENT, version), plan.text)
        page = plan_file(ENVIRONMENT, version).replace(".json", ".html")
        _text(self.root / page, html_of(plan))
        for need in plan.approvals:
            by = next(person for person, roles in _PEOPLE.items() if need.role in roles)
            record = Approval(
                environment=fleet.environment.name,
                release=version,
                plan=plan.digest,
                role=need.role,
                by=by,
                at=self.at.replace(microsecond=0),
                signature="unsigned",
            )
            record = signed(record, self.key(by))
            _text(self.root / approval_file(record), text_of(record))
        _commit(self.root, f"The plan of {version}, approved")
        return plan

    def facts(self) -> Facts:
        """Return what is known now."""
        return committed_facts(self.root, ENVIRONMENT, self.at)

    def card(self, plan: Plan) -> Scorecard:
        """Return the scorecard as of now."""
        return scorecard(self.facts(), plan)

    def ended(self, plan: Plan) -> tuple[str, datetime] | None:
        """Return how a release ended and when, from its evidence; None while there is none."""
        file = evidence_file(plan)
        if file not in self.repository.files("HEAD", evidence_folder(plan)):
            return None
        _, content, _, _ = opened(read_json(self.root, file))
        predicate = content["predicate"]
        return str(predicate["outcome"]), datetime.fromisoformat(predicate["at"])

    def evidence(self, plan: Plan, outcome: str) -> Path:
        """Sign the evidence of a release that is over, verify it, and return its folder."""
        facts, folder = self.facts(), evidence_folder(plan)
        card = scorecard(facts, plan)
        texts = {
            evidence_file(plan): seal(statement(self.root, facts, plan, outcome), MANAGER, self.key(MANAGER)),
            f"{folder}/scorecard.html": scorecard_html(card),
        }
        self.repository.write(texts, f"Evidence of {plan.release}\n")
        refuse_unsound(self.root, self.facts(), plan)
        return self.root / folder

    def wait(self, until: datetime) -> None:
        """Set the clock, of the commits too."""
        self.at = until
        _text(self.folder / "clock", f"{until.isoformat()}\n")
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            os.environ[name] = f"{int(until.timestamp())} +0000"

    def prometheus(self) -> str:
        """Return the address of the story's Prometheus, which is started when it is first asked for."""
        if not self._address:
            found = self._open.enter_context(empty_prometheus(self.folder / "prometheus", self.progress))
            self._address = found.url
        return self._address

    @contextmanager
    def lit(self) -> Generator[None]:
        """Use the stage's clock and its own name for commits, for the time of the block; end Prometheus after it."""
        names = {"GIT_AUTHOR": "Storefleet", "GIT_COMMITTER": "Storefleet"}
        chosen = {f"{key}_NAME": name for key, name in names.items()}
        chosen |= {f"{key}_EMAIL": MANAGER for key in names}
        chosen |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_DATE": "", "GIT_COMMITTER_DATE": ""}
        before = {key: os.environ.get(key) for key in chosen}
        os.environ.update(chosen)
        clock = self.folder / "clock"
        self.wait(datetime.fromisoformat(clock.read_text().strip()) if clock.exists() else self.at)
        try:
            with self._open:
                yield
        finally:
            self._address = ""
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value

    def _as_committed(self) -> None:
        """Leave what a killed command had begun: a step is done when it is committed, and nobody else works here."""
        for lock in (self.root / ".git").rglob("*.lock"):
            lock.unlink()
        _git(self.root, "reset", "--hard", "--quiet")
        _git(self.root, "clean", "-d", "--force", "--quiet")


def _text(path: Path, text: str) -> None:
    write_whole(path, text.encode())


def _commit(root: Path, message: str) -> None:
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", message)


def _git(root: Path, *arguments: str) -> None:
    git = shutil.which("git")
    if git is None:
        raise EnvironmentTrouble("there is no git on PATH: install it")
    command = [git, "-C", str(root), *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603
    if ended.returncode != 0:
        raise EnvironmentTrouble(f"git {arguments[0]} failed: {ended.stderr.strip()[:200]}")
