"""What people sign: approvals of a plan, and emergencies. Each is one JSON file, written once."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError, model_validator

from release.signing import sign, signature_problem
from release.windows import Exemption
from spec.explain import problems_of
from spec.loader import name_of, named
from spec.model import SpecModel
from spec.problems import Problem, SpecError, refusal
from spec.releases import Moment, ReleaseVersion, Sha256
from spec.roster import Role, Roster
from spec.vocabulary import Day, Email, EnvironmentName, Slug, TenantId, Title
from spec.yaml_text import read_text

PLANS_FOLDER: Final = "gitops/plans"
EMERGENCIES_FOLDER: Final = "gitops/emergencies"

LONGEST_EMERGENCY: Final = timedelta(hours=24)
"""What takes longer than a day is not an emergency any more: it is planned, or recorded again."""
MOST_TENANTS: Final = 10
"""An emergency is for the tenants that have it, and not a switch for everybody."""
RETROSPECTIVE_DAYS: Final = 14
"""How long after its end people may take to write down what an emergency was."""

_RETROSPECTIVE_WORDS: Final = 30


class Approval(SpecModel):
    """Somebody approves a plan in a role."""

    kind: Literal["storefleet.dev/approval/v1"] = "storefleet.dev/approval/v1"
    """What is signed, so that a signature of one thing is none of another."""
    environment: EnvironmentName
    """The environment of the plan."""
    release: ReleaseVersion
    """The release that is planned."""
    plan: Sha256
    """Digest of the plan: another plan needs another approval."""
    role: Role
    """In which role: release, database, payments, business or restore."""
    by: Email
    """Who approves."""
    at: Moment
    """When, in UTC."""
    signature: str
    """Ed25519 signature of all the rest, in Base64."""


class Emergency(SpecModel):
    """Named tenants may be changed in a freeze, for hours."""

    kind: Literal["storefleet.dev/emergency/v1"] = "storefleet.dev/emergency/v1"
    """What is signed."""
    id: Slug
    """The name of the record's file."""
    environment: EnvironmentName
    """Where it holds."""
    tenants: Annotated[tuple[TenantId, ...], Field(min_length=1, max_length=MOST_TENANTS)]
    """For whom it holds."""
    release: ReleaseVersion | None = None
    """A release that these tenants may be moved to outside any plan; without it only plans and ways back are open."""
    reason: Title
    """Why it cannot wait, in a sentence."""
    ticket: Title
    """Where the incident is recorded."""
    by: Email
    """Who answers for it."""
    begins: Moment
    """From when on it holds, in UTC."""
    expires: Moment
    """When it ends by itself."""
    retrospective_due: Day
    """By when it is written down what happened and what prevents it."""
    signature: str
    """Ed25519 signature of all the rest, in Base64."""

    @model_validator(mode="after")
    def _is_short(self) -> Self:
        if not self.begins < self.expires <= self.begins + LONGEST_EMERGENCY:
            allowed = f"after begins, and at most {LONGEST_EMERGENCY / timedelta(hours=1):.0f} hours later"
            raise refusal("is not a near end", at=("expires",), allowed=allowed)
        if (
            not self.expires.date()
            <= self.retrospective_due
            <= (self.expires + timedelta(days=RETROSPECTIVE_DAYS)).date()
        ):
            allowed = f"within {RETROSPECTIVE_DAYS} days after it expires"
            raise refusal("is not a day soon after", at=("retrospective_due",), allowed=allowed)
        return self

    def open_for(self, tenant: str, at: datetime) -> bool:
        """Say whether it holds for a tenant at an instant."""
        return tenant in self.tenants and self.begins <= at < self.expires

    @property
    def exemption(self) -> Exemption:
        """What it opens of the sync windows."""
        return Exemption(
            record=self.id, tenants=frozenset(self.tenants), begins=self.begins, ends=self.expires
        )


Record = TypeVar("Record", bound=SpecModel)


def payload_of(record: SpecModel) -> dict[str, Any]:
    """Return what is signed of a record: everything but the signature."""
    return record.model_dump(mode="json", exclude={"signature"})


def signed(record: Record, key: Ed25519PrivateKey) -> Record:
    """Return a record with its signature."""
    return record.model_copy(update={"signature": sign(payload_of(record), key)})


def text_of(record: SpecModel) -> str:
    """Return a record as its file holds it."""
    return json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def check_approval(approval: Approval, roster: Roster) -> str:
    """Say what is wrong with an approval's signature, in a clause; empty when it holds."""
    return signature_problem(roster, payload_of(approval), approval.by, approval.role, approval.signature)


