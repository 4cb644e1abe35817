"""What ends a backup, a restore or a drill: each says what is wrong and what to do about it."""

from __future__ import annotations


class RecoveryFailed(Exception):  # noqa: N818
    """It was not done, and nothing says that it was. What is kept of it is used by the next run."""


class NotWhole(RecoveryFailed):
    """What the store holds, or the filestore, is not what a recovery point needs."""


class StoreTrouble(RecoveryFailed):
    """The object store did not do what it was asked to."""


class DatabaseTrouble(RecoveryFailed):
    """PostgreSQL, or one of its programs, did not do what it was asked to."""
