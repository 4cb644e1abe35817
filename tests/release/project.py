"""A project in a real git repository of its own: three shops, two calendars, two releases, four people with keys."""

import base64
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from cli import calendars as calendar_commands
from cli import release as release_commands
from cli import release_evidence, release_steps, signatures
from cli.release_facts import committed_facts
from release.driver import plan_of_version
from release.gates.verdict import Outcome
from release.ledger import Step, StepRecord, decision, unrehearsed, without_checkpoint
from release.repository import Repository
from release.turns import progress
from spec.problems import SpecError
from tests.spec.cases import BASELINE, project_of
from tests.spec.conftest import GOOD

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
"""A Monday."""
DIGEST = "sha256:" + "c" * 64
SHOPS = {"bakery": (0, "low"), "corner": (2, "standard"), "deli": (2, "standard"), "emporium": (3, "high")}
PEOPLE = {
    "rita@corner.example": ["release", "emergency"],
    "dan@corner.example": ["database", "restore"],
    "bea@corner.example": ["business", "payments"],
    "dev@corner.example": ["release", "database"],
}

RELEASE = f"""\
summary: The promotion engine counts each voucher once
built_by: [dev@corner.example]
built_at: 2026-05-28T14:05:00Z
commit: {"1" * 40}
bundle: {DIGEST}
images:
  odoo: registry.example/odoo@{DIGEST}
modules:
  - {{name: sale_promotion, version: 18.0.1.2.0}}
migration: none
integrations: []
payment_related: false
rollback: pointer
tests:
  - {{name: unit, result: passed, total: 1204, report: {DIGEST}}}
"""

CALENDARS = {
    "fair": "title: The fair\nowner: shop@corner.example\ntime_zone: Europe/Paris\nfreezes:\n"
    "  - {kind: season, name: Fair, starts: 2026-06-03, ends: 2026-06-06}\n",
    "quiet": "title: Quiet\nowner: shop@corner.example\ntime_zone: Europe/Paris\nfreezes:\n"
    "  - {kind: season, name: Stocktaking, starts: 2026-12-30, ends: 2026-12-31}\n",
}


