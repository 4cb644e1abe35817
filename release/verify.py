"""Verifying the evidence of a release offline: what it names is still what it was, and people signed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from release.evidence import PREDICATE, ROLE, STATEMENT, authenticated, evidence_file, opened, recorded_moves
from release.ledger import records_folder
from release.manifests import manifest_problem
from release.records import check_approval, read_json
from release.risk import Given, missing, refused
from release.signing import verified_bytes
from spec.problems import Problem, SpecError, printable
from spec.releases import digest_of
from spec.roster import ROSTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from release.known import Facts
    from release.plan import Plan

_FIX = "find out who changed it, and bring back what was committed: git log -p -- "


def verification_problems(root: Path, facts: Facts, plan: Plan) -> list[Problem]:
    """Return everything that is wrong with the evidence of a plan; nothing when it holds.

    Raises:
        SpecError: there is none.

    """
    file = evidence_file(plan)
    try:
        payload, content, by, signature = opened(read_json(root, file))
    except ValueError as error:
        return [_problem(file, f"is {error}")]
    problems = [_problem(file, why) for why in _signature(facts, plan, payload, (by, signature))]
    if content.get("_type") != STATEMENT or content.get("predicateType") != PREDICATE:
        return [*problems, _problem(file, "states something else than the evidence of a release")]
    try:
        problems += _content(root, facts, plan, content)
    except (KeyError, TypeError, ValueError) as error:
        problems.append(_problem(file, f"is not whole ({type(error).__name__})"))
    return problems


def _signature(facts: Facts, plan: Plan, payload: bytes, signed: tuple[str, str]) -> Iterator[str]:
    by, signature = signed
    approver = None if facts.roster is None else facts.roster.approvers.get(by)
    if approver is None:
        yield f"is signed by {printable(by[:80])}, who is not in {ROSTER}"
    elif ROLE not in approver.may:
        yield f"is signed by {by}, who may not sign in the role {ROLE}"
    elif not verified_bytes(authenticated(payload), signature, approver.key):
        yield f"does not bear the signature of {by}: it was changed after it was signed, or signed with another key"
    elif by in plan.builders:
        yield f"is signed by {by}, who built the release"


def _content(root: Path, facts: Facts, plan: Plan, content: Mapping[str, Any]) -> Iterator[Problem]:
    file, predicate = evidence_file(plan), content["predicate"]
    if (predicate["environment"], predicate["release"]) != (plan.environment, plan.release):
        yield _problem(file, "is the evidence of another release or environment: it was moved")
    if predicate["plan"]["plan"] != plan.digest:
        yield _problem(file, "is the evidence of another plan")
    manifest = facts.releases[plan.release].manifest
    if content["subject"][0]["digest"]["sha256"] != manifest.bundle.removeprefix("sha256:"):
        yield _problem(file, "is about another bundle than the manifest states")
    named = [
        predicate["changed"]["manifest"],
        *([predicate["changed"]["signature"]] if "signature" in predicate["changed"] else []),
        predicate["plan"],
        *predicate["approvals"],
        *predicate["records"],
    ]
    for each in (*named, *predicate["emergencies"]):
        yield from _file(root, str(each["file"]), str(each["digest"]))
    known = {str(each["file"]) for each in predicate["records"]}
    folder = records_folder(plan.environment, plan.release)
    for path in sorted((root / folder).glob("*.json")):
        name = path.relative_to(root).as_posix()
        if name not in known:
            yield _problem(name, "is a record that the evidence does not name: it was added afterwards")
    unsigned = manifest_problem(
        plan.release, facts.releases[plan.release], facts.signatures.get(plan.release), facts.roster
    )
    if unsigned is not None:
        yield _problem(unsigned.file, unsigned.message)
    yield from _approvals(facts, plan, predicate["approvals"])
    if predicate["moves"] != recorded_moves(facts, plan):
        yield _problem(file, "names other moves than the history of the pointers holds")


def _file(root: Path, name: str, digest: str) -> Iterator[Problem]:
    try:
        text = (root / name).resolve()
        if not text.is_relative_to(root.resolve()):
            yield _problem(name, "is outside of the project")
        elif digest_of(text.read_text(encoding="utf-8")) != digest:
            yield _problem(name, "was changed after the evidence was signed")
    except (OSError, UnicodeDecodeError):
        yield _problem(name, "is named by the evidence and cannot be read: it was removed")


def _approvals(facts: Facts, plan: Plan, named: list[Mapping[str, Any]]) -> Iterator[Problem]:
    given: list[Given] = []
    for approval in facts.plans[plan.release].approvals:
        one = Given(role=approval.role, by=approval.by)
        sound = facts.roster is not None and not check_approval(approval, facts.roster)
        stated = any((each["role"], each["by"]) == (approval.role, approval.by) for each in named)
        if approval.plan == plan.digest and sound and stated and not refused(one, plan.builders):
            given.append(one)
    for need in missing(plan.approvals, given, plan.builders):
        yield _problem(evidence_file(plan), f"names no approval in the role {need.role} that holds")


def _problem(file: str, message: str) -> Problem:
    return Problem(file=file, message=message, fix=f"{_FIX}{file}")


def refuse_unsound(root: Path, facts: Facts, plan: Plan) -> None:
    """Raise SpecError when the evidence of a plan does not hold."""
    problems = verification_problems(root, facts, plan)
    if problems:
        raise SpecError(problems)
