"""What Argo CD put back by itself: objects that somebody changed, and that are as the commit says again. Pure.

Its history of synchronisations does not hold that. Two things tell of it: the last operation of an Application, which
names the objects and was started by nobody, and the events about it, which the API server keeps for an hour.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from release.reading import moment, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVENTS_KEPT: Final = timedelta(hours=1)
"""How long the API server keeps events unless it is told otherwise (`--event-ttl`)."""

_PUT_BACK: Final = re.compile(r"Partial sync operation to ([0-9a-f]{7,40}) succeeded")


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Objects of a tenant that were put back."""

    tenant: str
    at: datetime
    revision: str
    """The commit that they were brought in line with."""
    objects: tuple[str, ...]
    """Kind and name of each; empty where only an event tells of it."""

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {**asdict(self), "at": self.at.isoformat(), "objects": list(self.objects)}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What was put back in a time, and how far back that is known."""

    since: datetime
    until: datetime
    known_from: datetime
    """From when on all of it is known; before that only the last operation is."""
    corrections: tuple[Correction, ...]

    def record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "knownFrom": self.known_from.isoformat(),
            "corrected": [each.record() for each in self.corrections],
        }


def drift(
    applications: Mapping[str, Mapping[str, Any]],
    events: Mapping[str, Sequence[Mapping[str, Any]]] | None,
    since: datetime,
    until: datetime,
) -> Drift:
    """Return what was put back in a time.

    Args:
        applications: by tenant, its object of kind Application.
        events: by tenant, the events about it; None where nobody could ask for them.
        since: from when on.
        until: until when.

    """
    found: dict[tuple[str, datetime], Correction] = {}
    for tenant, application in applications.items():
        for one in (*_of_events(tenant, (events or {}).get(tenant, ())), *_of_operation(tenant, application)):
            if since < one.at <= until:
                # The operation ends a moment before the event about it is written, and knows more.
                near = [
                    key for key in found if key[0] == tenant and abs(key[1] - one.at) <= timedelta(seconds=5)
                ]
                for key in near:
                    del found[key]
                found[tenant, one.at] = one
    known = until if events is None else max(since, until - EVENTS_KEPT)
    ordered = sorted(found.values(), key=lambda each: (each.at, each.tenant))
    return Drift(since=since, until=until, known_from=known, corrections=tuple(ordered))


def in_words(looks: Sequence[Mapping[str, Any]]) -> tuple[bool, bool, str]:
    """Return whether anything was put back, whether some look cannot say, and both in a sentence.

    Args:
        looks: the details of the records of looks at the waves of a release.

    """
    told = [each["drift"] for each in looks if "drift" in each]
    corrected = [
        f"{one['tenant']}: {', '.join(one['objects']) or 'objects'} put back at {one['at'][:16].replace('T', ' ')} UTC"
        for each in told
        for one in each["corrected"]
    ]
    none = f"nothing was changed by hand, as far as {len(told)} of {len(looks)} looks can say"
    return bool(corrected), not looks or len(told) < len(looks), "; ".join(corrected[:4]) or none


def _of_operation(tenant: str, application: Mapping[str, Any]) -> Iterable[Correction]:
    state = part(part(application, "status"), "operationState")
    operation = part(state, "operation")
    sync = part(operation, "sync")
    if state.get("phase") != "Succeeded" or not part(operation, "initiatedBy").get("automated"):
        return
    if not sync.get("autoHealAttemptsCount"):
        return  # it brought a new commit
    at = moment(state.get("finishedAt"))
    if at is not None:
        objects = tuple(
            f"{each.get('kind', '?')} {each.get('name', '?')}"
            for each in cast("Sequence[Mapping[str, Any]]", sync.get("resources") or ())
        )
        revision = str(part(state, "syncResult").get("revision") or sync.get("revision") or "")
        yield Correction(tenant=tenant, at=at, revision=revision, objects=objects)


def _of_events(tenant: str, events: Iterable[Mapping[str, Any]]) -> Iterable[Correction]:
    for each in events:
        said = _PUT_BACK.search(str(each.get("message", "")))
        at = moment(each.get("lastTimestamp") or each.get("eventTime"))
        if said and each.get("reason") == "OperationCompleted" and at is not None:
            yield Correction(tenant=tenant, at=at, revision=said[1], objects=())
