"""Records of the steps of a release: each is one JSON file, committed when the step is done, and never changed.

That a record is there is what makes a step done: a command that is killed before leaves none, and is run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence  # noqa: TC003 - pydantic needs them at run time
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from release.gates.verdict import Outcome
from release.records import read_json
from spec.explain import problems_of
from spec.loader import name_of
from spec.model import SpecModel
from spec.problems import SpecError
from spec.releases import Moment, ReleaseVersion, RollbackClass, Sha256
from spec.vocabulary import EnvironmentName, TenantId  # noqa: TC001 - pydantic needs them at run time

if TYPE_CHECKING:
    from pathlib import Path

    from release.plan import Plan, Wave

RECORDS_FOLDER: Final = "gitops/records"

CHECKPOINT_AGE: Final = timedelta(hours=24)
"""How old the checkpoint of a tenant may be when it is moved."""
RESTORE_CHECKPOINT_AGE: Final = timedelta(hours=2)
"""The same where the way back is a restore: what was sold since the checkpoint would be lost."""


class Step(StrEnum):
    """What is recorded."""

    REHEARSAL = "rehearsal"
    CHECKPOINT = "checkpoint"
    NOTICE_BEFORE = "notice-before"
    NOTICE_DURING = "notice-during"
    NOTICE_AFTER = "notice-after"
    NOTICE_BACK = "notice-back"
    GATE = "gate"
    INTEGRATION = "integration"
    SOAK = "soak"


LOOKS: Final = (Step.GATE, Step.INTEGRATION, Step.SOAK)
"""The steps at which a wave is measured."""


class StepRecord(SpecModel):
    """A step of a release that is done, and how it ended."""

    kind: Literal["storefleet.dev/step/v1"] = "storefleet.dev/step/v1"
    environment: EnvironmentName
    release: ReleaseVersion
    manifest: Sha256
    plan: Sha256
    step: Step
    wave: Annotated[int, Field(ge=1)]
    tenant: TenantId | None = None
    """None where it is of the whole wave."""
    began: Moment
    ended: Moment
    outcome: Outcome
    why: str
    """How it ended, in a sentence."""
    details: Mapping[str, Any]
    simulated: bool = False
    """Whether it happened in a model of the world and not in it."""

    @property
    def file(self) -> str:
        """The path of the record, relative to the project."""
        subject = self.tenant or f"wave-{self.wave}"
        if self.step is Step.INTEGRATION:
            subject = f"{subject}-{self.details['integration']}"
        folder = records_folder(self.environment, self.release)
        return f"{folder}/{self.step}-{subject}-{self.ended:%Y%m%dT%H%M%SZ}.json"

    @property
    def text(self) -> str:
        """The record as its file holds it."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def records_folder(environment: str, version: str) -> str:
    """Return the folder of a release's records, relative to the project."""
    return f"{RECORDS_FOLDER}/{environment}/{version}"


def read_records(root: Path, environment: str, version: str = "*") -> tuple[StepRecord, ...]:
    """Return the records of an environment, of one release or of all, in the order in which the steps ended.

    Raises:
        SpecError: what is wrong with a file.

    """
    found: list[StepRecord] = []
    for path in sorted((root / RECORDS_FOLDER / environment).glob(f"{version}/*-*Z.json")):
        file = name_of(path, root)
        content = dict(read_json(root, file))
        try:
            found.append(StepRecord.model_validate(content))
        except ValidationError as error:
            raise SpecError(problems_of(error, StepRecord, content, file, lines={}, given="")) from None
    return tuple(sorted(found, key=lambda each: (each.ended, each.file)))


def needs_rehearsal(plan: Plan, wave: Wave) -> tuple[str, ...]:
    """Return the tenants of a wave whose copy takes the step first.

    A change of the database meets data of every tenant, so each is rehearsed. Without one the code alone is tried, on
    a copy of the first tenant of the first wave.
    """
    if plan.migration != "none":
        return wave.ids
    return wave.ids[:1] if wave.number == 1 else ()


def checkpoint_age(plan: Plan) -> timedelta:
    """Return how old a checkpoint may be when its tenant is moved."""
    return RESTORE_CHECKPOINT_AGE if plan.rollback == RollbackClass.RESTORE else CHECKPOINT_AGE


def unrehearsed(records: Iterable[StepRecord], plan: Plan, wave: Wave) -> tuple[str, ...]:
    """Return the tenants whose rehearsal is missing, or did not pass when it was last tried."""
    latest = _latest(records, Step.REHEARSAL, plan.manifest)
    return tuple(
        each
        for each in needs_rehearsal(plan, wave)
        if each not in latest or latest[each].outcome is not Outcome.PASS
    )


def without_checkpoint(
    records: Iterable[StepRecord], plan: Plan, tenants: Iterable[str], at: datetime
) -> tuple[str, ...]:
    """Return the tenants without a checkpoint of this release that is young enough to be moved on."""
    latest = _latest(records, Step.CHECKPOINT, plan.manifest)
    oldest = at - checkpoint_age(plan)
    return tuple(
        each
        for each in tenants
        if each not in latest or latest[each].outcome is not Outcome.PASS or latest[each].ended < oldest
    )


def decision(
    records: Sequence[StepRecord], plan: Plan, wave: int, step: Step, since: datetime | None
) -> StepRecord | None:
    """Return what a gate (or the one at the end of the soak) of a wave last said after its move; None before."""
    if since is None:
        return None
    own = [
        each
        for each in records
        if each.step is step and each.wave == wave and each.plan == plan.digest and each.ended >= since
    ]
    return own[-1] if own else None


def newest_decision(
    records: Sequence[StepRecord], plan: Plan, wave: int, steps: Iterable[Step], since: datetime | None
) -> StepRecord | None:
    """Return the newest of what several kinds of gates of a wave last said after its move; None before any."""
    last = [decision(records, plan, wave, step, since) for step in steps]
    return max((each for each in last if each is not None), key=lambda each: each.ended, default=None)


def found_good(
    records: Sequence[StepRecord], plan: Plan, wave: int, step: Step, since: datetime | None
) -> bool:
    """Say whether a gate (or the one at the end of the soak) of a wave last passed after its move."""
    found = decision(records, plan, wave, step, since)
    return found is not None and found.outcome is Outcome.PASS


def let_in(records: Iterable[StepRecord], plan: Plan, wave: int, since: datetime) -> frozenset[str]:
    """Return the integrations that talk to the tenants of a wave again since its move, and were found good."""
    return frozenset(
        str(each.details["integration"])
        for each in records
        if each.step is Step.INTEGRATION
        and (each.wave, each.plan, each.outcome) == (wave, plan.digest, Outcome.PASS)
        and each.ended >= since
    )


def has_notice(records: Iterable[StepRecord], plan: Plan, wave: int, step: Step) -> bool:
    """Say whether the tenants of a wave have their message."""
    return any(each.step is step and each.wave == wave and each.plan == plan.digest for each in records)


def _latest(records: Iterable[StepRecord], step: Step, manifest: str) -> dict[str, StepRecord]:
    """Return the newest record of a step by tenant, of exactly this manifest."""
    return {
        each.tenant: each
        for each in records
        if each.step is step and each.tenant is not None and each.manifest == manifest
    }