class Project:
    """A checkout, the clock that its commands go by, and the keys of its people."""

    def __init__(self, root, monkeypatch):
        self.root = root
        self._patch = monkeypatch
        self.at = START
        self.keys = {}
        self.prepares = True
        """Whether rehearsals, checkpoints and gates go well by themselves, as in tests about something else."""
        for module in (release_commands, release_steps, release_evidence, signatures, calendar_commands):
            monkeypatch.setattr(module, "ROOT", root)
        for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
            monkeypatch.setenv(name, "Rita")
        for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
            monkeypatch.setenv(name, "rita@corner.example")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        self.clock(START)
        project_of(BASELINE, root)
        self._files()
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("The project")

    def clock(self, at):
        """Set the time of the commands and of git."""
        self.at = at
        for module in (release_commands, release_steps, release_evidence, signatures, calendar_commands):
            self._patch.setattr(module, "now", lambda: at)
        stamp = f"{int(at.timestamp())} +0000"
        self._patch.setenv("GIT_COMMITTER_DATE", stamp)
        self._patch.setenv("GIT_AUTHOR_DATE", stamp)

    def later(self, **passed):
        self.clock(self.at + timedelta(**passed))

    def git(self, *arguments):
        ended = subprocess.run(
            ["git", "-C", str(self.root), *arguments], check=False, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def commit(self, message="A change"):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def write(self, file, text):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, file):
        return (self.root / file).read_text(encoding="utf-8")

    def release(self, version, **changes):
        text = RELEASE
        for old, new in changes.items():
            line = next(each for each in text.splitlines() if each.startswith(f"{old}:"))
            text = text.replace(line, f"{old}: {new}")
        self.write(f"releases/{version}/release.yaml", text)

    def run(self, *arguments, status=0):
        """Run a command of the release group, and return what it says."""
        if (
            self.prepares
            and arguments[0] == "promote"
            and "--wave" in arguments
            and "--dry-run" not in arguments
        ):
            self.prepared(arguments[1], int(arguments[arguments.index("--wave") + 1]))
        result = CliRunner().invoke(release_commands.app, list(arguments))
        assert isinstance(result.exception, SystemExit | None), (
            f"a user saw a traceback: {result.exception!r}"
        )
        assert result.exit_code == status, result.output
        return " ".join(result.output.split())

    def approve(self, version, role="release", by="rita@corner.example", status=0):
        """Approve a plan, and commit it."""
        said = self.run(
            "approve",
            version,
            "--env",
            "local",
            "--role",
            role,
            "--by",
            by,
            "--key",
            self.keys[by],
            status=status,
        )
        if status == 0:
            self.commit(f"{by} approves {version}")
        return said

    def planned(self, version="18.0.4"):
        """Plan a release, approve it, and commit both."""
        self.run("plan", version, "--env", "local", "--write")
        self.commit(f"The plan of {version}")
        self.approve(version)
        if self.prepares:
            self.prepared(version, 1)

    def prepared(self, version, number):
        """Record what a wave needs before it may start, as if all of it had gone well."""
        with suppress(SpecError):
            facts = committed_facts(self.root, "local", self.at, committed=False)
            plan = plan_of_version(facts, version)
            wave = plan.wave(number)
            if wave is None:
                return
            found = [(Step.REHEARSAL, wave, each) for each in unrehearsed(facts.records, plan, wave)]
            waiting = progress(facts, plan, wave).waiting
            missing = without_checkpoint(facts.records, plan, waiting, self.at)
            found += [(Step.CHECKPOINT, wave, each) for each in missing]
            for earlier in plan.waves[: number - 1]:
                since = progress(facts, plan, earlier).since
                if since and decision(facts.records, plan, earlier.number, Step.SOAK, since) is None:
                    found.append((Step.SOAK, earlier, None))
            records = [
                StepRecord(
                    environment="local",
                    release=version,
                    manifest=plan.manifest,
                    plan=plan.digest,
                    step=step,
                    wave=of.number,
                    tenant=tenant,
                    began=self.at,
                    ended=self.at,
                    outcome=Outcome.PASS,
                    why="It went well.",
                    details={},
                )
                for step, of, tenant in found
            ]
            if records:
                Repository(self.root).write({each.file: each.text for each in records}, "What was prepared")

    def pointers(self):
        """Return the release of each shop, as HEAD says."""
        found = {}
        for name in SHOPS:
            text = self.git("show", f"HEAD:gitops/environments/local/eu-1/{name}.yaml")
            found[name] = next(line.split()[1] for line in text.splitlines() if line.startswith("release:"))
        return found

    def _files(self):
        stack = self.read("stacks/Pulumi.local.yaml")
        assert "max_tenants: 2" in stack
        self.write("stacks/Pulumi.local.yaml", stack.replace("max_tenants: 2", "max_tenants: 9"))
        for name, (ring, criticality) in SHOPS.items():
            text = GOOD.replace("corner.example\n", f"{name}.example\n", 1).replace(
                "ring: 2", f"ring: {ring}"
            )
            text = text.replace("criticality: standard", f"criticality: {criticality}")
            text = text.replace("country: FR", "country: DE") if name == "deli" else text
            calendar = "fair" if name == "deli" else "quiet"
            self.write(f"tenants/{name}.yaml", f"{text}calendar: {calendar}\n")
        for name, text in CALENDARS.items():
            self.write(f"calendars/{name}.yaml", text)
        lines = ["approvers:"]
        for person, roles in PEOPLE.items():
            key = Ed25519PrivateKey.generate()
            path = self.root.parent / f"{person.partition('@')[0]}.pem"
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            path.chmod(0o600)
            self.keys[person] = str(path)
            public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            lines += [
                f"  {person}:",
                f"    key: {base64.b64encode(public).decode()}",
                f"    may: [{', '.join(roles)}]",
            ]
        self.write("gitops/approvers.yaml", "\n".join(lines) + "\n")
        self.release("18.0.3")
        self.release("18.0.4")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in which every shop runs 18.0.3, since an hour ago."""
    made = Project(tmp_path / "project", monkeypatch)
    made.clock(START - timedelta(hours=1))
    made.run("pointers", "--env", "local", "--release", "18.0.3")
    made.clock(START)
    return made
