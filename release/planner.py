"""Making a plan: from the tenants, the release and the calendars to waves in time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from release.fitness import left_out, refuse_unfit, warnings
from release.freezes import HORIZON, Opening, Room, Timeline, timeline
from release.plan import Placement, Plan, Wave
from release.pointers import Pointer, segment_of
from release.rings import CHANGE, GATHERING, PATIENCE, RingRules, rules_of
from release.risk import needs
from spec.calendar_files import Calendars
from spec.fleet import Fleet
from spec.problems import Problem, SpecError, shown
from spec.releases import Migration, Release
from spec.tenant import TenantSpec
from spec.vocabulary import Criticality, Ring

OPEN_RINGS: Final = (Ring.CANARY, Ring.EARLY, Ring.GENERAL)
HALT_RULE: Final = (
    "A wave starts when the one before it has been watched for its time and no more of its tenants went back than its "
    "failure budget allows. Otherwise the release stands until it is planned anew."
)

_CRITICALITIES: Final = tuple(Criticality)


@dataclass(frozen=True, kw_only=True)
class _Member:
    tenant: TenantSpec
    times: Timeline
    turn: datetime | None = None
    """For a late one: when it was its ring's turn."""

    @property
    def order(self) -> tuple[int, int, str]:
        return (int(self.tenant.ring), _CRITICALITIES.index(self.tenant.criticality), self.tenant.id)


def plan_release(fleet: Fleet, release: Release, pointers: Mapping[str, Pointer], begins: datetime) -> Plan:
    """Return the plan of a release to an environment.

    Args:
        fleet: the environment, its tenants and calendars.
        release: the release.
        pointers: which release each tenant runs; without those that have none yet.
        begins: the first instant at which anything may start.

    Raises:
        SpecError: a test of the release failed, its migration is not what its series needs, or a calendar leaves no
            room for it.

    """
    begins = _next_minute(begins)
    refuse_unfit(release, pointers)
    skipped = tuple(left_out(fleet.tenants, release, pointers))
    resting = {each.tenant for each in skipped}
    moved = [tenant for tenant in fleet.tenants if tenant.id not in resting]
    waves = _Waves(release, pointers, _times(moved, fleet.calendars, begins), begins).all(moved)
    manifest = release.manifest
    return Plan(
        environment=fleet.environment.name.value,
        release=manifest.version,
        manifest=release.digest,
        migration=manifest.migration.value,
        rollback=manifest.rollback.value,
        builders=manifest.built_by,
        begins=begins,
        halt_rule=HALT_RULE,
        change_minutes=int(CHANGE[manifest.migration] / timedelta(minutes=1)),
        approvals=needs(manifest, len(moved)),
        waves=waves,
        left_out=skipped,
        warnings=tuple(warnings(fleet, waves)),
        finish=max((end_of(wave) for wave in waves), default=begins),
    )


def end_of(wave: Wave) -> datetime:
    """Return when a wave has been watched, as projected."""
    return wave.starts + timedelta(hours=wave.soak_hours)


def room_of(wave: Wave, plan: Plan) -> Room:
    """Return what the tenants of a wave need after its start."""
    return Room(change=timedelta(minutes=plan.change_minutes), calm=timedelta(hours=wave.soak_hours))


