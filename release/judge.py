"""Whether a pointer may move: by an approved plan, by the way back, or by an emergency; and never in a freeze. Pure.

The command that moves pointers and the check of a change ask the same functions.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from release.freezes import Answer, Room, timeline
from release.known import Approved, Facts, Proposal
from release.manifests import manifest_problem
from release.records import check_approval, plan_file
from release.repository import Move
from release.risk import Given, missing, refused
from release.turns import wave_problems
from spec.problems import Problem, shown
from spec.releases import RollbackClass
from spec.roster import Role

LOOK_AHEAD = timedelta(days=400)


def freeze_problem(facts: Facts, tenant_id: str, file: str, room: Room | None = None) -> Problem | None:
    """Return why a tenant may not be moved now by its calendar; None when it may, or when an emergency opens it."""
    if any(each.open_for(tenant_id, facts.at) for each in facts.emergencies):
        return None
    tenant = facts.fleet.tenant(tenant_id)
    if tenant.calendar is None:
        return None
    answer = timeline(facts.fleet.calendars[tenant.calendar], facts.at, LOOK_AHEAD).answer(facts.at, room)
    if answer.may_start:
        return None
    return Problem(
        file=file, message=closed_sentence(tenant_id, tenant.calendar, facts.at, answer), fix=_way_out(answer)
    )


def closed_sentence(tenant_id: str, calendar: str, at: datetime, answer: Answer) -> str:
    """Say that a tenant is closed, until when and why, in a clause."""
    names = ", ".join(dict.fromkeys(each.name for each in answer.why))
    now = [each for each in answer.why if each.begins <= at < each.ends]
    state = "is closed" if now else "has no room before the next freeze"
    if any(each.freeze for each in now):
        state = "is frozen"
    until = "with no end in sight" if answer.until is None else f"until {answer.until:%Y-%m-%d %H:%M} UTC"
    return f"{tenant_id} {state} {until}: {names} (calendars/{calendar}.yaml)"


def plan_problems(facts: Facts, version: str) -> list[Problem]:
    """Return why the plan of a release may not be carried out: it is missing, outdated or not approved."""
    file = plan_file(facts.environment, version)
    approved = facts.plans.get(version)
    fix = f"storefleet release plan {version} --env {facts.environment} --write"
    if approved is None:
        return [Problem(file=file, message=f"there is no plan of {version} for {facts.environment}", fix=fix)]
    release = facts.releases.get(version)
    if release is None or release.digest != approved.plan.manifest:
        message = f"was made for another manifest than releases/{version}/release.yaml"
        return [Problem(file=file, message=message, fix=fix)]
    unsigned = manifest_problem(version, release, facts.signatures.get(version), facts.roster)
    return [*([] if unsigned is None else [unsigned]), *_approval_problems(facts, approved, file)]


def _approval_problems(facts: Facts, approved: Approved, file: str) -> Iterator[Problem]:
    plan = approved.plan
    given: list[Given] = []
    for approval in approved.approvals:
        one = Given(role=approval.role, by=approval.by)
        if approval.plan != plan.digest:
            continue
        why = (
            "nobody is named who may approve"
            if facts.roster is None
            else check_approval(approval, facts.roster)
        )
        why = why or refused(one, plan.builders)
        if why:
            message = f"the approval in the role {approval.role} does not count: {why}"
            yield Problem(file=file, message=message, fix="have somebody else approve")
        else:
            given.append(one)
    for need in missing(plan.approvals, given, plan.builders):
        stale = any(each.role is need.role and each.plan != plan.digest for each in approved.approvals)
        yield Problem(
            file=file,
            message=f"lacks an approval in the role {need.role}"
            + (" (there is one of another plan)" if stale else ""),
            allowed=f"{need.why} Each role is filled by another person, and by none of {', '.join(plan.builders)}.",
            fix=_approve(facts, plan.release, need.role),
        )


def previous_release(moves: Sequence[Move], tenant: str, current: str) -> str | None:
    """Return the release that a tenant ran before its current one; None when it ran none."""
    return next((each.before for each in moves if each.tenant == tenant and each.after == current), None)


def rollback_problems(facts: Facts, version: str, tenants: Collection[str], file: str) -> Iterator[Problem]:
    """Yield why tenants may not go back from a release by its declared way back."""
    release = facts.releases.get(version)
    if release is None:
        yield Problem(
            file=file, message=f"there is no release {version} that would say how one comes back from it"
        )
        return
    way = release.manifest.rollback
    if way is RollbackClass.FORWARD_ONLY:
        message = f"{version} is forward-only: nobody comes back from it"
        yield Problem(file=file, message=message, fix="build a release that mends it, and plan it")
    elif way is RollbackClass.RESTORE and not _restore_approved(facts, version):
        yield Problem(
            file=file,
            message=f"{version} comes back by a restore, which loses what {len(tenants)} tenants sold since",
            allowed="with an approval in the role restore, of the plan that moved them",
            fix=_approve(facts, version, Role.RESTORE),
        )


def _approve(facts: Facts, version: str, role: Role) -> str:
    return f"storefleet release approve {version} --env {facts.environment} --role {role} --by ... --key ..."


def _restore_approved(facts: Facts, version: str) -> bool:
    approved = facts.plans.get(version)
    if approved is None or facts.roster is None:
        return False
    return any(
        each.role is Role.RESTORE
        and each.plan == approved.plan.digest
        and not check_approval(each, facts.roster)
        and not refused(Given(role=each.role, by=each.by), approved.plan.builders)
        for each in approved.approvals
    )


def move_problems(facts: Facts, proposal: Proposal, file: str) -> Iterator[Problem]:
    """Yield why the change of one pointer that somebody proposes is not allowed; nothing when it is."""
    tenant, version = proposal.after.tenant, proposal.after.release
    if version not in facts.releases:
        fix = f"add releases/{version}/release.yaml first"
        yield Problem(
            file=file, field="release", value=shown(version), message="there is no such release", fix=fix
        )
        return
    frozen = freeze_problem(facts, tenant, file)
    if frozen is not None:
        yield frozen
    if version == proposal.before.release or _by_emergency(facts, tenant, version):
        return
    reasons = plan_problems(facts, version)
    approved = facts.plans.get(version)
    if not reasons and approved is not None:
        wave = next((each for each in approved.plan.waves if tenant in each.ids), None)
        if wave is None:
            reasons = [Problem(file=file, message=f"the plan of {version} does not move {tenant}")]
        else:
            reasons = list(wave_problems(facts, approved.plan, wave))
    if not reasons:
        return
    if version == previous_release(facts.moves, tenant, proposal.before.release):
        yield from rollback_problems(facts, proposal.before.release, [tenant], file)
        return
    yield Problem(
        file=file,
        field="release",
        value=shown(version),
        message=f"moves {tenant} from {proposal.before.release} outside an approved plan",
        allowed="a wave of an approved plan, the way back, or an emergency that names tenant and release",
        fix="storefleet release promote moves pointers; nobody else does",
    )
    yield from reasons


def _by_emergency(facts: Facts, tenant: str, version: str) -> bool:
    return any(each.open_for(tenant, facts.at) and each.release == version for each in facts.emergencies)


def _way_out(answer: Answer) -> str:
    if answer.until is None:
        return "change the calendar, or record an emergency"
    return "wait until then, or record an emergency: storefleet release emergency"
