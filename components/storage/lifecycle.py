"""How long objects are kept, by what they are: never shorter than the recovery of what they belong to needs."""

from dataclasses import dataclass
from typing import Final

from spec.environment import EnvironmentSpec
from spec.tiers import RETENTION
from spec.vocabulary import EnvironmentName

WITH_CUSTOMERS: Final = frozenset({EnvironmentName.PRODUCTION, EnvironmentName.DR})
"""The environments in which customers' data are in use."""

_WINDOW_ELSEWHERE: Final = 7
MARGIN_DAYS: Final = 7
"""How much longer an object that was replaced or deleted is kept than the databases can be wound back to: a
restore to the first day of the window begins some days after somebody noticed that it is needed."""

ABORT_DAYS: Final = 7
"""After which the parts of an upload that was never finished are removed: they are paid for and seen by nobody."""

_YEAR: Final = 365
LARGE_BYTES: Final = 128 * 1024
"""Below this size S3 moves nothing to a cheaper class, because the class would cost more."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a bucket's lifecycle; what is None is not done."""

    key: str
    prefix: str = ""
    larger_than: int | None = None
    expire_days: int | None = None
    noncurrent_days: int | None = None
    abort_days: int | None = None
    transition: tuple[int, str] | None = None
    why: str


@dataclass(frozen=True, kw_only=True)
class Lock:
    """For how long nobody deletes a version. COMPLIANCE: not the account's owner either."""

    mode: str
    days: int


def recovery_window(environment: EnvironmentSpec) -> int:
    """Return over how many days back databases can be restored: the longest of any tier where customers are."""
    if environment.name in WITH_CUSTOMERS:
        return max(kept.days for kept in RETENTION.values())
    return _WINDOW_ELSEWHERE


def log_days(environment: EnvironmentSpec) -> int:
    """Return how long logs are kept: an intrusion is found after months; elsewhere nobody looks back so far.

    The stack file may state another number.
    """
    if environment.aws is not None and environment.aws.log_days is not None:
        return environment.aws.log_days
    return _YEAR + 35 if environment.name in WITH_CUSTOMERS else 60


def evidence_days(environment: EnvironmentSpec) -> int:
    """Return how long evidence of releases is kept: three yearly audits, where there is anything to audit."""
    return 3 * _YEAR + 1 if environment.name in WITH_CUSTOMERS else 30


def backup_lock(environment: EnvironmentSpec) -> Lock:
    """Return the lock of backups: as long as they may be needed, and no longer.

    A purge waits for the retention anyway, so the lock never keeps what the law says to erase.
    """
    mode = "COMPLIANCE" if environment.name in WITH_CUSTOMERS else "GOVERNANCE"
    return Lock(mode=mode, days=recovery_window(environment))


def evidence_lock(environment: EnvironmentSpec) -> Lock:
    """Return the lock of evidence."""
    mode = "COMPLIANCE" if environment.name in WITH_CUSTOMERS else "GOVERNANCE"
    return Lock(mode=mode, days=evidence_days(environment))


def tidying(environment: EnvironmentSpec) -> Rule:
    """Return the rule that every bucket has: unfinished uploads go, and so do old versions, but late."""
    return Rule(
        key="tidy",
        abort_days=ABORT_DAYS,
        noncurrent_days=recovery_window(environment) + MARGIN_DAYS,
        why=(
            f"A version that was replaced or deleted stays {recovery_window(environment)} + {MARGIN_DAYS} days: "
            "a database that is wound back needs the files of its day."
        ),
    )


def log_rules(environment: EnvironmentSpec) -> tuple[Rule, ...]:
    """Return the rules of the bucket of logs."""
    days = log_days(environment)
    return (
        tidying(environment),
        Rule(
            key="audit",
            prefix="audit/",
            expire_days=days,
            transition=(90, "STANDARD_IA") if days > 90 + 30 else None,
            why="The record of who did what; after three months it is read only when something happened.",
        ),
        Rule(
            key="loki",
            prefix="loki/",
            expire_days=days,
            why="Loki tidies up by itself; this catches what it forgets, and never comes before it.",
        ),
    )


def file_rules(environment: EnvironmentSpec) -> tuple[Rule, ...]:
    """Return the rules of the bucket of tenants' files: current ones never expire."""
    return (
        tidying(environment),
        Rule(
            key="large",
            larger_than=LARGE_BYTES,
            transition=(30, "INTELLIGENT_TIERING"),
            why="Most large files are read in their first month only; S3 finds out which, and they stay at hand.",
        ),
    )


def evidence_rules(environment: EnvironmentSpec) -> tuple[Rule, ...]:
    """Return the rules of the bucket of evidence: it goes when its lock has ended, and not before."""
    return (
        tidying(environment),
        Rule(
            key="kept",
            expire_days=evidence_days(environment) + 30,
            why="A month after the lock: what is kept for ever is searched by nobody and found by everybody.",
        ),
    )
