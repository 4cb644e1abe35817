"""The project's git repository: reading other commits, and writing one that holds exactly what it says."""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from local.trouble import EnvironmentTrouble
from release.pointers import ENVIRONMENTS_FOLDER
from spec.problems import Problem, SpecError, printable

_LIMIT_SECONDS: Final = 120.0
_BUSY: Final = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
_FIELD: Final = re.compile(r"^([-+])(release|attempt): (\S+)$")


@dataclass(frozen=True, kw_only=True)
class Move:
    """A commit that changed the release of a tenant's pointer. `before` is None for a pointer that is new."""

    tenant: str
    commit: str
    at: datetime
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A file that differs between two commits: A added, M changed, D removed, T of another type."""

    status: str
    file: str


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of the project in one step, in a folder that is made where it is missing.

    A killed run leaves the old content or the new, and at most a file whose name ends with ``.partial``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)


@dataclass(frozen=True)
class Repository:
    """The repository whose work tree holds the project."""

    root: Path

    def head(self) -> str:
        """Return the commit that is checked out.

        Raises:
            SpecError: the project is in no repository, or in one without commits.

        """
        return self.commit("HEAD")

    def commit(self, ref: str) -> str:
        """Return the commit that a name stands for.

        Raises:
            SpecError: there is none.

        """
        ended = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", check=False
        )
        if ended.returncode == 0:
            return ended.stdout.strip()
        if self._run("rev-parse", "--git-dir", check=False).returncode != 0:
            raise _refused("is not in a git repository", "run the command in a checkout of the project")
        shallow = self._run("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        fix = (
            "fetch the whole history: git fetch --unshallow"
            if shallow
            else "name a branch, tag or commit that exists"
        )
        raise _refused(f"has no commit {printable(ref[:80])}", fix)

    def base(self, ref: str) -> str:
        """Return the commit where the work of HEAD left another branch; raises SpecError when they share none."""
        ended = self._run("merge-base", self.commit(ref), self.head(), check=False)
        if ended.returncode != 0:
            raise _refused(f"shares no history with {printable(ref[:80])}", "fetch the whole history")
        return ended.stdout.strip()

    def holds(self, commit: str, revision: str) -> bool:
        """Say whether a revision is a commit, or comes after it; one that nobody has here does not."""
        known = self._run("cat-file", "-e", f"{revision}^{{commit}}", check=False).returncode == 0
        return (
            known and self._run("merge-base", "--is-ancestor", commit, revision, check=False).returncode == 0
        )

    def changed(self, before: str, after: str, *paths: str) -> list[Changed]:
        """Return the files below some paths that differ between two commits."""
        said = self._run("diff", "--name-status", "--no-renames", "-z", before, after, "--", *paths).stdout
        parts = said.split("\0")[:-1]
        return [Changed(status=parts[place], file=parts[place + 1]) for place in range(0, len(parts), 2)]

    def files(self, commit: str, folder: str) -> list[str]:
        """Return the files below a folder in a commit."""
        return self._run("ls-tree", "-r", "--name-only", "-z", commit, "--", folder).stdout.split("\0")[:-1]

    def last_change(self, file: str) -> str:
        """Return the newest commit that changed a file; HEAD's where none did."""
        return self._run("log", "-1", "--format=%H", "HEAD", "--", file).stdout.strip() or self.head()

    def text(self, commit: str, file: str) -> str:
        """Return the text of a file in a commit; what is not UTF-8 is replaced."""
        return self._run("show", f"{commit}:{file}").stdout

    @contextmanager
    def tree(self, commit: str, *paths: str) -> Generator[Path]:
        """Lay out some paths of a commit in a folder of their own, for the time of the block."""
        there = [each for each in paths if self._run("ls-tree", commit, "--", each).stdout]
        with tempfile.TemporaryDirectory(prefix="storefleet-") as name:
            folder = Path(name)
            if there:
                packed = self._bytes("archive", "--format=tar", commit, "--", *there)
                with tarfile.open(fileobj=BytesIO(packed)) as archive:
                    archive.extractall(folder, filter="data")
            yield folder

    def uncommitted(self, *paths: str) -> list[str]:
        """Return the files below some paths that differ from HEAD, or are not in it."""
        said = self._run(
            "status", "--porcelain", "--untracked-files=all", "--no-renames", "-z", "--", *paths
        ).stdout
        return [part[3:] for part in said.split("\0") if part]

    def discard(self, files: Sequence[str]) -> None:
        """Remove files that no commit holds."""
        if files:
            self._run("reset", "--quiet", "--", *files)
            for file in files:
                (self.root / file).unlink(missing_ok=True)

    def moves(self, environment: str, commit: str = "HEAD") -> list[Move]:
        """Return the changes of an environment's pointers, the newest first, as the branch saw them."""
        said = self._run(
            "log", "--first-parent", "--diff-merges=first-parent", "--no-renames", "--no-color", "--no-ext-diff",
            "--unified=0", "--patch", "--format=%x01%H %ct", commit, "--", f"{ENVIRONMENTS_FOLDER}/{environment}",
        ).stdout  # fmt: skip
        return list(_moves(said))

    def write(self, texts: Mapping[str, str], message: str) -> str:
        """Commit files, and nothing else that may lie around, and return the commit.

        Killed at any point, it leaves the branch as it was or with the whole commit; run again, it writes the same.

        Raises:
            SpecError: a merge or rebase is under way, or a hook of the repository refused the commit.

        """
        folder = Path(self._run("rev-parse", "--absolute-git-dir").stdout.strip())
        busy = [name for name in _BUSY if (folder / name).exists()]
        if busy:
            raise _refused(f"is in the middle of something ({busy[0]})", "finish it, or take it back, first")
        for file, text in texts.items():
            write_whole(self.root / file, text.encode())
        self._run("add", "--", *texts)
        ended = self._run("commit", "--quiet", "--only", "--message", message, "--", *texts, check=False)
        if ended.returncode != 0:
            said = printable(" ".join((ended.stderr or ended.stdout).split())[:300])
            raise _refused(f"refused the commit: {said}", "mend that and run the command again")
        return self.head()

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        ended = self._git(arguments)
        result = subprocess.CompletedProcess(
            ended.args,
            ended.returncode,
            ended.stdout.decode(errors="replace"),
            ended.stderr.decode(errors="replace"),
        )
        if check and result.returncode != 0:
            said = printable(" ".join(result.stderr.split())[:300])
            raise EnvironmentTrouble(f"git {arguments[0]} failed: {said}")
        return result

    def _bytes(self, *arguments: str) -> bytes:
        ended = self._git(arguments)
        if ended.returncode != 0:
            said = printable(ended.stderr.decode(errors="replace")[:300])
            raise EnvironmentTrouble(f"git {arguments[0]} failed: {said}")
        return ended.stdout

    def _git(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        git = shutil.which("git")
        if git is None:
            raise EnvironmentTrouble("there is no git on PATH: install it")
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LITERAL_PATHSPECS": "1"}
        try:
            return subprocess.run(  # noqa: S603
                [git, "-C", str(self.root), *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                env=environment,
                timeout=_LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise EnvironmentTrouble(
                f"git {arguments[0]} was not done after {_LIMIT_SECONDS:.0f} s"
            ) from error


def _moves(log: str) -> Iterator[Move]:
    for entry in log.split("\x01")[1:]:
        head, _, body = entry.partition("\n")
        commit, _, seconds = head.partition(" ")
        at = datetime.fromtimestamp(int(seconds), tz=UTC)
        for section in body.split("\ndiff --git ")[0:]:
            name = section.partition("\n")[0].rpartition(" b/")[2]
            tenant = name.rpartition("/")[2].removesuffix(".yaml")
            found = [_FIELD.match(line) for line in section.splitlines()]
            values = {(each[1], each[2]): each[3] for each in found if each}
            before, after = values.get(("-", "release")), values.get(("+", "release"))
            if before != after:
                yield Move(tenant=tenant, commit=commit, at=at, before=before, after=after)


def _refused(message: str, fix: str) -> SpecError:
    return SpecError([Problem(file="the repository", message=message, fix=fix)])