class _Waves:
    """Makes the waves one after the other; `clock` is when the next may begin."""

    def __init__(
        self,
        release: Release,
        pointers: Mapping[str, Pointer],
        times: Mapping[str | None, Timeline],
        begins: datetime,
    ) -> None:
        self._release = release
        self._pointers = pointers
        self._times = times
        self._clock = begins
        self._waves: list[Wave] = []

    def all(self, tenants: Sequence[TenantSpec]) -> tuple[Wave, ...]:
        late: list[_Member] = []
        for ring in OPEN_RINGS:
            late += self._ring(ring, tenants)
        self._late(late)
        self._late(self._ring(Ring.GUARDED, tenants))
        return tuple(self._waves)

    def _ring(self, ring: Ring, tenants: Sequence[TenantSpec]) -> list[_Member]:
        """Make the waves of a ring and return its late tenants. A ring of which nobody is open is waited for."""
        members = [
            _Member(tenant=each, times=self._times[each.calendar]) for each in tenants if each.ring is ring
        ]
        late: list[_Member] = []
        before = len(self._waves)
        for criticality in _CRITICALITIES:
            waiting = sorted((each for each in members if each.tenant.criticality is criticality), key=_order)
            while waiting:
                chosen, opening = self._soonest(waiting, ring)
                if opening.starts > self._clock + PATIENCE:
                    late += [
                        _Member(tenant=each.tenant, times=each.times, turn=self._clock) for each in waiting
                    ]
                    break
                waiting = self._wave(chosen, opening, ring, waiting, late=False)
        if members and len(self._waves) == before:
            late.sort(key=_order)
            chosen, opening = self._soonest(late, ring)
            late = self._wave(chosen, opening, ring, late, late=False)
        return late

    def _late(self, waiting: list[_Member]) -> None:
        waiting = sorted(waiting, key=_order)
        while waiting:
            # One ring at a time, so that what holds for a wave is clear; whichever is open first.
            found = [
                self._soonest([each for each in waiting if each.tenant.ring is ring], ring)
                for ring in _rings(waiting)
            ]
            chosen, opening = min(found, key=lambda each: (each[1].starts, each[0][0].order))
            waiting = self._wave(chosen, opening, chosen[0].tenant.ring, waiting, late=True)

    def _rules(self, ring: Ring) -> RingRules:
        earlier = sum(each.ring == ring for each in self._waves)
        return rules_of(ring, self._release.manifest.migration, earlier)

    def _soonest(self, waiting: Sequence[_Member], ring: Ring) -> tuple[list[_Member], Opening]:
        """Return those who can start first, as many as a wave takes, and from when until when they all can.

        Whoever is open first leads. Those who are open soon after join, in their order, and the start moves with them.
        """
        rules = self._rules(ring)
        room = Room(change=CHANGE[self._release.manifest.migration], calm=rules.soak)
        openings = {each.tenant.id: _opening(each, self._clock, room) for each in waiting}
        lead = min(waiting, key=lambda each: (openings[each.tenant.id].starts, each.order))
        common = openings[lead.tenant.id]
        until = common.starts + GATHERING
        chosen = [lead]
        for each in waiting:
            own = openings[each.tenant.id]
            both = Opening(starts=max(common.starts, own.starts), latest=min(common.latest, own.latest))
            if (
                each is not lead
                and len(chosen) < rules.most
                and own.starts <= until
                and both.starts <= both.latest
            ):
                chosen.append(each)
                common = both
        return sorted(chosen, key=_order), common

    def _wave(
        self, chosen: list[_Member], opening: Opening, ring: Ring, waiting: list[_Member], *, late: bool
    ) -> list[_Member]:
        """Add a wave and return who still waits."""
        rules = self._rules(ring)
        placements = tuple(self._placement(each, opening) for each in chosen)
        self._waves.append(
            Wave(
                number=len(self._waves) + 1,
                ring=int(ring),
                late=late,
                starts=opening.starts,
                latest=opening.latest,
                soak_hours=rules.soak / timedelta(hours=1),
                failure_budget=rules.failure_budget,
                reason=self._why(rules, opening, late=late),
                tenants=placements,
            )
        )
        self._clock = opening.starts + rules.soak
        taken = {each.tenant.id for each in chosen}
        return [each for each in waiting if each.tenant.id not in taken]

    def _why(self, rules: RingRules, opening: Opening, *, late: bool) -> str:
        parts = [f"At most {rules.most} tenants at once"]
        if self._release.manifest.migration is not Migration.NONE:
            parts[0] += ", half as many as without a change of the database"
        if late:
            parts.append("their calendars were closed when it was their ring's turn")
        elif opening.starts > self._clock:
            parts.append("it waits until the first of their calendars opens")
        return "; ".join(parts) + "."

    def _placement(self, member: _Member, opening: Opening) -> Placement:
        tenant = member.tenant
        pointer = self._pointers.get(tenant.id)
        touched = [each for each in self._release.manifest.integrations if each in tenant.integrations]
        reason = f"Ring {int(tenant.ring)} ({tenant.ring.name.lower()}), {tenant.criticality} criticality."
        since = member.turn or self._clock
        if opening.starts > since and tenant.calendar is not None:
            names = [
                each.name
                for each in member.times.closures
                if each.begins < opening.starts and each.ends > since
            ]
            reason += f" Its calendar {tenant.calendar} is closed before: {', '.join(dict.fromkeys(names))}."
        if touched:
            reason += f" It uses what the release touches: {', '.join(touched)}."
        return Placement(
            tenant=tenant.id,
            ring=int(tenant.ring),
            criticality=tenant.criticality.value,
            cell=tenant.cell,
            segment=segment_of(tenant),
            calendar=tenant.calendar,
            moves_from=None if pointer is None else pointer.release,
            reason=reason,
        )


def _order(member: _Member) -> tuple[int, int, str]:
    return member.order


def _rings(members: Iterable[_Member]) -> list[Ring]:
    return sorted({each.tenant.ring for each in members})


def _opening(member: _Member, after: datetime, room: Room) -> Opening:
    found = member.times.opening(after, room)
    if found is not None:
        return found
    tenant = member.tenant
    if member.times.opening(member.times.begins, room) is not None:
        message = f"its turn would come after {member.times.ends:%Y-%m-%d}, and plans look no further"
        fix = "shorten the freezes of the tenants before it, or split the environment"
        raise SpecError([Problem(file=f"tenants/{tenant.id}.yaml", message=message, fix=fix)])
    hours, minutes = room.calm / timedelta(hours=1), room.change / timedelta(minutes=1)
    problem = Problem(
        file=f"tenants/{tenant.id}.yaml",
        field="calendar",
        value=shown(tenant.calendar),
        message=f"leaves no room for this release before {member.times.ends:%Y-%m-%d}",
        allowed=f"{minutes:.0f} minutes for the change, and {hours:.0f} hours without a freeze after its start",
        fix=f"shorten a freeze in calendars/{tenant.calendar}.yaml, or widen its maintenance windows",
    )
    raise SpecError([problem])


def _times(
    tenants: Iterable[TenantSpec], calendars: Calendars, begins: datetime
) -> Mapping[str | None, Timeline]:
    names = {tenant.calendar for tenant in tenants}
    return {name: timeline(None if name is None else calendars[name], begins, HORIZON) for name in names}


def _next_minute(at: datetime) -> datetime:
    at = at.astimezone(UTC)
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)
