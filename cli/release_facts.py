"""What a command about releases goes by: what is committed, so that the record of a move says by what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cli.output import console
from release.facts import Source, load_facts
from release.ledger import RECORDS_FOLDER, read_records
from release.pointers import ENVIRONMENTS_FOLDER, read_pointers
from release.repository import Repository
from spec.calendar_files import CALENDARS_FOLDER
from spec.fleet import TENANTS_FOLDER
from spec.problems import Problem, SpecError
from spec.releases import RELEASES_FOLDER

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from release.known import Facts

WATCHED: Final = (RELEASES_FOLDER, CALENDARS_FOLDER, TENANTS_FOLDER, "gitops")


def committed_facts(root: Path, env: str, at: datetime, *, committed: bool = True) -> Facts:
    """Return what is known of an environment at an instant.

    Args:
        root: the project.
        env: the environment.
        at: the instant.
        committed: refuse when something that is read is not committed.

    Raises:
        SpecError: that, or what is wrong with a file.

    """
    repository = Repository(root)
    repository.head()
    if committed:
        own = (f"{ENVIRONMENTS_FOLDER}/{env}/", f"{RECORDS_FOLDER}/{env}/")
        loose = [file for file in repository.uncommitted(*WATCHED) if not file.startswith(own)]
        if loose:
            message = "is not committed, and what moves pointers goes by commits"
            raise mistake(loose[0], message, "commit it, or stash it")
    # What a killed command left in the work tree was not done: pointers and records are those of the commit.
    with repository.tree("HEAD", ENVIRONMENTS_FOLDER, RECORDS_FOLDER) as tree:
        facts = load_facts(Source(root=root, repository=repository), env, at)
        return replace(facts, pointers=read_pointers(tree, env), records=read_records(tree, env))


def discard_unfinished(root: Path, env: str) -> None:
    """Remove records that a killed command wrote and did not commit: what they say is asked for again.

    Raises:
        SpecError: a record that is committed was changed by hand.

    """
    repository = Repository(root)
    files = repository.uncommitted(f"{RECORDS_FOLDER}/{env}")
    known = set(repository.files("HEAD", f"{RECORDS_FOLDER}/{env}"))
    changed = [file for file in files if file in known]
    if changed:
        raise mistake(
            changed[0], "was changed by hand: it is written once", f"git checkout HEAD -- {changed[0]}"
        )
    repository.discard(files)


def mistake(field: str, message: str, fix: str) -> SpecError:
    """Return the error of a mistake on the command line, or in a file."""
    flag = field.startswith("--")
    file = "the command line" if flag else field
    return SpecError([Problem(file=file, field=field if flag else "", message=message, fix=fix)])


def tell(*lines: str) -> None:
    """Print lines as they are."""
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
