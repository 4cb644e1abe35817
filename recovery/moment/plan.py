"""How a cell is wound back to a moment: from which base backup, to which target, and what it loses. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spec.naming import DATABASE_CLUSTER
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from components.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base backup that was finished."""

    id: str
    finished_at: datetime


@dataclass(frozen=True, kw_only=True)
class MomentPlan:
    """A recovery of a cell to a moment; `name` is that of the cluster that is made."""

    name: str
    base: Base
    target: datetime
    replayed: timedelta
    """How much write-ahead log is replayed: what the recovery takes its time for."""
    lost: timedelta
    """What was committed after the target and until the last known heartbeat: it is given up by choice."""
    steps: tuple[str, ...]


def plan_moment(
    cell: str, target: datetime, bases: Sequence[Base], beats: Sequence[datetime], *, window: timedelta
) -> MomentPlan:
    """Plan the recovery of a cell.

    Args:
        cell: its id.
        target: the moment, with its time zone: the last transaction before it is the last that counts.
        bases: base backups in the archive.
        beats: heartbeats known to be in the archive.
        window: how far back the archive is kept.

    Raises:
        SpecError: there is no way to that moment; the message says to which there is.

    """
    last = max(beats, default=None)
    earlier = [base for base in bases if base.finished_at <= target]
    if last is None or not earlier or target >= last or last - target > window:
        raise SpecError([_refused(target, bases, last, window)])
    base = max(earlier, key=lambda each: each.finished_at)
    name = f"{DATABASE_CLUSTER}-at-{target:%Y%m%d%H%M%S}"
    return MomentPlan(
        name=name,
        base=base,
        target=target,
        replayed=target - base.finished_at,
        lost=last - target,
        steps=(
            f"Close cell {cell} to its tenants: scale their processes to nothing. Leave its cluster running.",
            f"Create cluster {name} beside it, from {base.id}, to {target.isoformat()}: it archives nowhere.",
            f"Wait until {name} is healthy; its newest heartbeat must be of at most one minute before the target.",
            "Check it: pg_amcheck, row counts, and for each tenant that the files of its database are there.",
            "Files: bring back what was collected since, from the tenants' backups or the bucket's old versions.",
            f"Give {name} an archive of its own, under a new server name, and take a base backup at once.",
            f"Lead the tenants to {name}, one first, and open them. Keep the old cluster for the recovery window.",
        ),
    )


def measured_rpo(lost_at: datetime, recovered: Sequence[datetime]) -> timedelta:
    """Return what a loss at a moment really cost: from the newest heartbeat that came back until then.

    Raises:
        ValueError: no heartbeat came back.

    """
    if not recovered:
        raise ValueError("no heartbeat came back, so nothing is known about what was lost")
    return lost_at - max(recovered)


def recovery_cluster(
    plan: MomentPlan, source: Manifest, *, name: str, object_store: str, server_name: str
) -> Manifest:
    """Return the Cluster that recovers beside the old one: the old one's, with where it comes from.

    It has no archiver: a recovery that writes into the archive it reads from is refused by it, and would
    spoil it. One instance is enough until it is chosen. It has the service account of the old one, because that is
    the one that may read the archive.
    """
    spec = {key: value for key, value in source["spec"].items() if key not in {"plugins", "bootstrap"}}
    external = {
        "name": server_name,
        "plugin": {
            "name": "barman-cloud.cloudnative-pg.io",
            "parameters": {"barmanObjectName": object_store, "serverName": server_name},
        },
    }
    recovery = {
        "source": server_name,
        "recoveryTarget": {"backupID": plan.base.id, "targetTime": plan.target.isoformat()},
    }
    metadata = {**source["metadata"], "name": name}
    owner = {
        key: value
        for key, value in source["spec"].get("bootstrap", {}).get("initdb", {}).items()
        if key in {"database", "owner"}
    }
    # What waits for a standby would never be confirmed by the only instance.
    postgresql = {
        key: value for key, value in source["spec"].get("postgresql", {}).items() if key != "synchronous"
    }
    new = {
        **spec,
        "instances": 1,
        "enablePDB": False,
        "primaryUpdateMethod": "restart",
        "serviceAccountName": source["metadata"]["name"],
        "bootstrap": {"recovery": {**recovery, **owner}},
        "externalClusters": [external],
    }
    if postgresql:
        new["postgresql"] = postgresql
    return {**source, "metadata": metadata, "spec": new}


def _refused(target: datetime, bases: Sequence[Base], last: datetime | None, window: timedelta) -> Problem:
    first = min((base.finished_at for base in bases), default=None)
    if first is None or last is None:
        message, allowed = "cannot be reached: the archive has no base backup or no heartbeat", "nothing"
    else:
        begin = max(first, last - window)
        message, allowed = "cannot be reached", f"from {begin.isoformat()} until before {last.isoformat()}"
    return Problem(
        file="the command line",
        field="--to",
        value=target.isoformat(),
        message=message,
        allowed=allowed,
        fix="choose a moment before the damage with a heartbeat after it" if last else "take a base backup",
    )
