"""The stage of a story: a copy of the project's tenants and calendars in a repository and a time of its own."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.release_facts import committed_facts
from local.trouble import EnvironmentTrouble
from release.evidence import evidence_folder, seal, statement
from release.moving import adoption
from release.page import html_of, scorecard_html
from release.planner import plan_release
from release.pointers import read_pointers
from release.records import Approval, approval_file, plan_file, signed, text_of
from release.repository import Repository
from release.scorecard import Scorecard, scorecard
from release.verify import refuse_unsound
from spec.fleet import load_fleet
from spec.releases import load_release
from spec.roster import ROSTER, Role

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from release.known import Facts
    from release.plan import Plan

ENVIRONMENT: Final = "local"
_COPIED: Final = ("stacks", "calendars")
_PEOPLE: Final[Mapping[str, tuple[Role, ...]]] = {
    "release-manager@storefleet.example": (Role.RELEASE, Role.EMERGENCY),
    "database@storefleet.example": (Role.DATABASE, Role.RESTORE),
    "business@storefleet.example": (Role.BUSINESS, Role.PAYMENTS),
}
MANAGER: Final = "release-manager@storefleet.example"


@dataclass
class Stage:
    """A repository of the story. Its clock is that of the commits, and of everything that is judged."""

    root: Path
    at: datetime
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict[str, Ed25519PrivateKey])

    @property
    def repository(self) -> Repository:
        """The repository."""
        return Repository(self.root)

    def build(self, project: Path, tenants: Iterable[str], releases: Mapping[str, str]) -> None:
        """Lay the stage: some of the project's tenants, people with keys, releases, and a first commit."""
        for name in _COPIED:
            shutil.copytree(project / name, self.root / name)
        (self.root / "tenants").mkdir()
        for tenant in tenants:
            shutil.copy(project / "tenants" / f"{tenant}.yaml", self.root / "tenants")
        lines = ["approvers:"]
        for person, roles in _PEOPLE.items():
            key = self.keys.setdefault(person, Ed25519PrivateKey.generate())
            public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            lines += [f"  {person}:", f"    key: {base64.b64encode(public).decode()}"]
            lines += [f"    may: [{', '.join(roles)}]"]
        self._text(ROSTER, "\n".join(lines) + "\n")
        for version, text in releases.items():
            self._text(f"releases/{version}/release.yaml", text)
        self._git("init", "--quiet", "--initial-branch=main")
        self._commit("The project")

    def adopt(self, version: str) -> None:
        """Let every tenant run a release."""
        facts = self.facts()
        moving = adoption(facts, version)
        self.repository.write(moving.texts(facts.environment), moving.message)

    def planned(self, version: str) -> Plan:
        """Plan a release from now on and have everybody approve it whom it needs."""
        fleet = load_fleet(self.root, ENVIRONMENT, today=self.at.date())
        pointers = read_pointers(self.root, ENVIRONMENT)
        plan = plan_release(fleet, load_release(self.root, version), pointers, self.at)
        self._text(plan_file(ENVIRONMENT, version), plan.text)
        self._text(plan_file(ENVIRONMENT, version).replace(".json", ".html"), html_of(plan))
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
            record = signed(record, self.keys[by])
            self._text(approval_file(record), text_of(record))
        self._commit(f"The plan of {version}, approved")
        return plan

    def facts(self) -> Facts:
        """Return what is known now."""
        return committed_facts(self.root, ENVIRONMENT, self.at)

    def card(self, plan: Plan) -> Scorecard:
        """Return the scorecard as of now."""
        return scorecard(self.facts(), plan)

    def evidence(self, plan: Plan, outcome: str) -> Path:
        """Sign the evidence of a release that is over, verify it, and return its folder."""
        facts, folder = self.facts(), evidence_folder(plan)
        card = scorecard(facts, plan)
        texts = {
            f"{folder}/evidence.intoto.json": seal(
                statement(self.root, facts, plan, outcome), MANAGER, self.keys[MANAGER]
            ),
            f"{folder}/scorecard.html": scorecard_html(card),
        }
        self.repository.write(texts, f"Evidence of {plan.release}\n")
        refuse_unsound(self.root, self.facts(), plan)
        return self.root / folder

    def wait(self, until: datetime) -> None:
        """Set the clock, of the commits too."""
        self.at = until
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            os.environ[name] = f"{int(until.timestamp())} +0000"

    @contextmanager
    def lit(self) -> Generator[None]:
        """Use the stage's clock and its own name for commits, for the time of the block."""
        names = {"GIT_AUTHOR": "Storefleet", "GIT_COMMITTER": "Storefleet"}
        chosen = {f"{key}_NAME": name for key, name in names.items()}
        chosen |= {f"{key}_EMAIL": MANAGER for key in names}
        chosen |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_DATE": "", "GIT_COMMITTER_DATE": ""}
        before = {key: os.environ.get(key) for key in chosen}
        os.environ.update(chosen)
        self.wait(self.at)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value

    def _text(self, file: str, text: str) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> None:
        git = shutil.which("git")
        if git is None:
            raise EnvironmentTrouble("there is no git on PATH: install it")
        command = [git, "-C", str(self.root), *arguments]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603
        if ended.returncode != 0:
            raise EnvironmentTrouble(f"git {arguments[0]} failed: {ended.stderr.strip()[:200]}")