def check_emergency(emergency: Emergency, roster: Roster) -> str:
    """Say what is wrong with an emergency's signature, in a clause; empty when it holds."""
    return signature_problem(roster, payload_of(emergency), emergency.by, Role.EMERGENCY, emergency.signature)


def plan_file(environment: str, version: str) -> str:
    """Return the path of a plan, relative to the project."""
    return f"{PLANS_FOLDER}/{environment}/{version}/plan.json"


def approval_file(approval: Approval) -> str:
    """Return the path of an approval, relative to the project: one for each role, person and plan."""
    person = re.sub(r"[^a-z0-9]+", "-", approval.by.lower()).strip("-")
    name = f"{approval.role}-{person}-{approval.plan.removeprefix('sha256:')[:8]}.json"
    return f"{PLANS_FOLDER}/{approval.environment}/{approval.release}/approvals/{name}"


def emergency_file(environment: str, record: str) -> str:
    """Return the path of an emergency's record, relative to the project."""
    return f"{EMERGENCIES_FOLDER}/{environment}/{record}.json"


def retrospective_file(environment: str, record: str) -> str:
    """Return the path of an emergency's retrospective, relative to the project."""
    return f"{EMERGENCIES_FOLDER}/{environment}/{record}.md"


def read_json(root: Path, file: str) -> Mapping[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        SpecError: there is none.

    """
    try:
        content = json.loads(read_text(root / file, file))
    except (json.JSONDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        fix = "bring back what `storefleet release` wrote"
        raise SpecError([Problem(file=file, line=line, message="is not JSON", fix=fix)]) from None
    if not isinstance(content, dict):
        raise SpecError([Problem(file=file, message="holds no object", fix="bring back what was written")])
    return cast("dict[str, Any]", content)


def read_record(root: Path, file: str, model: type[Record]) -> Record:
    """Return the record that a JSON file holds.

    Raises:
        SpecError: what is wrong with it.

    """
    content = dict(read_json(root, file))
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise SpecError(problems_of(error, model, content, file, lines={}, given="")) from None


def read_approvals(root: Path, environment: str, version: str) -> list[Approval]:
    """Return the approvals of a release in an environment, of whichever plan.

    Raises:
        SpecError: what is wrong with a file.

    """
    folder = root / PLANS_FOLDER / environment / version / "approvals"
    return [read_record(root, name_of(path, root), Approval) for path in sorted(folder.glob("*.json"))]


def read_emergencies(root: Path, environment: str) -> list[Emergency]:
    """Return the emergencies of an environment, those that are over too.

    Raises:
        SpecError: what is wrong with a file.

    """
    found: list[Emergency] = []
    problems: list[Problem] = []
    for path in sorted((root / EMERGENCIES_FOLDER / environment).glob("*.json")):
        try:
            found.append(_emergency(root, path))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return found


def _emergency(root: Path, path: Path) -> Emergency:
    file = name_of(path, root)
    record = dict(read_json(root, file))
    if record.pop("id", path.stem) != path.stem:
        message = "is the record of another emergency: its file was renamed"
        raise SpecError([Problem(file=file, field="id", message=message, fix="rename it back")])
    return named(Emergency, record, path.stem, file)


def open_emergencies(
    emergencies: Iterable[Emergency], roster: Roster, environment: str, at: datetime
) -> list[Emergency]:
    """Return the emergencies that hold at an instant: what is expired, or not signed as it stands, opens nothing."""
    held = held_emergencies(emergencies, roster, environment)
    return [each for each in held if each.begins <= at < each.expires]


def held_emergencies(
    emergencies: Iterable[Emergency], roster: Roster, environment: str
) -> Iterator[Emergency]:
    """Give the emergencies of an environment that are signed as they stand by somebody who may declare one."""
    for each in emergencies:
        if each.environment == environment and not check_emergency(each, roster):
            yield each


def overdue(root: Path, emergencies: Iterable[Emergency], at: datetime) -> list[Emergency]:
    """Return the emergencies whose retrospective should have been written by now and is not."""
    return [
        each
        for each in emergencies
        if at.date() > each.retrospective_due
        and not written(root / retrospective_file(each.environment, each.id))
    ]


def written(path: Path) -> bool:
    """Say whether a retrospective says anything: more than a heading."""
    try:
        return len(path.read_text(encoding="utf-8").split()) >= _RETROSPECTIVE_WORDS
    except (OSError, UnicodeDecodeError):
        return False
